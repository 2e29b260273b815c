#include "engine/backends/cuda/fetched_feed_forward.h"

namespace switchyard::cuda {

FetchedFeedForward::FetchedFeedForward(StepLaunch& step, const ExpertsStep& experts, int first_row,
                                       const UnitsParams& units, const std::optional<WeighedInputs>& weighed)
    : step_(step), experts_(experts), first_row_(first_row), units_(units), weighed_(weighed) {
    if (step.shape.prompt_rows > 0)
        units_.row_pairs = step.scratch.row_pairs.get<std::int32_t>();
}

void FetchedFeedForward::reserve(const StepShape& shape, const FeedForwardParams& p, Scratch& scratch) {
    const auto rows = static_cast<std::size_t>(shape.rows);
    scratch.block_hidden.want(1, dense_column(p, p.block_count), shape.formats);
    scratch.group_choices.want(rows * static_cast<std::size_t>(p.most) * sizeof(ExpertChoice));
    scratch.group_counts.want(rows * sizeof(std::int32_t));
}

/// Brings a group, and lists it for what is launched next.
ExpertFetch::Group FetchedFeedForward::launch_units(int group) const {
    UnitsParams units = units_;
    auto* choices = step_.scratch.group_choices.get<ExpertChoice>();
    auto* counts = step_.scratch.group_counts.get<std::int32_t>();
    const ExpertFetch::Group brought = step_.fetch->bring(group, choices, counts);
    if (!brought.all) {
        units.choices = choices;
        units.counts = counts;
    }
    step_.any = false; // it waits for the copies in front
    list(units);
    return brought;
}

void FetchedFeedForward::list(const UnitsParams& units) const {
    step_.launch<Kernel::Units>({1, 1}, units);
    if (weighed_)
        weighed_->launch(step_);
}

/// As the launches for all units at once, split: a row's sum goes on where the group before left it, and the
/// blocks beside the experts, which come last in it, compute while those are on their way.
void FetchedFeedForward::launch_answers(const FeedForwardParams& all) const {
    FeedForwardParams experts = all, blocks = all;
    blocks.hidden = step_.scratch.block_hidden.rows_of(0);
    experts.block_count = 0;
    blocks.list = nullptr;
    blocks.expert = {};
    blocks.most = blocks.most_units = 0;
    if (blocks.block_count > 0)
        step_.launch_gate_up(blocks);
    const int groups = begin();
    for (int g = 0; g < groups; ++g) {
        launch_units(g);
        if (weighed_)
            launch_weighed(step_, experts);
        else
            step_.launch_feed_forward(experts, nullptr);
        step_.fetch->used();
        experts.add = true;
    }
    blocks.add = true;
    if (blocks.block_count > 0)
        step_.launch_down(blocks);
}

/// Groups leave the results of their pairs, which are summed when all are there: pairs are numbered as
/// experts are, through all groups.
void FetchedFeedForward::launch_prompts(PromptFeedForward f) const {
    float* const results = f.results;
    f.hidden = results + prompt_result_floats(f.layer);
    const StepLaunch::Launches launches{step_};
    const PromptFeedForwardLaunch launch(f, launches); // of `f` as it is then
    const int groups = begin();
    for (int g = 0; g < groups; ++g) {
        const ExpertFetch::Group group = launch_units(g);
        f.results = results + std::int64_t{group.pairs_before} * f.layer.out_width;
        launch.experts();
        step_.fetch->used();
    }
    f.results = results;
    if (groups > 1)
        list(units_);
    launch.combine();
    launch.blocks();
}

} // namespace switchyard::cuda
