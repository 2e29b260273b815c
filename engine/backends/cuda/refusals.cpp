#include "engine/backends/cuda/refusals.h"

#include "engine/base/error.h"

#include <variant>

namespace switchyard::cuda {

namespace {

void check(const RouteStep& s) {
    if (s.logit_scale != 1.0f || s.cap > 0 || s.expert_scale != kNoWeight || s.by_token != kNoWeight ||
        s.routing.gate == GateFunction::SparseMixer)
        throw Error("this device's kernels compute no routers of this kind");
}
void check(const ExpertsStep& s) {
    if (s.weigh_input)
        throw Error("this device's kernels compute no routers of this kind");
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
template <typename Other>
void check(const Other&) {}

} // namespace

void refuse_unknown(const Plan& plan) {
    for (const Step& step : plan.steps)
        std::visit([](const auto& s) { check(s); }, step.operation);
}

} // namespace switchyard::cuda
