// The blocks behind: dense ones, experts and what they share.
#include "engine/base/error.h"
#include "engine/model/plan_builder.h"

#include <cmath>

namespace switchyard {

void PlanBuilder::feed_forward() {
    if (w_.has(prefix_ + "post_ffw_norm_1.weight"))
        return dense_and_experts();
    const bool behind = norms_behind();
    // GLM and gpt-oss call the norm in front of the block after the attention before it.
    const char* name = !behind && w_.has(prefix_ + "post_attention_norm.weight")
                           ? "post_attention_norm.weight"
                           : "ffn_norm.weight";
    block_in_ = normed_input(name);
    block_out_ = behind || c_.streams.count > 0 ? found() : x_;
    // Where dense layers lie among the others (Qwen's mlp_only_layers) no key says: their tensors do.
    const bool dense = !w_.has(prefix_ + "ffn_gate_inp.weight") && w_.has(prefix_ + "ffn_gate.weight");
    if (c_.dense() || layer_ < c_.dense_layers || dense)
        block("", WeightRole::FeedForward, c_.feed_forward_of(layer_));
    else
        experts();
    if (behind)
        add_normed("post_ffw_norm.weight");
}

// x += norm(norm_1(dense(norm x)) + norm_2(experts(norm' x))); the router reads x by a norm of its own.
void PlanBuilder::dense_and_experts() {
    shared_value(sum_, c_.hidden);
    shared_value(routed_, c_.hidden);
    const auto keep = [this](const char* name, bool add) {
        NormStep step = norm_of(prefix_ + name, found_, sum_);
        step.add = add;
        step.kept = true;
        emit(step);
    };
    norm(prefix_ + "ffn_norm.weight", x_, normed_);
    block_in_ = normed_;
    block_out_ = found();
    block("", WeightRole::FeedForward, c_.feed_forward_of(layer_));
    keep("post_ffw_norm_1.weight", false);

    const WeightId gain = w_.vector(prefix_ + "ffn_gate_inp.scale", c_.hidden);
    emit(NormStep{x_, routed_, gain, c_.norm_epsilon, c_.hidden});
    norm(prefix_ + "pre_ffw_norm_2.weight", x_, normed_);
    RouteStep route{};
    route.in = routed_;
    route.logit_scale = 1.0f / std::sqrt(static_cast<float>(c_.hidden));
    route.expert_scale = w_.optional_vector(prefix_ + "ffn_down_exps.scale", c_.experts, WeightRole::Router);
    experts(route);
    keep("post_ffw_norm_2.weight", true);
    NormStep step = norm_of(prefix_ + "post_ffw_norm.weight", sum_, x_);
    step.add = true;
    emit(step);
}

Activation PlanBuilder::activation() const {
    return c_.single_mixers  ? Activation::Relu
           : c_.clamped_silu ? Activation::ClampedSilu
           : c_.gelu         ? Activation::Gelu
                             : Activation::Silu;
}

void PlanBuilder::block(const std::string& suffix, WeightRole role, int width, WeightId output_gate) {
    if (width < 1)
        throw Error("the width of " + prefix_ + "ffn_up" + suffix + " is missing in the model's metadata");
    FeedForwardStep step{};
    step.in = block_in_;
    step.out = block_out_;
    step.add = block_out_ == x_;
    step.activation = activation();
    step.clamp = c_.silu_clamp;
    step.width = width;
    if (!c_.single_mixers)
        step.gate = w_.matrix(prefix_ + "ffn_gate" + suffix + ".weight", role, c_.hidden, width);
    step.up = w_.matrix(prefix_ + "ffn_up" + suffix + ".weight", role, c_.hidden, width);
    if (c_.single_mixers)
        step.gate = step.up;
    step.down = w_.matrix(prefix_ + "ffn_down" + suffix + ".weight", role, width, c_.hidden);
    step.gate_bias = w_.optional_vector(prefix_ + "ffn_gate" + suffix + ".bias", width, role);
    step.up_bias = w_.optional_vector(prefix_ + "ffn_up" + suffix + ".bias", width, role);
    step.down_bias = w_.optional_vector(prefix_ + "ffn_down" + suffix + ".bias", c_.hidden, role);
    step.output_gate = output_gate;
    limit(step.activation, step.clamp, c_.shared_limits);
    emit(step);
}

Routing PlanBuilder::routing() const {
    Routing r;
    r.experts = c_.experts;
    r.active = c_.experts_active;
    r.gate = c_.expert_gate == 2   ? GateFunction::Sigmoid
             : c_.expert_gate == 3 ? GateFunction::SoftmaxChosen
             : c_.expert_gate == 4 ? GateFunction::SqrtSoftplus
             : c_.expert_gate == 5 ? GateFunction::SparseMixer
                                   : GateFunction::Softmax;
    r.normalise = c_.expert_normalise;
    r.scale = c_.expert_scale;
    r.nearness = c_.expert_nearness;
    r.groups = c_.expert_groups;
    r.groups_kept = c_.expert_groups_kept;
    return r;
}

void PlanBuilder::experts() {
    RouteStep route{};
    route.in = block_in_;
    experts(route);
}

void PlanBuilder::experts(RouteStep route) {
    route.weight = w_.matrix(prefix_ + "ffn_gate_inp.weight", WeightRole::Router, c_.hidden, c_.experts);
    route.route = plan_.routes++;
    route.routing = routing();
    route.cap = c_.router_cap;
    route.bias = w_.optional_vector(prefix_ + "ffn_gate_inp.bias", c_.experts, WeightRole::Router);
    route.selection_bias = w_.optional_vector(prefix_ + "exp_probs_b.bias", c_.experts, WeightRole::Router);
    // DeepSeek's own code: V3, which has a selection bias, scores a group by its two best experts, V2 by
    // the best.
    route.routing.group_score_top2 = c_.group_top2 || route.selection_bias != kNoWeight;
    if (w_.has(prefix_ + "ffn_gate_tid2eid.weight"))
        route.by_token = w_.vectors(prefix_ + "ffn_gate_tid2eid.weight", c_.experts_active, c_.vocabulary,
                                    WeightRole::Router);
    if (!c_.router_bias.empty()) {
        if (c_.router_bias.size() / static_cast<std::size_t>(c_.experts) <=
            static_cast<std::size_t>(route.route))
            throw Error("switchyard.carve.router_bias does not have numbers for each router");
        const auto first = c_.router_bias.begin() + std::ptrdiff_t{route.route} * c_.experts;
        route.constant_bias.assign(first, first + c_.experts);
    }
    emit(route);

    ExpertsStep step{};
    step.in = block_in_;
    step.out = block_out_;
    step.add = block_out_ == x_;
    step.route = route.route;
    const int width = step.width = c_.expert_width_of(layer_);
    const WeightRole role = WeightRole::RoutedExpert;
    if (!c_.single_mixers)
        step.gate = w_.matrix(prefix_ + "ffn_gate_exps.weight", role, c_.hidden, width, c_.experts);
    step.up = w_.matrix(prefix_ + "ffn_up_exps.weight", role, c_.hidden, width, c_.experts);
    if (c_.single_mixers)
        step.gate = step.up;
    step.down = w_.matrix(prefix_ + "ffn_down_exps.weight", role, width, c_.hidden, c_.experts);
    step.activation = activation();
    step.weigh_input = c_.weigh_input;
    step.clamp = c_.silu_clamp;
    limit(step.activation, step.clamp, c_.expert_limits);
    step.gate_bias = bias_table("ffn_gate_exps.bias", width);
    step.up_bias = bias_table("ffn_up_exps.bias", width);
    step.down_bias = bias_table("ffn_down_exps.bias", c_.hidden);
    emit(step);

    if (const int shared = c_.shared_width_of(layer_); shared > 0) {
        // Qwen2-MoE's shared expert has a sigmoid gate of its own.
        const WeightId gate =
            w_.optional_vector(prefix_ + "ffn_gate_inp_shexp.weight", c_.hidden, WeightRole::Router);
        block("_shexp", WeightRole::SharedExpert, shared, gate);
    }
}

WeightId PlanBuilder::bias_table(const std::string& name, int width) {
    return w_.has(prefix_ + name) ? w_.vectors(prefix_ + name, width, c_.experts, WeightRole::RoutedExpert)
                                  : kNoWeight;
}

} // namespace switchyard
