#include "engine/backends/cuda/refusals.h"

#include "engine/base/error.h"

#include <variant>

namespace switchyard::cuda {

namespace {

void check(const NormStep& s) {
    if (!s.plain())
        throw Error("this device's kernels compute no norms but RMS norms with gains");
    if (s.kept && !s.add)
        throw Error("this device's kernels compute no norms that are kept");
}
void check_temperature(const QueryTemperature& temperature) {
    if (temperature.scale != 0)
        throw Error("this device's kernels compute no attention temperature");
}
void check(const AttentionStep& s) {
    check_temperature(s.temperature);
    if (s.chunk > 0 || s.cache != kNoLayer || s.value_scale != 1.0f || s.cap > 0)
        throw Error("this device's kernels compute no attention of this kind");
}
void check(const LatentAttentionStep& s) { check_temperature(s.temperature); }
void check(const RouteStep& s) {
    if (s.logit_scale != 1.0f || s.cap > 0 || s.expert_scale != kNoWeight || s.by_token != kNoWeight ||
        s.routing.gate == GateFunction::SparseMixer)
        throw Error("this device's kernels compute no routers of this kind");
}
void check(const ExpertsStep& s) {
    if (s.weigh_input)
        throw Error("this device's kernels compute no routers of this kind");
}
void check(const DeltaRuleStep& s) {
    if (s.by_channel || s.least_decay < 0 || s.sigmoid_gate)
        throw Error("this device's kernels compute no decays of single channels");
}
void check(const StateSpaceStep& s) {
    if (s.by_value || s.gain == kNoWeight)
        throw Error("this device's kernels compute no state spaces without norms");
}
void check(const IndexStep&) { throw Error("this device's kernels compute no sparse attention"); }
void check(const CompressStep&) { throw Error("this device's kernels compute no sparse attention"); }
void check(const CompressedAttentionStep&) {
    throw Error("this device's kernels compute no sparse attention");
}
void check(const MixStreamsStep&) { throw Error("this device's kernels compute no hyper-connections"); }
void check(const SpreadStreamsStep&) { throw Error("this device's kernels compute no hyper-connections"); }
void check(const GroupedProjectStep&) {
    throw Error("this device's kernels compute no projections in groups");
}
void check(const AddStep&) { throw Error("this device's kernels compute no blocks beside each other"); }
void check(const ScaleStep&) { throw Error("this device's kernels compute no factors of layers"); }
template <typename Other>
void check(const Other&) {}

} // namespace

void refuse_unknown(const Plan& plan) {
    for (const Step& step : plan.steps)
        std::visit([](const auto& s) { check(s); }, step.operation);
}

} // namespace switchyard::cuda
