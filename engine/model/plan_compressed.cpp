// DeepSeek-V4's layers: residual streams around attention over compressed tokens, and around experts.
#include "engine/base/error.h"
#include "engine/model/plan_builder.h"

#include <cmath>

namespace switchyard {

void PlanBuilder::streams_layer() {
    mix_streams("hc_attn", true);
    compressed_attention();
    emit(SpreadStreamsStep{streams_, found_, stream_weights_, c_.streams.count});
    mix_streams("hc_ffn", true);
    feed_forward();
    emit(SpreadStreamsStep{streams_, found_, stream_weights_, c_.streams.count});
}

/// x_ of all streams. `spreads`: and how what is found of it goes back to them.
void PlanBuilder::mix_streams(const std::string& name, bool spreads) {
    const int n = c_.streams.count, outputs = spreads ? 2 * n + n * n : n;
    const std::string prefix = prefix_ + name;
    MixStreamsStep step{};
    step.streams = streams_;
    step.out = x_;
    step.weights = spreads ? shared_value(stream_weights_, n + n * n) : kNoValue;
    step.fn = w_.vectors(prefix + "_fn.weight", n * c_.hidden, outputs, WeightRole::Router);
    step.base = w_.vector(prefix + "_base.weight", outputs, WeightRole::Router);
    step.scale = w_.vector(prefix + "_scale.weight", spreads ? 3 : 1, WeightRole::Router);
    step.count = n;
    step.iterations = c_.streams.iterations;
    step.norm_epsilon = c_.norm_epsilon;
    step.epsilon = c_.streams.epsilon;
    emit(step);
}

/// A rotation of the last values of each head.
RopeStep PlanBuilder::rope_of_end(ValueId v, int heads, int dim, bool compressed) const {
    const RopeConfig& r = compressed ? c_.compressed.rope : c_.rope;
    return {v,
            heads,
            dim,
            dim - r.dims,
            r.dims,
            r.interleaved ? RopeStyle::Interleaved : RopeStyle::HalfSplit,
            compressed ? compressed_frequencies_ : inverse_frequencies_,
            r.magnitude};
}

int PlanBuilder::add_rows(int dim, int tokens) {
    rows_.push_back({.row_dim = dim, .row_tokens = tokens});
    return c_.layers + static_cast<int>(rows_.size()) - 1;
}

void PlanBuilder::compress(const std::string& name, ValueId in, int dim, int ratio, int cache) {
    const std::string prefix = prefix_ + name;
    const TensorView* kv = w_.find(prefix + "_kv.weight");
    CompressStep step{};
    step.overlaps = kv && kv->rows() == 2 * std::int64_t{dim};
    const int width = step.overlaps ? 2 * dim : dim;
    const auto [place, fresh] = compressed_.try_emplace(width);
    if (fresh)
        place->second = {value(width), value(width)};
    step.kv = place->second.first;
    step.gate = place->second.second;
    project(name + "_kv", in, step.kv);
    project(name + "_gate", in, step.gate);
    step.position_bias = w_.vectors(prefix + "_ape.weight", width, ratio, WeightRole::Attention);
    step.gain = w_.vector(prefix + "_norm.weight", dim);
    step.dim = dim;
    step.ratio = ratio;
    step.epsilon = c_.norm_epsilon;
    const RopeStep rope = rope_of_end(kNoValue, 1, dim, true);
    step.rope_offset = rope.offset;
    step.rope_dims = rope.dims;
    step.style = rope.style;
    step.inverse_frequencies = rope.inverse_frequencies;
    step.magnitude = rope.magnitude;
    step.cache = cache;
    step.state = state(CompressStep::state_values(dim, step.overlaps));
    emit(step);
}

void PlanBuilder::compressed_index(ValueId q_in, ValueId in, int cache) {
    const IndexerConfig& i = c_.indexer;
    if (i.dim < c_.rope.dims)
        throw Error("the indexer's keys are narrower than what is rotated of them");
    IndexStep step{};
    step.q = shared_value(index_q_, i.heads * i.dim);
    step.weights = shared_value(index_weights_, i.heads);
    project("indexer.attn_q_b", q_in, step.q);
    emit(ProjectStep{in, w_.matrix(prefix_ + "indexer.proj.weight", WeightRole::Router, c_.hidden, i.heads),
                     kNoWeight, step.weights});
    emit(rope_of_end(step.q, i.heads, i.dim, true));
    step.heads = i.heads;
    step.dim = i.dim;
    step.scale = 1.0f / std::sqrt(static_cast<float>(i.heads * i.dim));
    step.cache = cache;
    step.top = i.top;
    step.choice = 0;
    plan_.choices = 1;
    emit(step);
}

void PlanBuilder::compressed_attention() {
    const int dim = c_.head_dim, groups = c_.compressed.output_groups;
    const auto layer = static_cast<std::size_t>(layer_);
    const int ratio = c_.compressed.ratios.empty() ? 0 : c_.compressed.ratios[layer];
    plan_.kv.push_back({1, dim, 0});
    if (c_.rope.dims > dim)
        throw Error("more of a head is rotated than it has");
    norm(prefix_ + "attn_norm.weight", x_, normed_);
    project("attn_q_a", normed_, shared_value(q_compressed_, c_.q_lora_rank));
    project("attn_kv", normed_, shared_value(kv_raw_, dim));
    const ValueId q_normed = normed_value(c_.q_lora_rank);
    emit(NormStep{q_compressed_, q_normed, w_.vector(prefix_ + "attn_q_a_norm.weight", c_.q_lora_rank),
                  c_.norm_epsilon, c_.q_lora_rank});
    project("attn_q_b", q_normed, q_);
    CompressedAttentionStep step{};
    if (ratio > 0) {
        step.rows = add_rows(dim, ratio);
        compress("attn_compressor", normed_, dim, ratio, step.rows);
        if (indexes("indexer.attn_q_b.weight")) {
            const int cache = add_rows(c_.indexer.dim, ratio);
            compress("indexer_compressor", normed_, c_.indexer.dim, ratio, cache);
            compressed_index(q_normed, normed_, cache);
            step.choice = 0;
        }
    }
    emit(NormStep{q_, q_, kNoWeight, c_.norm_epsilon, dim});
    emit(NormStep{kv_raw_, kv_raw_, w_.vector(prefix_ + "attn_kv_a_norm.weight", dim), c_.norm_epsilon, dim});
    emit(rope_of_end(q_, c_.heads, dim, ratio > 0));
    emit(rope_of_end(kv_raw_, 1, dim, ratio > 0));
    step.q = q_;
    step.kv = kv_raw_;
    step.out = attended_;
    step.heads = c_.heads;
    step.dim = dim;
    step.window = window();
    step.scale = c_.attention_scale;
    step.sinks = w_.vector(prefix_ + "attn_sinks.weight", c_.heads, WeightRole::Attention);
    step.back = rope_of_end(attended_, c_.heads, dim, ratio > 0);
    for (float& frequency : step.back.inverse_frequencies)
        frequency = -frequency;
    emit(step);
    const int rank = c_.compressed.output_rank;
    emit(GroupedProjectStep{attended_, shared_value(grouped_, groups * rank),
                            w_.matrix(prefix_ + "attn_output_a.weight", WeightRole::Attention,
                                      c_.heads / groups * dim, rank, groups),
                            groups});
    project("attn_output_b", grouped_, found());
}

/// LimitedSilu where the layer has a limit.
void PlanBuilder::limit(Activation& activation, SiluClamp& clamp, const std::vector<float>& limits) const {
    if (limits.empty() || !(limits[static_cast<std::size_t>(layer_)] > 0))
        return;
    activation = Activation::LimitedSilu;
    clamp.limit = limits[static_cast<std::size_t>(layer_)];
}

} // namespace switchyard
