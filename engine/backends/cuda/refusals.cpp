#include "engine/backends/cuda/refusals.h"

#include "engine/base/error.h"

#include <variant>

namespace switchyard::cuda {

namespace {

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
