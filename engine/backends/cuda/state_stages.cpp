#include "engine/backends/cuda/state_stages.h"

#include "engine/backends/cuda/prepared_input.h"
#include "engine/base/error.h"

#include <string>

namespace switchyard::cuda {

LayerStates states_of(const StepLaunch& step, int state) {
    return {.sequences = step.inputs.sequences(),
            .after = step.inputs.states_after(),
            .offset = step.kv.state_offset(state),
            .sequence_count = step.shape.sequences};
}

namespace {

class RecurrenceStage : public Stage {
  public:
    RecurrenceStage(const FusedRecurrence& fused, const StageMaker& maker)
        : fused_(fused), width_(maker.plan.values[static_cast<std::size_t>(fused.in)]),
          input_(maker, fused.norm, {}, true) {}
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        input_.reserve(shape, scratch, width_);
    }
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const PreparedRows in = input_.launch(step, fused_.in);
        step.launch<Kernel::Recurrence>(recurrence_grid(width_, step.shape.sequences),
                                        {.states = states_of(step, fused_.step.state),
                                         .in = in.floats,
                                         .decay = step.weights.entry(fused_.step.decay),
                                         .out = step.value(fused_.step.out),
                                         .in_stride = in.padded,
                                         .width = width_});
    }

  private:
    FusedRecurrence fused_;
    int width_;
    PreparedInput input_;
};

/// Reads what others left and no matrix.
class StateStage : public Stage {
  public:
    void reserve(const StepShape&, Scratch&) const override {}
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
};

class ConvolutionStage : public StateStage {
  public:
    explicit ConvolutionStage(const ConvolutionStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const int channels = step_.channels;
        step.launch<Kernel::Convolve>(convolve_grid(channels, step.shape.sequences, step.rows()),
                                      {.states = states_of(step, step_.state),
                                       .in = step.value(step_.in),
                                       .kernel = step.weights.entry(step_.kernel),
                                       .bias = step.weights.entry(step_.bias),
                                       .out = step.value(step_.out) + step_.to,
                                       .in_stride = step.width(step_.in),
                                       .out_stride = step.width(step_.out),
                                       .channels = channels,
                                       .taps = step_.taps,
                                       .from = step_.from,
                                       .gate_in = step_.gate_in,
                                       .gate_out = step_.gate_out,
                                       .silu = step_.silu});
    }

  private:
    ConvolutionStep step_;
};

/// Where sequences have many rows, heads in slices and what is behind them for all rows at once; with the
/// same bits.
class DeltaRuleStage : public StateStage {
  public:
    explicit DeltaRuleStage(const DeltaRuleStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        constexpr int kFew = 4;
        const DeltaRuleParams p = {.states = states_of(step, step_.state),
                                   .mixed = step.value(step_.mixed),
                                   .alpha = step.value(step_.alpha),
                                   .beta = step.value(step_.beta),
                                   .z = step.value(step_.z),
                                   .a = step.weights.entry(step_.a),
                                   .dt = step.weights.entry(step_.dt),
                                   .gain = step.weights.entry(step_.gain),
                                   .out = step.value(step_.out),
                                   .key_heads = step_.key_heads,
                                   .value_heads = step_.value_heads,
                                   .key_dim = step_.key_dim,
                                   .value_dim = step_.value_dim,
                                   .neighbours = step_.neighbours,
                                   .sigmoid_gate = step_.sigmoid_gate,
                                   .least_decay = step_.least_decay,
                                   .epsilon = step_.epsilon};
        const bool few = step.rows() <= kFew * step.shape.sequences;
        if (few && step_.by_channel)
            return step.launch<Kernel::DeltaRuleChannels>(delta_grid(p, 1), p);
        if (few)
            return step.launch<Kernel::DeltaRule>(delta_grid(p, 1), p);
        if (step_.by_channel)
            step.launch<Kernel::DeltaRuleChannelsSlice>(delta_grid(p, kDeltaSlices), p);
        else
            step.launch<Kernel::DeltaRuleSlice>(delta_grid(p, kDeltaSlices), p);
        step.launch<Kernel::GateDelta>(gate_delta_grid(step_.value_heads, step.rows()), p);
    }

  private:
    DeltaRuleStep step_;
};

/// The norm of each group behind a state space.
void launch_space_norm(StepLaunch& step, const StateSpaceStep& s) {
    step.launch<Kernel::NormGroups>(norm_grid(s.groups, step.rows()),
                                    {.in = step.value(s.out),
                                     .gain = step.weights.entry(s.gain),
                                     .bias = nullptr,
                                     .out = step.value(s.out),
                                     .groups = s.groups,
                                     .size = s.heads * s.head_dim / s.groups,
                                     .apart = true,
                                     .epsilon = s.epsilon,
                                     .centred = false,
                                     .add = false});
}

/// Of a row by itself one launch with the norm behind it, else two; with the same bits.
class StateSpaceStage : public StateStage {
  public:
    StateSpaceStage(const StateSpaceStep& step, const StageMaker& maker)
        : step_(step), arrivals_(maker.arrivals.add(step.groups)) {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const StateSpaceParams p = {.states = states_of(step, step_.state),
                                    .mixed = step.value(step_.mixed),
                                    .in = step.value(step_.in),
                                    .a = step.weights.entry(step_.a),
                                    .d = step.weights.entry(step_.d),
                                    .dt_bias = step.weights.entry(step_.dt_bias),
                                    .gain = step.weights.entry(step_.gain),
                                    .out = step.value(step_.out),
                                    .arrived = step.one_row() && normed() ? step.inputs.arrivals() + arrivals_
                                                                          : nullptr,
                                    .in_stride = step.width(step_.in),
                                    .dt_from = step_.dt_from,
                                    .heads = step_.heads,
                                    .head_dim = step_.head_dim,
                                    .groups = step_.groups,
                                    .state_size = step_.state_size,
                                    .epsilon = step_.epsilon};
        step.launch<Kernel::StateSpace>(space_grid(p), p);
        if (!p.arrived && normed())
            launch_space_norm(step, step_);
    }

  private:
    bool normed() const { return step_.gain != kNoWeight; }

    StateSpaceStep step_;
    std::size_t arrivals_; ///< of a group's blocks
};

/// State spaces whose rows are not in one piece, or whose states have decays by value.
class SelectiveScanStage : public StateStage {
  public:
    explicit SelectiveScanStage(const StateSpaceStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const StateSpaceStep& s = step_;
        const Rows mixed = rows_of(step, s.mixed), in = rows_of(step, s.in);
        const int inner = s.heads * s.head_dim;
        const Rows b = s.b == kNoValue ? mixed.from(inner) : rows_of(step, s.b),
                   c = s.c == kNoValue ? b.from(s.groups * s.state_size) : rows_of(step, s.c),
                   z = in.from(s.z_from), dt = s.dt == kNoValue ? in.from(s.dt_from) : rows_of(step, s.dt);
        const SelectiveScanParams p = {.states = states_of(step, s.state),
                                       .x = mixed.data,
                                       .b = b.data,
                                       .c = c.data,
                                       .z = z.data,
                                       .dt = dt.data,
                                       .a = step.weights.entry(s.a),
                                       .d = step.weights.entry(s.d),
                                       .dt_bias = step.weights.entry(s.dt_bias),
                                       .out = step.value(s.out),
                                       .x_stride = mixed.stride,
                                       .b_stride = b.stride,
                                       .c_stride = c.stride,
                                       .z_stride = z.stride,
                                       .dt_stride = dt.stride,
                                       .heads = s.heads,
                                       .head_dim = s.head_dim,
                                       .groups = s.groups,
                                       .state_size = s.state_size,
                                       .by_value = s.by_value};
        step.launch<Kernel::SelectiveScan>(scan_grid(p), p);
        if (s.gain != kNoWeight)
            launch_space_norm(step, s);
    }
    /// Whether it is such a step.
    static bool takes(const StateSpaceStep& s) {
        return s.by_value || s.z_from != 0 || s.b != kNoValue || s.c != kNoValue || s.dt != kNoValue;
    }

  private:
    struct Rows {
        const float* data;
        std::int64_t stride;
        Rows from(int first) const { return {data + first, stride}; }
    };
    static Rows rows_of(const StepLaunch& step, ValueId value) {
        return {step.value(value), step.width(value)};
    }

    StateSpaceStep step_;
};

} // namespace

std::unique_ptr<Stage> make_state_stage(const FusedRecurrence& fused, const StageMaker& maker) {
    return std::make_unique<RecurrenceStage>(fused, maker);
}

std::unique_ptr<Stage> make_state_stage(const ConvolutionStep& step, const StageMaker&) {
    if (step.taps > kMostTaps)
        throw Error("a layer's convolution has " + std::to_string(step.taps) +
                    " taps, and this device's kernels take " + std::to_string(kMostTaps));
    return std::make_unique<ConvolutionStage>(step);
}

std::unique_ptr<Stage> make_state_stage(const DeltaRuleStep& step, const StageMaker&) {
    if (step.key_dim > kDeltaDims || step.value_dim > kDeltaDims || step.value_dim % 2 != 0)
        throw Error("a layer's linear attention has heads of " + std::to_string(step.key_dim) + " and " +
                    std::to_string(step.value_dim) + " dimensions, which this device's kernels do not take");
    return std::make_unique<DeltaRuleStage>(step);
}

std::unique_ptr<Stage> make_state_stage(const StateSpaceStep& step, const StageMaker& maker) {
    const bool scans = SelectiveScanStage::takes(step);
    if (scans ? step.state_size > kMostScanned : step.state_size > kMostState || step.state_size % 4 != 0)
        throw Error("a layer's state space has states of " + std::to_string(step.state_size) +
                    " numbers, which this device's kernels do not take");
    if (scans)
        return std::make_unique<SelectiveScanStage>(step);
    return std::make_unique<StateSpaceStage>(step, maker);
}

} // namespace switchyard::cuda
