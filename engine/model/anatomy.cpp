#include "engine/model/anatomy.h"

#include <algorithm>
#include <cstdint>
#include <set>

namespace switchyard {

namespace {

std::uint64_t values_of(const TensorView& tensor) {
    return static_cast<std::uint64_t>(tensor.cols() * tensor.rows() * tensor.matrices());
}

AnatomyPart& part(Anatomy& anatomy, WeightRole role) {
    const auto at = std::ranges::lower_bound(anatomy.parts, role, {}, &AnatomyPart::role);
    return at != anatomy.parts.end() && at->role == role ? *at : *anatomy.parts.insert(at, {role, 0, 0});
}

} // namespace

Anatomy anatomy_of(const ModelPlan& model, int experts_active) {
    const Plan& plan = model.plan;
    const auto experts = static_cast<std::uint64_t>(std::max(plan.experts, 1));
    const auto active =
        static_cast<std::uint64_t>(experts_active > 0 ? experts_active : std::max(plan.experts_active, 1));
    Anatomy anatomy;
    std::set<const TensorView*> counted, computed;
    const TensorView* table = nullptr;
    for (const WeightSource& source : model.sources) {
        const std::uint64_t values = values_of(*source.tensor);
        if (counted.insert(source.tensor).second) {
            anatomy.parameters += values;
            part(anatomy, source.role).parameters += values;
        }
        if (source.use == WeightUse::Table) {
            table = table ? table : source.tensor; // those of inputs by layer come behind
            continue;
        }
        if (!computed.insert(source.tensor).second)
            continue;
        const std::uint64_t met =
            source.role == WeightRole::RoutedExpert ? values / experts * active : values;
        anatomy.active += met;
        const bool tied = source.tensor == table;
        part(anatomy, tied ? WeightRole::Embedding : source.role).active += met;
        anatomy.tied |= tied;
    }
    anatomy.active_with_embedding =
        anatomy.active + (table && !anatomy.tied ? values_of(*table) : std::uint64_t{0});
    for (const KvLayer& layer : plan.kv)
        anatomy.kv_values_per_token +=
            static_cast<std::uint64_t>(layer.kv_heads) *
                (static_cast<std::uint64_t>(layer.key_dim) + static_cast<std::uint64_t>(layer.value_dim)) +
            static_cast<std::uint64_t>(layer.row_dim / layer.row_tokens);
    return anatomy;
}

double flops_per_token(const ModelPlan& model, int experts_active, int context) {
    double flops = 2.0 * static_cast<double>(anatomy_of(model, experts_active).active);
    int indexed = 0; // tokens that the last indexer leaves
    for (const Step& step : model.plan.steps) {
        if (const auto* s = std::get_if<AttentionStep>(&step.operation)) {
            const double seen =
                s->choice != kNoChoice ? std::min(indexed, context) : s->sight().most(context);
            flops += 2.0 * seen * s->heads * (s->head_dim + s->value_dim);
        } else if (const auto* l = std::get_if<LatentAttentionStep>(&step.operation)) {
            const double seen = l->choice == kNoChoice ? context : std::min(indexed, context);
            flops += 2.0 * seen * l->heads * (2.0 * l->latent_dim + l->rope);
        } else if (const auto* i = std::get_if<IndexStep>(&step.operation)) {
            indexed = static_cast<int>(std::min<std::int64_t>(std::int64_t{i->top} * i->block, context));
            flops += 2.0 * context * i->heads * i->dim;
        }
    }
    return flops;
}

std::string_view part_name(WeightRole role) {
    switch (role) {
    case WeightRole::Embedding:
        return "embedding";
    case WeightRole::Attention:
        return "attention";
    case WeightRole::FeedForward:
        return "feed_forward";
    case WeightRole::SharedExpert:
        return "shared_experts";
    case WeightRole::RoutedExpert:
        return "routed_experts";
    case WeightRole::Router:
        return "router";
    case WeightRole::Norm:
        return "norm";
    case WeightRole::Output:
        return "output";
    }
    return "other";
}

std::string_view gate_name(const ModelConfig& config) {
    static constexpr std::string_view kGates[] = {"softmax", "softmax", "sigmoid", "softmax_chosen",
                                                  "sqrt_softplus"};
    return config.expert_gate >= 0 && config.expert_gate < 5
               ? kGates[static_cast<std::size_t>(config.expert_gate)]
               : "other";
}

} // namespace switchyard
