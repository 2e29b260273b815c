// Layers of check models that attend to some of their context.
#include "engine/backends/cuda/check_model.h"

#include <utility>

namespace switchyard::cuda {
namespace {

constexpr int kIndexHeads = 2, kIndexDim = 64; ///< of a layer's indexer
constexpr int kStreams = 3, kGroups = 2, kWindow = 6, kRatio = 4, kFarRatio = 16;
/// Few are chosen: where rounding chooses another once, hardly any later row sees it.
constexpr int kTop = 2;

} // namespace

void CheckModel::add_layers_with_choices() {
    plan_->choices = 3;
    add_layer({1, kCheckLatent + kCheckRope, 0});
    add_latent_attention(0);
    add_layer({kCheckKvHeads, kCheckHeadDim, kCheckHeadDim});
    add_attention(1);
    add_streams_layers();
}

int CheckModel::add_rows(int dim, int tokens) {
    plan_->kv.push_back({.row_dim = dim, .row_tokens = tokens});
    return static_cast<int>(plan_->kv.size()) - 1;
}

/// Of single tokens by all heads together, as latent attention has it, or of blocks by each; of what
/// `cache` holds where that is there already.
void CheckModel::add_index(ChoiceId choice, bool weighted, int cache) {
    IndexStep step = {};
    step.q = value(kIndexHeads * kIndexDim);
    step.heads = kIndexHeads;
    step.dim = kIndexDim;
    step.scale = 0.1f;
    step.top = kTop;
    step.choice = choice;
    project(normed_, step.q);
    const std::vector<float> frequencies = frequencies_of(kIndexDim);
    const auto rotate = [&](ValueId rotated, int heads) {
        add(RopeStep{rotated, heads, kIndexDim, 0, kIndexDim, RopeStyle::HalfSplit, frequencies});
    };
    if (weighted) {
        step.weights = value(kIndexHeads);
        project(normed_, step.weights);
    } else {
        step.block = 5;
        step.local = 1;
    }
    if (cache < 0) {
        step.key = value(kIndexDim);
        project(normed_, step.key);
        NormStep norm = {step.key, step.key, gain(kIndexDim), 1e-5f, kIndexDim};
        norm.centred = weighted;
        norm.bias = weighted ? vector(kIndexDim, 0.0f) : kNoWeight;
        add(norm);
        rotate(step.key, 1);
        cache = add_rows(kIndexDim, 1);
    }
    rotate(step.q, kIndexHeads);
    step.cache = cache;
    add(step);
}

int CheckModel::add_compressed_rows(int dim, int ratio, bool overlaps) {
    const int width = overlaps ? 2 * dim : dim;
    CompressStep step = {};
    step.kv = value(width);
    step.gate = value(width);
    project(normed_, step.kv);
    project(normed_, step.gate);
    step.position_bias = vector(width, 0.0f, ratio);
    step.gain = gain(dim);
    step.dim = dim;
    step.ratio = ratio;
    step.epsilon = 1e-5f;
    step.rope_dims = kCheckRope;
    step.rope_offset = dim - kCheckRope;
    step.style = RopeStyle::Interleaved;
    step.inverse_frequencies = frequencies_of(kCheckRope);
    step.magnitude = 1.0f;
    step.cache = add_rows(dim, ratio);
    step.state = state(CompressStep::state_values(dim, overlaps));
    step.overlaps = overlaps;
    add(step);
    return step.cache;
}

/// Attention to rows that were chosen of windows that overlap, and to all rows of longer ones, each between
/// streams.
void CheckModel::add_streams_layers() {
    const ValueId streams = value(kStreams * width(x_)), weights = value(kStreams + kStreams * kStreams);
    add(SpreadStreamsStep{streams, x_, kNoValue, kStreams});
    for (const bool chosen : {true, false}) {
        add_layer({1, kCheckHeadDim, 0});
        mix_streams(streams, weights);
        const ValueId found = add_compressed_attention(chosen);
        add(SpreadStreamsStep{streams, found, weights, kStreams});
    }
    mix_streams(streams, kNoValue);
}

void CheckModel::mix_streams(ValueId streams, ValueId weights) {
    const int outputs = weights == kNoValue ? kStreams : 2 * kStreams + kStreams * kStreams;
    MixStreamsStep step = {};
    step.streams = streams;
    step.out = x_;
    step.weights = weights;
    step.fn = vector(width(streams), 0.0f, outputs);
    step.base = vector(outputs, 0.0f);
    step.scale = vector(weights == kNoValue ? 1 : 3, 0.5f);
    step.count = kStreams;
    step.iterations = 4;
    step.norm_epsilon = 1e-5f;
    step.epsilon = 1e-4f;
    add(step);
}

ValueId CheckModel::add_compressed_attention(bool chosen) {
    const ValueId q = value(kCheckHeads * kCheckHeadDim), kv = value(kCheckHeadDim),
                  attended = value(kCheckHeads * kCheckHeadDim), grouped = value(kGroups * kCheckHeadDim),
                  found = value(width(x_));
    const std::vector<float> frequencies = frequencies_of(kCheckRope);
    const auto rope_of = [&](ValueId rotated, int heads) {
        return RopeStep{
            rotated,    heads, kCheckHeadDim, kCheckHeadDim - kCheckRope, kCheckRope, RopeStyle::Interleaved,
            frequencies};
    };
    add_norm();
    project(normed_, q);
    project(normed_, kv);
    CompressedAttentionStep step = {};
    step.rows = add_compressed_rows(kCheckHeadDim, chosen ? kRatio : kFarRatio, chosen);
    if (chosen) {
        add_index(2, true, add_compressed_rows(kIndexDim, kRatio, true));
        step.choice = 2;
    }
    add(NormStep{kv, kv, gain(kCheckHeadDim), 1e-5f, kCheckHeadDim});
    add(rope_of(q, kCheckHeads));
    add(rope_of(kv, 1));
    step.q = q;
    step.kv = kv;
    step.out = attended;
    step.heads = kCheckHeads;
    step.dim = kCheckHeadDim;
    step.window = kWindow;
    step.scale = 0.125f;
    step.sinks = vector(kCheckHeads, 0.0f);
    step.back = rope_of(attended, kCheckHeads);
    for (float& frequency : step.back.inverse_frequencies)
        frequency = -frequency;
    add(step);
    add(GroupedProjectStep{attended, grouped,
                           add_weight(BlockType::F32,
                                      {kCheckHeads / kGroups * kCheckHeadDim, kCheckHeadDim, kGroups},
                                      WeightUse::Matrix, 0.1f, 0.0f),
                           kGroups});
    project(grouped, found);
    return found;
}

} // namespace switchyard::cuda
