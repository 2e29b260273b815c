// What a model is: its shape, read from a file's metadata into one description for all architectures.
#pragma once

#include "engine/files/gguf.h"
#include "engine/model/plan.h"
#include "engine/text/tokenizer.h"

#include <optional>
#include <string>
#include <vector>

namespace switchyard {

enum class RopeScaling { None, Linear, Yarn };

/// How positions become rotations. YaRN: arXiv 2309.00071, as the models' authors compute it.
struct RopeConfig {
    bool interleaved = false; ///< pairs (2i, 2i+1); else (i, i + dims/2)
    int dims = 0;
    float theta = 10000.0f;
    RopeScaling scaling = RopeScaling::None;
    float factor = 1.0f;
    int original_context = 0; ///< tokens the model was trained on before scaling
    float beta_fast = 32.0f, beta_slow = 1.0f;
    float yarn_mix =
        1.0f;             ///< YaRN: how far frequencies above its ramp stay unscaled (llama.cpp's ext_factor)
    bool truncate = true; ///< YaRN's ramp begins and ends at whole dimensions
    float magnitude = 1.0f;     ///< multiplies cos and sin
    bool stored_factors = true; ///< a file's divisors of the frequencies are of these
    /// Divisors of the frequencies in two tables, for texts up to the original context and for longer ones
    /// (LongRoPE, arXiv 2402.13753). Where a file lacks the second, the context ends there.
    bool two_tables = false, long_table = false;
    float long_magnitude = 1.0f; ///< in place of `magnitude`, with the second
};

/// The heads of a layer, and their widths.
struct HeadShape {
    int heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0;

    bool operator==(const HeadShape&) const = default;
};

/// The linear attention of layers that have it (DeltaRuleStep).
struct LinearConfig {
    int key_heads = 0, value_heads = 0, key_dim = 0, value_dim = 0;
    int taps = 0; ///< of the convolution before
    bool neighbours = false;
    bool by_channel = false; ///< Kimi Delta Attention
    float least_decay = 0;
};

/// The state space of layers that have one (StateSpaceStep).
struct SpaceConfig {
    int heads = 0, head_dim = 0, groups = 0, state_size = 0;
    int taps = 0;      ///< of the convolution before
    int step_rank = 0; ///< Mamba-1: width that time steps are made from; 0: Mamba-2
};

/// What chooses tokens for attention (IndexStep).
struct IndexerConfig {
    int heads = 0; ///< 0: no layer has one
    int dim = 0, top = 0;
    int block = 1, local = 0;
    bool interleaved = false; ///< pairs of its rotation are (2i, 2i+1)
    std::vector<bool> layers; ///< those that choose, and the others use the choice before; empty: all with
                              ///< its tensors
};

/// DeepSeek-V4's attention and residual streams.
struct CompressedConfig {
    std::vector<int> ratios; ///< tokens of a compressed row in each layer, 0: none are made; empty: all 0
    RopeConfig rope;         ///< of layers with rows; the others have the model's
    int output_groups = 1, output_rank = 0;
};
struct StreamConfig {
    int count = 0; ///< 0: one residual stream, as is usual
    int iterations = 1;
    float epsilon = 1e-6f;
};

/// Shape and constants of a model. Counts are per model unless said otherwise.
struct ModelConfig {
    std::string architecture; ///< "llama", "deepseek"
    std::string name;         ///< general.name, or the file's
    int layers = 0, hidden = 0, vocabulary = 0, context = 0;
    int heads = 0, kv_heads = 0, head_dim = 0, value_dim = 0; ///< most, where layers differ
    std::vector<HeadShape> layer_heads;                       ///< where layers differ; empty: all are alike
    int shared_kv_layers = 0; ///< the last so many use keys and values of the last before them of their kind
    float norm_epsilon = 1e-6f;
    bool centred_norms = false;  ///< LayerNorm in place of RMS norms
    float attention_scale = 0;   ///< multiplies q . k
    std::vector<int> windows;    ///< a layer's attention window in tokens, 0: full; empty: all full
    std::vector<int> chunks;     ///< a layer's Sight::chunk; empty: none has one
    std::vector<bool> rotated;   ///< whether a layer's queries and keys are rotated; empty: all are
    bool head_norm_last = false; ///< norms of heads come behind their rotation
    bool unit_heads = false;     ///< rotated queries and keys have norms without gains behind the rotation
    bool unit_values = false;    ///< values have norms without gains
    bool attention_gate = false; ///< what attention finds is multiplied by a function of a gate
    bool softplus_gate = false;  ///< softplus; else the sigmoid
    float value_scale = 1.0f;    ///< multiplies values
    QueryTemperature temperature;
    bool temperature_unrotated = false; ///< only where queries are not rotated
    bool parallel_blocks = false;       ///< a layer's blocks read the same norm, and both results are added
    float block_scale = 1.0f;           ///< multiplies what a block of experts finds
    float attention_cap = 0, logit_cap = 0, router_cap = 0; ///< as in the steps; 0: none
    int layer_input = 0;          ///< width of a layer's own input, which is made of the token; 0: none
    float embedding_scale = 1.0f; ///< multiplies what a token begins as
    float residual_scale = 1.0f;  ///< multiplies what a layer's two blocks add
    float logit_scale = 1.0f;     ///< multiplies logits

    std::vector<bool> linear_layers; ///< those without attention; empty: none
    LinearConfig linear;             ///< where they have linear attention
    SpaceConfig space;               ///< where they have a state space
    bool parallel_mixers = false;    ///< each layer has attention and a state space beside each other
    bool single_mixers = false;      ///< each layer has one block alone, its kind told by its tensors
    int short_taps = 0;              ///< where they are LFM2's convolutions: their taps
    IndexerConfig indexer;
    CompressedConfig compressed;
    StreamConfig streams;
    std::vector<float> expert_limits, shared_limits; ///< LimitedSilu's by layer, 0: none; empty: all 0
    bool gated_queries = false;                      ///< each query is followed by a gate of its result

    int q_lora_rank = 0;  ///< MLA: 0: no compression of q
    int kv_lora_rank = 0; ///< MLA: width of the latent; 0: no MLA. head_dim is then nope + rope.dims

    int feed_forward = 0;                 ///< width of dense layers; most, where they differ
    std::vector<int> feed_forward_widths; ///< where they differ; empty: all are alike
    int dense_layers = 0; ///< leading layers without experts; others may be dense too, as their tensors say
    int experts = 0, experts_active = 0, experts_shared = 0;
    int expert_width = 0, shared_width = 0;        ///< most, where layers differ
    std::vector<int> expert_widths, shared_widths; ///< where they differ; empty: all are alike
    int expert_groups = 1, expert_groups_kept = 1;
    float expert_scale = 1.0f;
    bool group_top2 = false; ///< groups count by their two best, whatever biases say
    bool expert_normalise = false;
    bool weigh_input = false;      ///< ExpertsStep's
    float expert_nearness = 0.02f; ///< of the sparse mixer
    /// GGUF's numbering: 1 softmax, 2 sigmoid, 3 softmax over the chosen, 4 square root of softplus; and 5,
    /// this program's: the sparse mixer
    int expert_gate = 0;
    bool clamped_silu = false; ///< gpt-oss's activation
    SiluClamp silu_clamp;
    std::vector<float>
        router_bias; ///< [layers with experts * experts], added to the logits; carved models only

    bool gelu = false; ///< joins gate and up; else SiLU

    RopeConfig rope;
    std::optional<RopeConfig> window_rope; ///< of layers with a window, where it is another
    std::optional<std::string> chat_template;

    HeadShape heads_of(int layer) const {
        return layer_heads.empty() ? HeadShape{heads, kv_heads, head_dim, value_dim}
                                   : layer_heads[static_cast<std::size_t>(layer)];
    }
    int feed_forward_of(int layer) const { return of_layer(feed_forward_widths, feed_forward, layer); }
    int expert_width_of(int layer) const { return of_layer(expert_widths, expert_width, layer); }
    int shared_width_of(int layer) const { return of_layer(shared_widths, shared_width, layer); }
    bool dense() const { return experts == 0; }
    bool latent() const { return kv_lora_rank > 0; }

  private:
    static int of_layer(const std::vector<int>& widths, int all, int layer) {
        return widths.empty() ? all : widths[static_cast<std::size_t>(layer)];
    }
};

/// Throws Error naming the architecture, or the key that is missing or wrong.
ModelConfig read_config(const ModelFile& file);

/// The ids that end an answer, all of them: GGUF's own keys have room for three.
inline constexpr const char* kEndTokensKey = "switchyard.end_token_ids";

/// nullopt where the file has no tokenizer.
std::optional<TokenizerData> read_tokenizer(const ModelFile& file);

} // namespace switchyard
