#include "engine/backends/cuda/stream_stages.h"

#include "engine/backends/cuda/prepared_input.h"

#include <optional>

namespace switchyard::cuda {

namespace {

class MixStreamsStage : public Stage {
  public:
    explicit MixStreamsStage(const MixStreamsStep& step) : step_(step) {}
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        scratch.stream_sums.want(static_cast<std::size_t>(shape.rows) *
                                 static_cast<std::size_t>(outputs() + 1) * sizeof(float));
    }
    void count(const StepShape&, const WeightSet& weights, StageTable& table) const override {
        table.of(StageKind::Attention).bytes += weights[step_.fn].slices.front().bytes;
    }
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const int width = step.width(step_.out);
        float* sums = step.scratch.stream_sums.get<float>();
        step.launch<Kernel::StreamSums>(stream_sums_grid(outputs(), step.rows()),
                                        {.streams = step.value(step_.streams),
                                         .fn = step.weights.entry(step_.fn),
                                         .sums = sums,
                                         .row_count = step.rows(),
                                         .outputs = outputs(),
                                         .all = step_.count * width});
        step.launch<Kernel::MixStreams>(
            stream_grid(width, step.rows()),
            {.streams = step.value(step_.streams),
             .sums = sums,
             .base = step.weights.entry(step_.base),
             .scale = step.weights.entry(step_.scale),
             .out = step.value(step_.out),
             .weights = step_.weights == kNoValue ? nullptr : step.value(step_.weights),
             .count = step_.count,
             .width = width,
             .outputs = outputs(),
             .iterations = step_.iterations,
             .norm_epsilon = step_.norm_epsilon,
             .epsilon = step_.epsilon});
    }

  private:
    int outputs() const {
        const int n = step_.count;
        return step_.weights == kNoValue ? n : 2 * n + n * n;
    }

    MixStreamsStep step_;
};

class SpreadStreamsStage : public Stage {
  public:
    explicit SpreadStreamsStage(const SpreadStreamsStep& step) : step_(step) {}
    void reserve(const StepShape&, Scratch&) const override {}
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        const int width = step.width(step_.in);
        step.launch<Kernel::SpreadStreams>(
            stream_grid(width, step.rows()),
            {.streams = step.value(step_.streams),
             .in = step.value(step_.in),
             .weights = step_.weights == kNoValue ? nullptr : step.value(step_.weights),
             .count = step_.count,
             .width = width});
    }

  private:
    SpreadStreamsStep step_;
};

/// Products of heads, which are the groups.
class GroupedProjectStage : public Stage {
  public:
    GroupedProjectStage(const GroupedProjectStep& step, const StageMaker& maker)
        : step_(step), width_(maker.plan.values[static_cast<std::size_t>(step.in)] / step.groups),
          input_(maker, std::nullopt, {step.weight}) {
        maker.weights.add_prompt_weight(step.weight);
    }
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        input_.reserve(shape, scratch, width_, step_.groups);
    }
    void count(const StepShape& shape, const WeightSet& weights, StageTable& table) const override {
        count_products(weights[step_.weight], step_.groups, shape.rows, table.of(StageKind::Attention));
    }
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const PreparedInput::Source source = {step.value(step_.in), step.width(step_.in), width_,
                                              step_.groups, width_};
        const int out_width = step.width(step_.out) / step_.groups;
        ProductParams p = {};
        p.in = input_.launch_answers(step, source);
        p.target_count = 1;
        p.targets[0] = {.matrices = step.weights.entry(step_.weight),
                        .bias = nullptr,
                        .out = step.value(step_.out),
                        .out_stride = step.width(step_.out),
                        .out_head_stride = out_width,
                        .heads = step_.groups,
                        .matrix_rows = out_width,
                        .add = false};
        step.launch_products(p, input_.launch_prompts(step, source));
    }

  private:
    GroupedProjectStep step_;
    int width_; ///< of a group's input
    PreparedInput input_;
};

} // namespace

std::unique_ptr<Stage> make_stream_stage(const MixStreamsStep& step) {
    return std::make_unique<MixStreamsStage>(step);
}
std::unique_ptr<Stage> make_stream_stage(const SpreadStreamsStep& step) {
    return std::make_unique<SpreadStreamsStage>(step);
}
std::unique_ptr<Stage> make_grouped_stage(const GroupedProjectStep& step, const StageMaker& maker) {
    return std::make_unique<GroupedProjectStage>(step, maker);
}

} // namespace switchyard::cuda
