#include "engine/backends/cuda/norms_apart.h"

#include "engine/base/error.h"

#include <set>
#include <variant>

namespace switchyard::cuda {

namespace {

bool in_place(const NormStep& s) { return s.in == s.out; }
bool is_rms(const NormStep& s) { return !s.centred && s.bias == kNoWeight; }

/// What indexers keep.
std::set<ValueId> index_keys_of(const Plan& plan) {
    std::set<ValueId> keys;
    for (const Step& step : plan.steps)
        if (const auto* index = std::get_if<IndexStep>(&step.operation))
            keys.insert(index->key);
    return keys;
}

/// Norms of heads wait for the attention, with its rotations; what those launches do not compute comes before
/// them, which is what it did if nothing else changes its value first.
void take_heads_apart(Plan& plan) {
    const std::set<ValueId> keys = index_keys_of(plan); // all norms of those are computed
    std::set<ValueId> changed;
    for (Step& step : plan.steps) {
        if (const auto* rope = std::get_if<RopeStep>(&step.operation))
            changed.insert(rope->value);
        else if (!std::holds_alternative<NormStep>(step.operation))
            changed.clear();
        auto* norm = std::get_if<NormStep>(&step.operation);
        if (!norm || !in_place(*norm) || norm->kept || keys.contains(norm->in))
            continue;
        if (is_rms(*norm)) {
            changed.insert(norm->in);
            continue;
        }
        const int width = plan.values[static_cast<std::size_t>(norm->in)];
        if (changed.contains(norm->in) || (norm->count != 0 && norm->count != width))
            throw Error("this device's kernels compute no norms of heads but RMS norms");
        norm->kept = true;
    }
}

} // namespace

Plan with_norms_apart(Plan plan) {
    take_heads_apart(plan);
    const auto each_norm = [&](const auto& use) {
        for (Step& step : plan.steps)
            if (auto* norm = std::get_if<NormStep>(&step.operation); norm && !in_place(*norm))
                use(*norm);
    };
    std::set<ValueId> values; // whoever reads one must not take it for another norm's
    each_norm([&](const NormStep& norm) {
        if (!norm.plain())
            values.insert(norm.out);
    });
    each_norm([&](NormStep& norm) { norm.kept |= !norm.add && values.contains(norm.out); });
    return plan;
}

} // namespace switchyard::cuda
