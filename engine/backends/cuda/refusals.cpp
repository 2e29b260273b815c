#include "engine/backends/cuda/refusals.h"

#include "engine/base/error.h"

#include <algorithm>
#include <set>
#include <utility>
#include <variant>

namespace switchyard::cuda {

namespace {

void check(const NormStep& s) {
    if (!s.plain())
        throw Error("this device's kernels compute no norms but RMS norms with gains");
    if (s.kept && !s.add)
        throw Error("this device's kernels compute no norms that are kept");
}
void check(const AttentionStep& s) {
    if (s.chunk > 0 || s.cache != kNoLayer || s.value_scale != 1.0f || s.cap > 0)
        throw Error("this device's kernels compute no attention of this kind");
}
[[noreturn]] void refuse_temperature() {
    throw Error("this device's kernels compute no attention temperature");
}
void check(const LatentAttentionStep& s) {
    if (s.temperature.scale != 0)
        refuse_temperature();
}
void check(const RouteStep& s) {
    if (s.logit_scale != 1.0f || s.cap > 0 || s.expert_scale != kNoWeight || s.by_token != kNoWeight ||
        s.routing.gate == GateFunction::SparseMixer)
        throw Error("this device's kernels compute no routers of this kind");
}
void check(const ExpertsStep& s) {
    if (s.weigh_input)
        throw Error("this device's kernels compute no routers of this kind");
}
void check(const StateSpaceStep& s) {
    if (s.by_value)
        throw Error("this device's kernels compute no decays of single values");
}
void check(const GateStep& s) {
    if (s.function == GateStep::Function::Gelu)
        throw Error("this device's kernels compute no inputs by layer");
}
void check(const AddStep&) { throw Error("this device's kernels compute no blocks beside each other"); }
void check(const ScaleStep&) { throw Error("this device's kernels compute no factors of layers"); }
template <typename Other>
void check(const Other&) {}

/// What indexers keep.
std::set<ValueId> index_keys_of(const Plan& plan) {
    std::set<ValueId> keys;
    for (const Step& step : plan.steps)
        if (const auto* index = std::get_if<IndexStep>(&step.operation))
            keys.insert(index->key);
    return keys;
}

/// Whether what rotates an attention's queries rotates all of them, and so can multiply them.
bool rotates_whole(const RopeStep& rope, const AttentionStep& attention) {
    return rope.value == attention.q && rope.offset == 0 && rope.dims == attention.head_dim &&
           attention.temperature.offset == 0;
}

} // namespace

void refuse_unknown(const Plan& plan) {
    const RopeStep* of_queries = nullptr;
    const std::set<ValueId> index_keys = index_keys_of(plan);
    for (const Step& step : plan.steps) {
        const auto* norm = std::get_if<NormStep>(&step.operation);
        if (!norm || !index_keys.contains(norm->out)) // all norms of those are computed
            std::visit([](const auto& s) { check(s); }, step.operation);
        const auto* attention = std::get_if<AttentionStep>(&step.operation);
        if (attention && attention->temperature.scale != 0 &&
            !(of_queries && rotates_whole(*of_queries, *attention)))
            refuse_temperature();
        if (attention)
            of_queries = nullptr; // a layer's own
        const auto* rope = std::get_if<RopeStep>(&step.operation);
        if (rope && (!of_queries || rope->heads > of_queries->heads))
            of_queries = rope;
    }
}

FusedPlan with_warm_rotations(FusedPlan fused) {
    for (FusedStep& step : fused.steps) {
        auto* attention = std::get_if<FusedAttention>(&step);
        if (!attention || attention->step.temperature.scale == 0)
            continue;
        for (switchyard::RowStep& row : attention->rows) {
            if (!row.rope || !rotates_whole(*row.rope, attention->step))
                continue;
            RopeFrequencies warm = fused.ropes[row.ropes];
            warm.temperature = attention->step.temperature;
            const auto same = [&](const RopeFrequencies& r) {
                return r.inverse == warm.inverse && r.magnitude == warm.magnitude &&
                       r.long_inverse == warm.long_inverse && r.temperature.scale == warm.temperature.scale &&
                       r.temperature.length == warm.temperature.length;
            };
            const auto found = std::ranges::find_if(fused.ropes, same);
            row.ropes = static_cast<std::size_t>(found - fused.ropes.begin());
            if (found == fused.ropes.end())
                fused.ropes.push_back(std::move(warm));
        }
    }
    return fused;
}

} // namespace switchyard::cuda
