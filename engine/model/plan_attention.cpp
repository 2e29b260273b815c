// Layers in which tokens see each other by attention, over keys and values or over latents.
#include "engine/base/error.h"
#include "engine/model/plan_builder.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace switchyard {

/// Of the norms of compressed queries and latents: the authors' code leaves it as it is, whatever that of the
/// layers' norms.
static constexpr float kLatentEpsilon = 1e-6f;

void PlanBuilder::head_norm(const std::string& name, ValueId v, int head_dim) {
    const TensorView* gain = w_.find(prefix_ + name);
    if (!gain)
        return;
    const int width = plan_.values[static_cast<std::size_t>(v)];
    const int group = gain->cols() == head_dim ? head_dim : width;
    emit(NormStep{v, v, w_.vector(prefix_ + name, group), c_.norm_epsilon, group});
}

void PlanBuilder::rope(ValueId v, int heads, int head_dim, int offset) {
    if (!rotated())
        return;
    const bool of_window = c_.window_rope && window() > 0;
    const RopeConfig& r = of_window ? *c_.window_rope : c_.rope;
    const RopeStyle style = r.interleaved ? RopeStyle::Interleaved : RopeStyle::HalfSplit;
    RopeStep step{v,
                  heads,
                  head_dim,
                  offset,
                  r.dims,
                  style,
                  of_window ? window_frequencies_ : inverse_frequencies_,
                  r.magnitude};
    if (!of_window) {
        step.long_frequencies = long_frequencies_;
        step.long_magnitude = r.long_magnitude;
    }
    emit(step);
}

void PlanBuilder::head_norms() {
    head_norm("attn_q_norm.weight", q_, heads_.head_dim);
    if (k_ != kNoValue)
        head_norm("attn_k_norm.weight", k_, heads_.head_dim);
}

int PlanBuilder::keys_and_values(ValueId in) {
    if (const int own = c_.layers - c_.shared_kv_layers; layer_ >= own) {
        plan_.kv.push_back({});
        int source = own - 1;
        while (source >= 0 && (window_of(source) > 0) != (window() > 0))
            --source;
        if (source < 0 || plan_.kv[static_cast<std::size_t>(source)].kv_heads == 0)
            throw Error("the keys and values of layer " + std::to_string(layer_) +
                        " are those of a layer before it, and none of its kind has any");
        k_ = v_ = kNoValue;
        return source;
    }
    plan_.kv.push_back({heads_.kv_heads, heads_.head_dim, heads_.value_dim});
    project("attn_k", in, k_);
    // Gemma 4's layers that see all: the same projection is both.
    if (!w_.has(prefix_ + "attn_v.weight") && c_.unit_values && heads_.head_dim == heads_.value_dim)
        emit(SplitStep{k_, v_, kNoValue, 1, heads_.kv_heads * heads_.head_dim, 0});
    else
        project("attn_v", in, v_);
    if (c_.unit_values)
        unit_norm(v_, heads_.value_dim);
    return kNoLayer;
}

void PlanBuilder::attention() {
    attend(normed_input("attn_norm.weight"));
    leave_attention();
}

void PlanBuilder::attend(ValueId in) {
    const ValueId queries =
        c_.gated_queries ? shared_value(gated_queries_, 2 * heads_.heads * heads_.head_dim) : q_;
    project("attn_q", in, queries);
    const int cache = keys_and_values(in);
    if (c_.gated_queries)
        emit(SplitStep{queries, q_, gate_value(heads_.heads * heads_.head_dim), heads_.heads, heads_.head_dim,
                       heads_.head_dim});
    const bool gated = attention_gate(in), chooses = indexes("indexer.q_proj.weight");
    if (chooses)
        block_index(in);
    if (!c_.head_norm_last)
        head_norms();
    rope(q_, heads_.heads, heads_.head_dim, 0);
    if (k_ != kNoValue)
        rope(k_, heads_.kv_heads, heads_.head_dim, 0);
    if (c_.head_norm_last)
        head_norms();
    if (c_.unit_heads && rotated()) {
        unit_norm(q_, heads_.head_dim);
        if (k_ != kNoValue)
            unit_norm(k_, heads_.head_dim);
    }
    AttentionStep step{q_,
                       k_,
                       v_,
                       attended_,
                       heads_.heads,
                       heads_.kv_heads,
                       heads_.head_dim,
                       heads_.value_dim,
                       c_.attention_scale};
    step.window = window();
    step.choice = chooses ? 0 : kNoChoice;
    step.chunk = c_.chunks.empty() ? 0 : c_.chunks[static_cast<std::size_t>(layer_)];
    step.sinks = w_.optional_vector(prefix_ + "attn_sinks.weight", heads_.heads, WeightRole::Attention);
    step.cache = cache;
    step.value_scale = c_.value_scale;
    step.cap = c_.attention_cap;
    step.temperature = temperature();
    emit(step);
    if (gated || c_.gated_queries)
        emit(GateStep{attended_, gate_,
                      c_.softplus_gate ? GateStep::Function::Softplus : GateStep::Function::Sigmoid});
}

void PlanBuilder::leave_attention() {
    if (norms_behind()) {
        project("attn_output", attended_, found());
        add_normed("post_attention_norm.weight");
    } else {
        project("attn_output", attended_, x_, true);
    }
}

bool PlanBuilder::attention_gate(ValueId in) {
    const TensorView* gate = c_.attention_gate ? w_.find(prefix_ + "attn_gate.weight") : nullptr;
    if (!gate)
        return false;
    const int rows = static_cast<int>(std::clamp<std::int64_t>(gate->rows(), 0, 1 << 30));
    if (rows != heads_.heads && rows != plan_.values[static_cast<std::size_t>(attended_)])
        throw Error("the tensor " + prefix_ + "attn_gate.weight has neither a row a head nor one a value");
    gate_ = shared_value(head_values_.try_emplace({'g', rows}, kNoValue).first->second, rows);
    project("attn_gate", in, gate_);
    return true;
}

/// Whether the layer at hand chooses for itself.
bool PlanBuilder::indexes(const char* tensor) const {
    const auto& layers = c_.indexer.layers;
    return c_.indexer.heads > 0 && w_.has(prefix_ + tensor) &&
           (layers.empty() || layers[static_cast<std::size_t>(layer_)]);
}

/// What both kinds of indexer have in common: queries and keys are there, rotated here.
void PlanBuilder::index(IndexStep step, RopeStyle style) {
    const IndexerConfig& i = c_.indexer;
    const int dims = c_.rope.dims;
    for (const auto& [value, heads] : {std::pair(step.q, i.heads), std::pair(step.key, 1)})
        emit(RopeStep{value, heads, i.dim, 0, dims, style, inverse_frequencies_, c_.rope.magnitude});
    step.heads = i.heads;
    step.dim = i.dim;
    step.top = i.top;
    step.block = i.block;
    step.local = i.local;
    step.cache = c_.layers + static_cast<int>(rows_.size());
    step.choice = 0; // each layer's attention uses the last choice
    rows_.push_back({.row_dim = i.dim});
    plan_.choices = 1;
    emit(step);
}

// DeepSeek-V3.2: the indexer has queries from the compressed ones, and a weight a head.
void PlanBuilder::latent_index(ValueId q_in, ValueId in) {
    const IndexerConfig& i = c_.indexer;
    IndexStep step{};
    step.q = shared_value(index_q_, i.heads * i.dim);
    step.key = shared_value(index_key_, i.dim);
    step.weights = shared_value(index_weights_, i.heads);
    step.scale = 1.0f / std::sqrt(static_cast<float>(i.heads * i.dim));
    project("indexer.attn_q_b", q_in, step.q);
    project("indexer.attn_k", in, step.key);
    emit(ProjectStep{in, w_.matrix(prefix_ + "indexer.proj.weight", WeightRole::Router, c_.hidden, i.heads),
                     kNoWeight, step.weights});
    emit(NormStep{.in = step.key,
                  .out = step.key,
                  .gain = w_.vector(prefix_ + "indexer.k_norm.weight", i.dim),
                  .epsilon = kLatentEpsilon,
                  .group = i.dim,
                  .centred = true,
                  .bias = w_.optional_vector(prefix_ + "indexer.k_norm.bias", i.dim, WeightRole::Norm)});
    index(step, i.interleaved ? RopeStyle::Interleaved : RopeStyle::HalfSplit);
}

// MiniMax M3: each part of the KV heads chooses blocks of tokens.
void PlanBuilder::block_index(ValueId in) {
    const IndexerConfig& i = c_.indexer;
    IndexStep step{};
    step.q = shared_value(index_q_, i.heads * i.dim);
    step.key = shared_value(index_key_, i.dim);
    project("indexer.q_proj", in, step.q);
    project("indexer.k_proj", in, step.key);
    for (const auto& [name, value] :
         {std::pair("indexer.q_norm.weight", step.q), std::pair("indexer.k_norm.weight", step.key)})
        emit(NormStep{value, value, w_.vector(prefix_ + name, i.dim), c_.norm_epsilon, i.dim});
    index(step, c_.rope.interleaved ? RopeStyle::Interleaved : RopeStyle::HalfSplit);
}

void PlanBuilder::latent_attention() {
    const int rope_dims = c_.rope.dims, nope = c_.head_dim - rope_dims, rank = c_.kv_lora_rank;
    plan_.kv.push_back({1, rank + rope_dims, 0});
    norm(prefix_ + "attn_norm.weight", x_, normed_);
    project("attn_kv_a_mqa", normed_, latent_);
    if (w_.has(prefix_ + "attn_q.weight")) {
        project("attn_q", normed_, q_);
    } else {
        if (c_.q_lora_rank == 0)
            throw Error("the tensor " + prefix_ +
                        "attn_q.weight is missing, and there is no q LoRA rank instead");
        project("attn_q_a", normed_, q_compressed_);
        const WeightId gain = w_.vector(prefix_ + "attn_q_a_norm.weight", c_.q_lora_rank);
        const ValueId q_normed = normed_value(c_.q_lora_rank);
        emit(NormStep{q_compressed_, q_normed, gain, kLatentEpsilon, c_.q_lora_rank});
        project("attn_q_b", q_normed, q_);
        if (indexes("indexer.attn_q_b.weight"))
            latent_index(q_normed, normed_);
    }
    const bool gated = attention_gate(normed_);
    const WeightId gain = w_.vector(prefix_ + "attn_kv_a_norm.weight", rank);
    emit(NormStep{latent_, latent_, gain, kLatentEpsilon, rank, rank});
    rope(q_, c_.heads, c_.head_dim, nope);
    rope(latent_, 1, rank + rope_dims, rank);
    LatentAttentionStep step{};
    step.q = q_;
    step.latent = latent_;
    step.out = attended_;
    step.heads = c_.heads;
    step.nope = nope;
    step.rope = rope_dims;
    step.latent_dim = rank;
    step.value_dim = c_.value_dim;
    step.k_b = w_.matrix(prefix_ + "attn_k_b.weight", WeightRole::Attention, nope, rank, c_.heads);
    step.v_b = w_.matrix(prefix_ + "attn_v_b.weight", WeightRole::Attention, rank, c_.value_dim, c_.heads);
    step.scale = c_.attention_scale;
    step.choice = c_.indexer.heads > 0 ? 0 : kNoChoice;
    if (step.choice != kNoChoice && plan_.choices == 0)
        throw Error("the tensor " + prefix_ + "indexer.attn_q_b.weight is missing");
    step.temperature = temperature();
    emit(step);
    if (gated)
        emit(GateStep{attended_, gate_, GateStep::Function::Sigmoid});
    project("attn_output", attended_, x_, true);
}

} // namespace switchyard
