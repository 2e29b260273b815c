#include "engine/model/build_plan.h"

#include "engine/model/plan_builder.h"

namespace switchyard {

PlanBuilder::PlanBuilder(const ModelConfig& config, const ModelFile& file)
    : c_(config), w_(file), inverse_frequencies_(rope_inverse_frequencies(config.rope, file)) {
    if (config.window_rope)
        window_frequencies_ = rope_inverse_frequencies(*config.window_rope, file);
    if (config.streams.count > 0)
        compressed_frequencies_ = rope_inverse_frequencies(config.compressed.rope, file);
}

ModelPlan PlanBuilder::build() {
    plan_.vocabulary = c_.vocabulary;
    plan_.hidden = c_.hidden;
    plan_.experts = c_.experts;
    plan_.experts_active = c_.experts_active;
    x_ = value(c_.hidden);
    normed_ = value(c_.hidden);
    q_ = value(c_.heads * c_.head_dim);
    if (c_.latent()) {
        latent_ = value(c_.kv_lora_rank + c_.rope.dims);
        if (c_.q_lora_rank > 0)
            q_compressed_ = value(c_.q_lora_rank);
    } else {
        k_ = value(c_.kv_heads * c_.head_dim);
        v_ = value(c_.kv_heads * c_.value_dim);
    }
    attended_ = value(c_.heads * c_.value_dim);

    emit(EmbedStep{w_.table("token_embd.weight", c_.hidden, c_.vocabulary), x_,
                   c_.embedding_scale / c_.residual_scale});
    if (c_.streams.count > 0)
        emit(SpreadStreamsStep{shared_value(streams_, c_.streams.count * c_.hidden), x_, kNoValue,
                               c_.streams.count});
    for (int layer = 0; layer < c_.layers; ++layer) {
        enter(layer);
        if (c_.streams.count > 0) {
            streams_layer();
        } else if (c_.single_mixers) {
            single_mixer();
        } else {
            mix();
            feed_forward();
        }
    }
    plan_.kv.insert(plan_.kv.end(), rows_.begin(), rows_.end());
    enter(kNoLayer);
    head();
    std::vector<std::string> notes = w_.check_all_used(c_);
    return {std::move(plan_), w_.take(), std::move(notes)};
}

void PlanBuilder::enter(int layer) {
    layer_ = layer;
    prefix_ = layer == kNoLayer ? "" : "blk." + std::to_string(layer) + ".";
    w_.enter(layer);
}

ValueId PlanBuilder::value(int width) {
    plan_.values.push_back(width);
    return static_cast<ValueId>(plan_.values.size()) - 1;
}

void PlanBuilder::norm(const std::string& name, ValueId in, ValueId out) {
    const float epsilon = c_.norm_epsilon / (c_.residual_scale * c_.residual_scale);
    emit(NormStep{in, out, w_.vector(name, c_.hidden), epsilon, c_.hidden});
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

void PlanBuilder::add_normed(const std::string& name) {
    emit(NormStep{.in = found_,
                  .out = x_,
                  .gain = w_.vector(prefix_ + name, c_.hidden),
                  .epsilon = c_.norm_epsilon,
                  .group = c_.hidden,
                  .add = true});
}

void PlanBuilder::head() {
    if (c_.streams.count > 0)
        mix_streams("output_hc", false);
    // LFM2 calls it after the table that is the output, too.
    norm(w_.has("output_norm.weight") ? "output_norm.weight" : "token_embd_norm.weight", x_, normed_);
    const char* name = w_.has("output.weight") ? "output.weight" : "token_embd.weight"; // tied
    emit(HeadStep{normed_, w_.matrix(name, WeightRole::Output, c_.hidden, c_.vocabulary), kNoWeight,
                  c_.logit_scale});
}

ModelPlan build_plan(const ModelConfig& config, const ModelFile& file) {
    return PlanBuilder(config, file).build();
}

} // namespace switchyard
