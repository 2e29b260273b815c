// The shapes of well-known models: enough to count, forecast and time a model before its file is there.
#pragma once

#include "engine/model/model_config.h"

#include <span>
#include <string_view>

namespace switchyard {

/// Tensors that a layer has beyond those its configuration implies.
struct ShapeParts {
    bool tied = false;           ///< the output is the embedding table
    bool query_bias = false;     ///< biases of q, k and v
    bool output_bias = false;    ///< bias of attention's output
    bool head_norms = false;     ///< q and k normed, head by head
    bool joint_norms = false;    ///< q and k normed, over all heads at once
    bool sinks = false;          ///< a logit of an empty key a head
    bool router_bias = false;    ///< added to the router's logits
    bool selection_bias = false; ///< added for the choice alone
    bool expert_biases = false;  ///< of gate, up and down
    bool shared_gate = false;    ///< the shared expert is weighted by a gate of its own
    bool joined_decays = false;  ///< beta and alpha of linear attention are one matrix
    std::string mixers = {}; ///< of layers with one block alone: M (state space), * (attention), E (experts)
};

/// A model without its weights. Of `config`, only what read_config() takes from metadata counts; the scaling
/// of rotations is left out, as it changes neither sizes nor speed.
struct Shape {
    std::string name;  ///< as --shape takes it: "deepseek-v2-lite"
    std::string title; ///< as its authors write it: "DeepSeek-V2-Lite"
    ModelConfig config;
    ShapeParts parts = {};
    /// The type its authors publish routed experts in; everything else is BF16.
    BlockType published = BlockType::BF16;
};

/// All of them, DeepSeek's families first.
std::span<const Shape> known_shapes();

/// Throws Error that lists the known shapes.
const Shape& find_shape(std::string_view name);

/// The shape with its first `layers` layers only: what fits where the whole does not. Throws Error where it
/// has fewer.
Shape cut_layers(Shape shape, int layers);

} // namespace switchyard
