#include "engine/backends/cuda/compressed_stages.h"

#include "engine/backends/cuda/attention_stages.h"
#include "engine/backends/cuda/chosen_stages.h"
#include "engine/backends/cuda/row_steps.h"
#include "engine/backends/cuda/state_stages.h"
#include "engine/base/error.h"

#include <string>

namespace switchyard::cuda {

namespace {

class CompressStage : public Stage {
  public:
    CompressStage(const CompressStep& step, Constants& constants)
        : step_(step), frequencies_(constants.add(step.inverse_frequencies)) {}
    void reserve(const StepShape&, Scratch&) const override {}
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const CompressParams p = {.states = states_of(step, step_.state),
                                  .rows = step.inputs.rows(),
                                  .blocks = step.inputs.blocks(),
                                  .cache = step.kv.rows(step_.cache),
                                  .kv = step.value(step_.kv),
                                  .gate = step.value(step_.gate),
                                  .position_bias = step.weights.entry(step_.position_bias),
                                  .gain = step.weights.entry(step_.gain),
                                  .frequencies = step.constants.at(frequencies_),
                                  .dim = step_.dim,
                                  .ratio = step_.ratio,
                                  .overlaps = step_.overlaps,
                                  .rope_offset = step_.rope_offset,
                                  .rope_dims = step_.rope_dims,
                                  .interleaved = step_.style == RopeStyle::Interleaved,
                                  .epsilon = step_.epsilon,
                                  .magnitude = step_.magnitude};
        step.launch<Kernel::Compress>(compress_grid(p, step.rows()), p);
    }

  private:
    CompressStep step_;
    std::size_t frequencies_;
};

class CompressedAttentionStage : public Stage {
  public:
    explicit CompressedAttentionStage(const FusedCompressedAttention& fused) : fused_(fused) {}
    void reserve(const StepShape& shape, Scratch& scratch) const override {
        want_chosen(shape, scratch, fused_.step.heads, fused_.step.dim);
    }
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
    void launch(StepLaunch& step) const override {
        step.enter(StageKind::Attention);
        const CompressedAttentionStep& s = fused_.step;
        RowStepsBuilder rows(step, fused_.layer);
        rows.add(fused_.rows);
        rows.value(s.kv, RowStore::Keys, s.dim);
        launch_row_steps(step, rows.params());
        launch_chosen(step, step.kv.layer(fused_.layer),
                      {.q = step.value(s.q),
                       .out = step.value(s.out),
                       .sinks = step.weights.entry(s.sinks),
                       .heads = s.heads,
                       .value_dim = s.dim,
                       .window = s.window,
                       .scale = s.scale,
                       .choice = s.choice,
                       .made = true,
                       .kept = s.rows});
        RowStepsBuilder back(step, fused_.layer);
        back.add(fused_.back);
        launch_row_steps(step, back.params());
    }

  private:
    FusedCompressedAttention fused_;
};

} // namespace

std::unique_ptr<Stage> make_compress_stage(const CompressStep& step, const StageMaker& maker) {
    if (step.dim > kMostCompressDim)
        throw Error("a layer makes rows of " + std::to_string(step.dim) +
                    " values of its tokens, and this device's kernels take " +
                    std::to_string(kMostCompressDim));
    return std::make_unique<CompressStage>(step, maker.constants);
}

std::unique_ptr<Stage> make_compressed_stage(const FusedCompressedAttention& fused, const StageMaker& maker) {
    check_heads(maker, fused.step.dim, fused.step.dim, true);
    check_row_steps(fused.rows, {fused.step.q, fused.step.kv});
    return std::make_unique<CompressedAttentionStage>(fused);
}

} // namespace switchyard::cuda
