// The layouts that hold a carved model, so that other programs compute the same from it.
#pragma once

#include "engine/model/model_config.h"

#include <string>
#include <string_view>

namespace switchyard {

/// Both layouts weigh experts by softmax; with logits that are nearly equal every weight is 1 / experts,
/// which a factor takes back.
struct CarveLayout {
    std::string_view architecture; ///< general.architecture
    float shared_factor = 1;       ///< of the shared part's down matrix
    float routed_factor = 1;       ///< of the routed experts' down matrices; 1: expert_weights_scale has it
    bool shared_gate = false;  ///< the shared part is weighted by a sigmoid gate: 1/2 where its logit is 0
    bool whole_shared = false; ///< the shared part is a whole number of experts wide
    bool own_output = false;   ///< there must be an output matrix, also where it is the embedding
    bool biases = false;       ///< of query, key and value
    bool dense_layers = false; ///< leading layers may stay without experts
    bool interleaved = false;  ///< rotates neighbours, not halves
};

/// `deepseek` (V1) for what has no biases and rotates neighbours (llama, mistral), and for what fits no
/// layout: that is carved for this program only. `qwen2moe` for qwen2.
CarveLayout carve_layout(const ModelConfig& dense, int experts);

/// What such a model has that the layouts of carved ones have no key for, so that it would be computed
/// otherwise: "layers without rotation"; empty: nothing.
std::string layout_lacks(const ModelConfig& dense);

} // namespace switchyard
