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
                                    .second_out = step_.second > 0 ? step.value(step_.out_second) : nullptr,
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
        const int width = step.width(step_.value), gates = step.width(step_.gate);
        const GateKind kind = kind_of(step_.function);
        step.launch<Kernel::Gate>(value_grid(width, step.rows()),
                                  {.value = step.value(step_.value),
                                   .gate = step.value(step_.gate) + step_.gate_from,
                                   .width = width,
                                   .gates = kind == GateKind::Gelu ? width : gates,
                                   .gate_stride = gates,
                                   .kind = kind});
    }

  private:
    static GateKind kind_of(GateStep::Function function) {
        switch (function) {
        case GateStep::Function::Sigmoid:
            return GateKind::Sigmoid;
        case GateStep::Function::Softplus:
            return GateKind::Softplus;
        case GateStep::Function::Gelu:
            return GateKind::Gelu;
        }
        return GateKind::Sigmoid;
    }

    GateStep step_;
};

class AddedNormStage : public ValueStage {
  public:
    explicit AddedNormStage(const NormStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        const int groups = step.width(step_.in) / step_.group;
        step.launch<Kernel::NormGroups>(norm_grid(groups, step.rows()),
                                        {.in = step.value(step_.in),
                                         .gain = step.weights.entry(step_.gain),
                                         .bias = step.weights.entry(step_.bias),
                                         .out = step.value(step_.out),
                                         .groups = groups,
                                         .size = step_.group,
                                         .apart = false,
                                         .epsilon = step_.epsilon,
                                         .centred = step_.centred,
                                         .add = step_.add});
    }

  private:
    NormStep step_;
};

class AddStage : public ValueStage {
  public:
    explicit AddStage(const AddStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        const int width = step.width(step_.in);
        step.launch<Kernel::AddRows>(value_grid(width, step.rows()), {.in = step.value(step_.in),
                                                                      .out = step.value(step_.out),
                                                                      .width = width,
                                                                      .factor = step_.scale});
    }

  private:
    AddStep step_;
};

class ScaleStage : public ValueStage {
  public:
    explicit ScaleStage(const ScaleStep& step) : step_(step) {}
    void launch(StepLaunch& step) const override {
        const int width = step.width(step_.value);
        step.launch<Kernel::Scale>(value_grid(width, step.rows()),
                                   {.values = step.value(step_.value),
                                    .bias = nullptr,
                                    .scaler = step.weights.entry(step_.factor),
                                    .width = width,
                                    .factor = 1.0f,
                                    .cap = 0.0f});
    }

  private:
    ScaleStep step_;
};

} // namespace

std::unique_ptr<Stage> make_value_stage(const SplitStep& step) { return std::make_unique<SplitStage>(step); }
std::unique_ptr<Stage> make_value_stage(const GateStep& step) { return std::make_unique<GateStage>(step); }
std::unique_ptr<Stage> make_value_stage(const FusedAddedNorm& fused) {
    return std::make_unique<AddedNormStage>(fused.step);
}
std::unique_ptr<Stage> make_value_stage(const AddStep& step) { return std::make_unique<AddStage>(step); }
std::unique_ptr<Stage> make_value_stage(const ScaleStep& step) { return std::make_unique<ScaleStage>(step); }

} // namespace switchyard::cuda
