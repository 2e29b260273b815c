// The layouts that hold a carved model: those that other programs compute the same from, where one fits.
#pragma once

#include "engine/files/gguf.h"
#include "engine/model/model_config.h"

#include <string>

namespace switchyard {

/// All weigh experts by softmax; with logits that are nearly equal every weight is 1 / experts, which a
/// factor takes back.
struct CarveLayout {
    std::string architecture;   ///< general.architecture
    std::string only_here = {}; ///< why other programs cannot open it; empty: they can
    float shared_factor = 1;    ///< of the shared part's down matrix
    float routed_factor = 1;    ///< of the routed experts' down matrices; 1: expert_weights_scale has it
    bool shared_gate = false;   ///< the shared part is weighted by a sigmoid gate: 1/2 where its logit is 0
    bool whole_shared = false;  ///< the shared part is a whole number of experts wide
    bool own_output = false;    ///< there must be an output matrix, also where it is the embedding
};

/// `deepseek` (V1) for what llama's tensors say all of, `qwen2moe` for qwen2 where no leading layers stay
/// dense; else the dense model's own architecture with experts in it (kCarvedSuffix), which this program
/// alone computes.
CarveLayout carve_layout(const ModelFile& dense, const ModelConfig& config, int experts, int dense_layers);

/// The layers with neurons, ascending: some models have layers that mix tokens and nothing else. The backends
/// number blocks so (FeedForwardView).
std::vector<int> feed_forward_layers(const ModelFile& dense, const ModelConfig& config);

/// Neurons of a layer that has some.
int neurons_of(const ModelFile& dense, int layer);

} // namespace switchyard
