#include "engine/backends/cuda/value_stages.h"

namespace switchyard::cuda {

namespace {

class ValueStage : public Stage {
  public:
    void reserve(const StepShape&, Scratch&) const override {}
    void count(const StepShape&, const WeightSet&, StageTable&) const override {}
};

class SplitStage : public ValueStage {
  public:
    explicit SplitStage(const SplitStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        step.launch<Kernel::Split>(value_grid(step.width(step_.in), step.rows()),
                                   {.in = step.value(step_.in),
                                    .first_out = step.value(step_.out_first),
                                    .second_out = step.value(step_.out_second),
                                    .groups = step_.groups,
                                    .first = step_.first,
                                    .second = step_.second});
    }

  private:
    SplitStep step_;
};

class GateStage : public ValueStage {
  public:
    explicit GateStage(const GateStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        const bool sigmoid = step_.function == GateStep::Function::Sigmoid;
        step.launch<Kernel::Gate>(value_grid(step.width(step_.value), step.rows()),
                                  {.value = step.value(step_.value),
                                   .gate = step.value(step_.gate),
                                   .width = step.width(step_.value),
                                   .gates = step.width(step_.gate),
                                   .kind = sigmoid ? GateKind::Sigmoid : GateKind::Softplus});
    }

  private:
    GateStep step_;
};

class AddedNormStage : public ValueStage {
  public:
    explicit AddedNormStage(const NormStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        step.launch<Kernel::NormGroups>(norm_grid(1, step.rows()), {.in = step.value(step_.in),
                                                                    .gain = step.weights.entry(step_.gain),
                                                                    .out = step.value(step_.out),
                                                                    .groups = 1,
                                                                    .size = step.width(step_.in),
                                                                    .epsilon = step_.epsilon,
                                                                    .add = true});
    }

  private:
    NormStep step_;
};

} // namespace

std::unique_ptr<Stage> make_value_stage(const SplitStep& step) { return std::make_unique<SplitStage>(step); }
std::unique_ptr<Stage> make_value_stage(const GateStep& step) { return std::make_unique<GateStage>(step); }
std::unique_ptr<Stage> make_value_stage(const FusedAddedNorm& fused) {
    return std::make_unique<AddedNormStage>(fused.step);
}

} // namespace switchyard::cuda
