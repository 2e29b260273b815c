#include "engine/backends/cuda/chosen_stages.h"

#include "engine/backends/cuda/row_steps.h"
#include "engine/base/error.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace switchyard::cuda {

namespace {

/// Of rows that are scored, and of those that attend, together.
constexpr std::size_t kMostScoreBytes = std::size_t{64} << 20, kMostSplitBytes = std::size_t{128} << 20;

/// Blocks of keys that a row of such a context sees.
int most_blocks(const ChoiceTable& table, int context) { return table.blocks(std::max(context, 1) - 1); }

/// Rows whose scores are there at a time.
int rows_at_once(const ChoiceTable& table, const StepShape& shape) {
    const std::size_t row = static_cast<std::size_t>(table.choices) *
                            static_cast<std::size_t>(std::max(most_blocks(table, shape.context), 1)) *
                            sizeof(float);
    return static_cast<int>(
        std::clamp<std::size_t>(kMostScoreBytes / row, 1, static_cast<std::size_t>(shape.rows)));
}

/// Rows that attend at a time: each needs memory for its splits.
int rows_together(int heads, int value_dim) {
    const std::size_t row = attention_scratch_floats(1, heads, value_dim) * sizeof(float);
    return static_cast<int>(std::clamp<std::size_t>(kMostSplitBytes / row, 1, kFewRows));
}

} // namespace

ChoiceTable choice_table(const Plan& plan, ChoiceId choice) {
    for (const Step& step : plan.steps)
        if (const auto* index = std::get_if<IndexStep>(&step.operation); index && index->choice == choice)
            return {.chosen = nullptr,
                    .choices = index->choices(),
                    .stride = 0,
                    .top = index->top,
                    .block = index->block,
                    .tokens = plan.kv[static_cast<std::size_t>(index->cache)].row_tokens};
    throw std::logic_error("a choice that no step makes");
}

ChoiceTable choice_table(const StepLaunch& step, ChoiceId choice) {
    ChoiceTable table = choice_table(step.plan, choice);
    table.chosen = step.scratch.index_choices[static_cast<std::size_t>(choice)].get<std::int32_t>();
    table.stride = std::min(table.top, most_blocks(table, step.shape.context));
    return table;
}

void want_chosen(const StepShape& shape, Scratch& scratch, int heads, int value_dim) {
    const int rows = std::min(shape.rows, rows_together(heads, value_dim));
    scratch.attention.want(attention_scratch_floats(rows, heads, value_dim) * sizeof(float));
}

void launch_chosen(StepLaunch& step, const KvLayerView& cache, const ChosenQueries& queries) {
    ChosenParams p = {};
    p.made = queries.made;
    if (queries.kept >= 0)
        p.kept = step.kv.rows(queries.kept);
    if (queries.choice != kNoChoice)
        p.table = choice_table(step, queries.choice);
    const int together = rows_together(queries.heads, queries.value_dim);
    for (int first = 0; first < step.rows(); first += together) {
        const int rows = std::min(together, step.rows() - first);
        const std::int64_t before = std::int64_t{first} * queries.heads;
        AttentionParams& a = p.attention;
        a.rows = step.inputs.rows() + first;
        a.blocks = step.inputs.blocks();
        a.cache = cache;
        a.q = queries.q + before * cache.key_dim;
        a.sinks = queries.sinks;
        a.out = queries.out + before * queries.value_dim;
        a.partials = step.scratch.attention.get<float>();
        a.row_count = a.split_rows = rows;
        a.rows_before = first;
        a.heads = queries.heads;
        a.value_dim = queries.value_dim;
        a.window = queries.window;
        a.scale = queries.scale;
        a.cap = queries.cap;
        a.heat = queries.temperature.scale;
        a.heat_length = queries.temperature.length;
        a.heat_offset = queries.temperature.offset;
        a.value_scale = queries.value_scale;
        a.form = -1;
        launch_chosen(step.stream, p, step.shape.context, step.device, step.next());
        if (step.pace)
            step.pace->add(2.0 * rows * queries.heads * most_chosen(p, step.shape.context) *
                           (cache.key_dim + queries.value_dim));
        if (p.table.chosen)
            p.table.chosen = p.table.of(rows, 0);
    }
}

namespace {

class IndexStage : public Stage {
  public:
    IndexStage(const FusedIndex& fused, const StageMaker& maker)
        : step_(fused.step), table_(choice_table(maker.plan, fused.step.choice)) {
        for (const switchyard::RowStep& one : fused.rows)
            (one.value() == step_.key ? of_key_ : of_queries_).push_back(one);
    }
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        const auto places = static_cast<std::size_t>(shape.rows) * static_cast<std::size_t>(table_.choices);
        const auto blocks = static_cast<std::size_t>(std::max(most_blocks(table_, shape.context), 1));
        scratch.index_choices[static_cast<std::size_t>(step_.choice)].want(
            places * std::min(static_cast<std::size_t>(step_.top), blocks) * sizeof(std::int32_t));
        scratch.index_scores.want(static_cast<std::size_t>(rows_at_once(table_, shape)) *
                                  static_cast<std::size_t>(table_.choices) * blocks * sizeof(float));
    }
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        if (!of_queries_.empty()) {
            RowStepsBuilder rows(step, 0);
            rows.add(of_queries_);
            launch_row_steps(step, rows.params());
        }
        if (step_.key != kNoValue)
            keep_keys(step);
        IndexParams p = {.rows = step.inputs.rows(),
                         .blocks = step.inputs.blocks(),
                         .keys = step.kv.rows(step_.cache),
                         .table = choice_table(step, step_.choice),
                         .q = step.value(step_.q),
                         .weights = step_.weights == kNoValue ? nullptr : step.value(step_.weights),
                         .scores = step.scratch.index_scores.get<float>(),
                         .row_count = 0,
                         .heads = step_.heads,
                         .stride = std::max(most_blocks(table_, step.shape.context), 1),
                         .local = step_.local,
                         .scale = step_.scale};
        const int most = rows_at_once(table_, step.shape), context = step.shape.context;
        for (int first = 0; first < step.rows(); first += most) {
            p.row_count = std::min(most, step.rows() - first);
            if (p.stride > step_.top) { // some row may have a choice
                const GridSize grid = index_scores_grid(p, context, step.device.multiprocessors);
                cuda::launch<Kernel::IndexScores>(step.stream, grid, p, step.next(),
                                                  index_scores_bytes(p.keys, p.heads));
                if (step.pace)
                    step.pace->add(static_cast<double>(p.row_count) * (context / p.keys.tokens) *
                                   step_.heads * step_.dim);
            }
            step.launch<Kernel::IndexChoice>(index_choice_grid(p), p);
            p.rows += p.row_count;
            p.table.chosen = p.table.of(p.row_count, 0);
            p.q += std::int64_t{p.row_count} * step_.heads * step_.dim;
            if (p.weights)
                p.weights += std::int64_t{p.row_count} * step_.heads;
        }
    }

  private:
    void keep_keys(StepLaunch& step) const {
        IndexKeysParams p = {};
        p.rows = step.inputs.rows();
        p.blocks = step.inputs.blocks();
        p.cache = step.kv.rows(step_.cache);
        p.keys = step.value(step_.key);
        for (const switchyard::RowStep& one : of_key_) {
            IndexKeyStep& own = p.step[p.steps++];
            if (one.norm) {
                own.gain = step.weights.entry(one.norm->gain);
                own.bias = step.weights.entry(one.norm->bias);
                own.epsilon = one.norm->epsilon;
                own.centred = one.norm->centred;
                continue;
            }
            own.cosines = step.scratch.ropes[one.ropes].cosines.get<float>();
            own.sines = step.scratch.ropes[one.ropes].sines.get<float>();
            own.offset = one.rope->offset;
            own.dims = one.rope->dims;
            own.interleaved = one.rope->style == RopeStyle::Interleaved;
        }
        step.launch<Kernel::IndexKeys>(index_keys_grid(step.rows()), p);
    }

    IndexStep step_;
    ChoiceTable table_; ///< without memory
    std::vector<switchyard::RowStep> of_queries_, of_key_;
};

class ChosenAttentionStage : public Stage {
  public:
    explicit ChosenAttentionStage(const FusedAttention& fused) : fused_(fused) {}
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        want_chosen(shape, scratch, fused_.step.heads, fused_.step.value_dim);
    }
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const switchyard::AttentionStep& s = fused_.step;
        RowStepsBuilder rows(step, fused_.layer);
        rows.add(fused_.rows);
        rows.value(s.k, RowStore::Keys, s.head_dim);
        rows.value(s.v, RowStore::Values, s.value_dim);
        launch_row_steps(step, rows.params());
        launch_chosen(step, step.kv.layer(fused_.layer),
                      {.q = step.value(s.q),
                       .out = step.value(s.out),
                       .sinks = step.weights.entry(s.sinks),
                       .heads = s.heads,
                       .value_dim = s.value_dim,
                       .window = 0,
                       .scale = s.scale,
                       .cap = s.cap,
                       .value_scale = s.value_scale,
                       .temperature = s.temperature,
                       .choice = s.choice,
                       .made = false});
    }

  private:
    FusedAttention fused_;
};

/// Whether a step changes a whole key.
bool is_whole(const switchyard::RowStep& one, int dim) {
    if (one.norm)
        return one.norm->group == dim && (one.norm->count == 0 || one.norm->count == dim);
    return one.rope->heads == 1 && one.rope->head_dim == dim;
}

} // namespace

std::unique_ptr<Stage> make_index_stage(const FusedIndex& fused, const StageMaker& maker) {
    const IndexStep& s = fused.step;
    const auto of_key = [&](const switchyard::RowStep& one) { return one.value() == s.key; };
    const auto steps = std::ranges::count_if(fused.rows, of_key);
    check_row_steps(fused.rows, {s.q});
    const KvRowsView keys = {.at = {}, .dim = s.dim, .tokens = 1, .stride = 32 * kv_groups(s.dim)};
    const ChoiceTable table = choice_table(maker.plan, s.choice); // of the first layer with that choice
    const bool alike = s.top == table.top && s.block == table.block && s.choices() == table.choices &&
                       maker.plan.kv[static_cast<std::size_t>(s.cache)].row_tokens == table.tokens;
    if (!alike || s.dim > kMostIndexDim || steps > kIndexKeySteps || (s.weights != kNoValue && s.block > 1) ||
        index_scores_bytes(keys, s.heads) > maker.device.shared_bytes ||
        !std::ranges::all_of(fused.rows,
                             [&](const auto& one) { return !of_key(one) || is_whole(one, s.dim); }))
        throw Error("this device's kernels compute no indexers of this kind");
    return std::make_unique<IndexStage>(fused, maker);
}

std::unique_ptr<Stage> make_chosen_stage(const FusedAttention& fused) {
    return std::make_unique<ChosenAttentionStage>(fused);
}

} // namespace switchyard::cuda
