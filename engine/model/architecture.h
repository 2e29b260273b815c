// What distinguishes one architecture from another where the file's metadata does not say: one row each.
#pragma once

#include "engine/files/gguf.h"
#include "engine/model/plan.h"

#include <optional>
#include <string>
#include <string_view>

namespace switchyard {

struct Architecture {
    std::string_view name;             ///< general.architecture
    bool rope_interleaved = false;     ///< pairs (2i, 2i+1) as the converter left them; else half-split
    bool normalise_default = false;    ///< chosen experts' weights are normalised where no key says
    int gate_default = 1;              ///< GGUF's gating function where no key says
    bool expert_scale_used = false;    ///< expert_weights_scale multiplies the chosen weights
    bool clamped_silu = false;         ///< gpt-oss's activation
    bool yarn_truncate = true;         ///< YaRN's ramp begins and ends at whole dimensions
    int sliding_period = 0;            ///< n: every n-th layer sees all, the others a window; 0: no windows
    int unrotated_period = 0;          ///< n: every n-th layer has no rotation; 0: all have one
    bool full_first = false;           ///< of those n the first sees all, and not the last
    int chunk = 0;                     ///< rotated layers see this many tokens at most (Sight::chunk)
    bool rotates_windows_only = false; ///< layers that see all have no rotation
    bool head_norm_last = false;       ///< norms of heads come behind their rotation
    bool attention_gate = false;       ///< what attention finds is multiplied by the sigmoid of a gate
    bool softplus_gate = false;        ///< by softplus of it
    bool unit_heads = false;           ///< as ModelConfig's
    bool unit_values = false;          ///< as ModelConfig's
    bool parallel_blocks = false;      ///< as ModelConfig's
    bool weigh_input = false;          ///< an expert's weight multiplies its input
    bool logits_multiplied = false;    ///< by logit_scale
    QueryTemperature temperature = {}; ///< of layers without rotation
    bool yarn_keeps_magnitude = false; ///< YaRN leaves cos, sin and scores as they are
    bool group_top2 = false;           ///< groups of experts count by their two best, whatever biases say
    int attention_period = 0;   ///< n: every n-th layer is attention, the others linear, where no key says
    bool neighbours = false;    ///< value heads of one key head stand together (DeltaRuleStep)
    bool gated_queries = false; ///< each query is followed by a gate of its result
    bool key_decays = false;    ///< linear attention has a decay for each channel of a key
    bool short_convolutions = false; ///< layers without attention are LFM2's convolutions
    bool multipliers = false;        ///< of embeddings, residuals, scores and logits, by keys (Granite)
    bool state_space = false;        ///< layers without attention are state spaces (StateSpaceStep)
    bool selective_scan = false;     ///< those are Mamba-1's
    bool parallel_mixers = false;    ///< each layer has attention and a state space beside each other
    bool single_mixers =
        false; ///< a layer is attention, a state space or a feed-forward block, without gates
    bool index_interleaved = false; ///< the indexer's rotation has pairs (2i, 2i+1)
    bool compressed = false;        ///< attention and residual streams of DeepSeek-V4
    bool never_rotated = false;     ///< has no rotations
    bool embeds_scaled = false;     ///< what a token begins as is multiplied by the root of the width
    bool gelu = false;              ///< joins gate and up; else SiLU
    float window_theta = 0; ///< layers with a window rotate with this base where no key says, unscaled;
                            ///< 0: as the others
};

/// nullptr where the program does not know the architecture.
const Architecture* find_architecture(std::string_view name);

/// Behind the name of a dense architecture, in general.architecture and in keys: that with experts carved
/// from its own neurons. A name that other programs refuse, for they would weigh the experts otherwise.
inline constexpr std::string_view kCarvedSuffix = "-carved";

/// A name without that.
std::string_view base_architecture(std::string_view general_architecture);

/// The row of a file's architecture, where it is one of carved models with their experts.
std::optional<Architecture> architecture_of(std::string_view general_architecture);

/// For a message about a file of an unknown architecture: what its layers have that no known one has, as
/// "; its layers have ssm_a and ssm_conv1d, which it cannot compute".
std::string unknown_parts(const ModelFile& file);

} // namespace switchyard
