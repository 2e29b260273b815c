// What a model is: its shape, read from a file's metadata into one description for all architectures.
#pragma once

#include "engine/files/gguf.h"
#include "engine/text/tokenizer.h"

#include <optional>
#include <string>
#include <vector>

namespace switchyard {

enum class RopeScaling { None, Linear, Yarn, Llama3 };

/// Shape and constants of a model. Counts are per model unless said otherwise.
struct ModelConfig {
    std::string architecture; ///< "llama", "deepseek"
    std::string name;         ///< general.name, or the file's
    int layers = 0, hidden = 0, vocabulary = 0, context = 0;
    int heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;
    float norm_epsilon = 1e-6f;

    int feed_forward = 0; ///< width of dense layers
    int dense_layers = 0; ///< leading layers without experts
    int experts = 0, experts_active = 0, experts_shared = 0;
    int expert_width = 0, shared_width = 0;

    bool rope_interleaved = false;
    int rope_dims = 0;
    float rope_theta = 10000.0f;
    RopeScaling rope_scaling = RopeScaling::None;
    float rope_factor = 1.0f;

    float expert_scale = 1.0f;
    bool expert_normalise = false;
    int expert_gate = 0; ///< GGUF's numbering: 0 unset, 1 softmax, 2 sigmoid, 3 softmax over the chosen

    std::vector<float> router_bias; ///< [layers with experts * experts], added to the logits; carved models only

    std::optional<std::string> chat_template;
    bool dense() const { return experts == 0; }
};

/// Throws Error naming the architecture, or the key that is missing or wrong.
ModelConfig read_config(const ModelFile& file);

/// nullopt where the file has no tokenizer.
std::optional<TokenizerData> read_tokenizer(const ModelFile& file);

} // namespace switchyard
