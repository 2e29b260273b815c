#include "engine/model/build_plan.h"

#include "engine/model/check_plan.h"
#include "engine/model/layers_alike.h"
#include "engine/model/plan_builder.h"

#include <cmath>

namespace switchyard {

PlanBuilder::PlanBuilder(const ModelConfig& config, const ModelFile& file)
    : c_(config), w_(file), inverse_frequencies_(rope_inverse_frequencies(config.rope, file)) {
    if (config.rope.long_table)
        long_frequencies_ = rope_inverse_frequencies(config.rope, file, true);
    if (config.window_rope)
        window_frequencies_ = rope_inverse_frequencies(*config.window_rope, file);
    if (config.streams.count > 0)
        compressed_frequencies_ = rope_inverse_frequencies(config.compressed.rope, file);
}

ModelPlan PlanBuilder::build() {
    check_layers_alike(w_.file(), c_);
    plan_.vocabulary = c_.vocabulary;
    plan_.hidden = c_.hidden;
    plan_.short_text = c_.rope.long_table ? c_.rope.original_context : 0;
    plan_.experts = c_.experts;
    plan_.experts_active = c_.experts_active;
    x_ = value(c_.hidden);
    normed_ = value(c_.hidden);
    if (c_.latent()) {
        latent_ = value(c_.kv_lora_rank + c_.rope.dims);
        if (c_.q_lora_rank > 0)
            q_compressed_ = value(c_.q_lora_rank);
    }
    emit(EmbedStep{w_.table("token_embd.weight", c_.hidden, c_.vocabulary), x_,
                   c_.embedding_scale / c_.residual_scale});
    if (c_.streams.count > 0)
        emit(SpreadStreamsStep{shared_value(streams_, c_.streams.count * c_.hidden), x_, kNoValue,
                               c_.streams.count});
    if (c_.layer_input > 0)
        layer_inputs();
    for (int layer = 0; layer < c_.layers; ++layer) {
        enter(layer);
        if (c_.streams.count > 0) {
            streams_layer();
        } else if (c_.single_mixers) {
            single_mixer();
        } else if (c_.parallel_blocks) {
            parallel_blocks();
        } else {
            mix();
            feed_forward();
        }
        if (c_.layer_input > 0)
            layer_input();
        if (w_.has(prefix_ + "layer_output_scale.weight"))
            emit(ScaleStep{x_, w_.vector(prefix_ + "layer_output_scale.weight", 1)});
    }
    plan_.kv.insert(plan_.kv.end(), rows_.begin(), rows_.end());
    enter(kNoLayer);
    head();
    check_widths(plan_);
    std::vector<std::string> notes = w_.check_all_used(c_);
    return {std::move(plan_), w_.take(), std::move(notes)};
}

void PlanBuilder::enter(int layer) {
    layer_ = layer;
    prefix_ = layer == kNoLayer ? "" : "blk." + std::to_string(layer) + ".";
    w_.enter(layer);
    if (layer == kNoLayer)
        return;
    heads_ = c_.heads_of(layer);
    const auto of_heads = [this](char kind, int width) {
        return shared_value(head_values_.try_emplace({kind, width}, kNoValue).first->second, width);
    };
    q_ = of_heads('q', heads_.heads * heads_.head_dim);
    attended_ = of_heads('o', heads_.heads * heads_.value_dim);
    if (!c_.latent()) {
        k_ = of_heads('k', heads_.kv_heads * heads_.head_dim);
        v_ = of_heads('v', heads_.kv_heads * heads_.value_dim);
    }
}

ValueId PlanBuilder::value(int width) {
    plan_.values.push_back(width);
    return static_cast<ValueId>(plan_.values.size()) - 1;
}

NormStep PlanBuilder::norm_of(const std::string& name, ValueId in, ValueId out) {
    NormStep step{in, out, w_.vector(name, c_.hidden), c_.norm_epsilon, c_.hidden};
    step.centred = c_.centred_norms;
    if (c_.centred_norms)
        step.bias =
            w_.optional_vector(name.substr(0, name.rfind('.')) + ".bias", c_.hidden, WeightRole::Norm);
    return step;
}

void PlanBuilder::norm(const std::string& name, ValueId in, ValueId out) {
    NormStep step = norm_of(name, in, out);
    step.epsilon /= c_.residual_scale * c_.residual_scale;
    emit(step);
}

void PlanBuilder::project(const std::string& name, ValueId in, ValueId out, bool add) {
    const int cols = plan_.values[static_cast<std::size_t>(in)],
              rows = plan_.values[static_cast<std::size_t>(out)];
    const WeightId weight = w_.matrix(prefix_ + name + ".weight", WeightRole::Attention, cols, rows);
    const WeightId bias = w_.optional_vector(prefix_ + name + ".bias", rows, WeightRole::Attention);
    emit(ProjectStep{in, weight, bias, out, add});
}

void PlanBuilder::mix() {
    if (c_.parallel_mixers) {
        // What reads the layer's input comes before anything is added to it.
        state_space_input();
        attention();
        state_space_from_input();
        return;
    }
    if (c_.linear_layers.empty() || !c_.linear_layers[static_cast<std::size_t>(layer_)])
        c_.latent() ? latent_attention() : attention();
    else if (c_.space.heads > 0)
        state_space();
    else if (c_.short_taps > 0)
        short_convolution();
    else if (c_.linear.by_channel)
        key_decay_attention();
    else
        linear_attention();
}

void PlanBuilder::single_mixer() {
    if (w_.has(prefix_ + "attn_q.weight"))
        return attention();
    if (w_.has(prefix_ + "ssm_in.weight"))
        return state_space();
    plan_.kv.push_back({});
    norm(prefix_ + "attn_norm.weight", x_, normed_);
    block_in_ = normed_;
    block_out_ = x_;
    if (w_.has(prefix_ + "ffn_gate_inp.weight"))
        experts();
    else
        block("", WeightRole::FeedForward, c_.feed_forward);
}

ValueId PlanBuilder::normed_input(const std::string& name) {
    if (!w_.has(prefix_ + name) && norms_behind())
        return x_;
    norm(prefix_ + name, x_, normed_);
    return normed_;
}

void PlanBuilder::add_normed(const std::string& name, float epsilon) {
    NormStep step = norm_of(prefix_ + name, found_, x_);
    step.epsilon *= epsilon;
    step.add = true;
    emit(step);
}

void PlanBuilder::parallel_blocks() {
    norm(prefix_ + "attn_norm.weight", x_, normed_);
    attend(normed_);
    block_in_ = normed_;
    block_out_ = found();
    const bool experts = w_.has(prefix_ + "ffn_gate_inp.weight");
    if (experts)
        this->experts();
    else
        block("", WeightRole::FeedForward, c_.feed_forward_of(layer_));
    project("attn_output", attended_, x_, true);
    emit(AddStep{found_, x_, experts ? c_.block_scale : 1.0f});
}

// per_layer = table[token] * sqrt(n) + norm(W x / sqrt(width)), for all layers, n values each. Half of the
// authors' square: what follows is a norm, which knows no factors but for its epsilon.
void PlanBuilder::layer_inputs() {
    const int n = c_.layer_input, all = c_.layers * n;
    inputs_ = value(all);
    layer_gate_ = value(n);
    const ValueId projected = value(all);
    emit(EmbedStep{w_.table("per_layer_token_embd.weight", all, c_.vocabulary), inputs_,
                   std::sqrt(static_cast<float>(n))});
    project("per_layer_model_proj", x_, projected);
    NormStep step{projected, inputs_, w_.vector("per_layer_proj_norm.weight", n), c_.norm_epsilon, n};
    step.epsilon *= static_cast<float>(c_.hidden); // for the root that is not divided by
    step.add = true;
    emit(step);
}

void PlanBuilder::layer_input() {
    project("inp_gate", x_, layer_gate_);
    emit(GateStep{layer_gate_, inputs_, GateStep::Function::Gelu, layer_ * c_.layer_input});
    project("proj", layer_gate_, found());
    add_normed("post_norm.weight", 2.0f); // inputs stand multiplied by the root of 2
}

void PlanBuilder::head() {
    if (c_.streams.count > 0)
        mix_streams("output_hc", false);
    // LFM2 calls it after the table that is the output, too.
    norm(w_.has("output_norm.weight") ? "output_norm.weight" : "token_embd_norm.weight", x_, normed_);
    const char* name = w_.has("output.weight") ? "output.weight" : "token_embd.weight"; // tied
    HeadStep step{normed_, w_.matrix(name, WeightRole::Output, c_.hidden, c_.vocabulary)};
    step.bias = w_.optional_vector("output.bias", c_.vocabulary, WeightRole::Output);
    step.scale = c_.logit_scale;
    step.cap = c_.logit_cap;
    emit(step);
}

ModelPlan build_plan(const ModelConfig& config, const ModelFile& file) {
    return PlanBuilder(config, file).build();
}

} // namespace switchyard
