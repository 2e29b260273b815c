#include "engine/model/architecture.h"

#include "engine/files/mapped_file.h"

#include <algorithm>
#include <array>
#include <set>

namespace switchyard {

static constexpr int kNoLayerSeesAll = 1 << 20; ///< a period that no model is as deep as

// The place to add an architecture. Layers are described by the tensors a file has (biases, head norms,
// shared experts).
static constexpr std::array kArchitectures{
    Architecture{.name = "llama", .rope_interleaved = true, .normalise_default = true},
    Architecture{.name = "deepseek", .rope_interleaved = true, .expert_scale_used = true},
    Architecture{.name = "deepseek2", .rope_interleaved = true, .expert_scale_used = true},
    Architecture{
        .name = "deepseek32", .rope_interleaved = true, .gate_default = 2, .expert_scale_used = true},
    Architecture{.name = "glm-dsa",
                 .rope_interleaved = true,
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .index_interleaved = true},
    Architecture{.name = "deepseek4",
                 .rope_interleaved = true,
                 .normalise_default = true,
                 .gate_default = 4,
                 .expert_scale_used = true,
                 .yarn_keeps_magnitude = true,
                 .index_interleaved = true,
                 .compressed = true},
    Architecture{.name = "qwen2"},
    Architecture{.name = "qwen3"},
    Architecture{.name = "qwen2moe"},
    Architecture{.name = "qwen3moe", .normalise_default = true},
    Architecture{.name = "olmoe"},
    Architecture{.name = "gpt-oss",
                 .gate_default = 3,
                 .clamped_silu = true,
                 .yarn_truncate = false,
                 .sliding_period = 2},
    Architecture{.name = "smollm3", .rope_interleaved = true, .unrotated_period = 4},
    Architecture{.name = "glm4moe", .normalise_default = true, .gate_default = 2, .expert_scale_used = true},
    Architecture{.name = "minimax-m2", .normalise_default = true, .gate_default = 2},
    Architecture{.name = "minimax-m3",
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .clamped_silu = true},
    Architecture{.name = "ernie4_5-moe", .rope_interleaved = true, .normalise_default = true},
    Architecture{.name = "granite", .rope_interleaved = true, .multipliers = true},
    Architecture{.name = "granitemoe", .rope_interleaved = true, .gate_default = 3, .multipliers = true},
    Architecture{.name = "hunyuan-moe", .normalise_default = true, .head_norm_last = true},
    Architecture{.name = "dots1", .normalise_default = true, .gate_default = 2, .expert_scale_used = true},
    Architecture{
        .name = "bailingmoe2", .normalise_default = true, .gate_default = 2, .expert_scale_used = true},
    Architecture{.name = "exaone-moe",
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .rotates_windows_only = true},
    Architecture{.name = "olmo2", .window_theta = 500000.0f},
    Architecture{
        .name = "gemma3", .sliding_period = 6, .embeds_scaled = true, .gelu = true, .window_theta = 10000.0f},
    Architecture{.name = "afmoe",
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .sliding_period = 4,
                 .rotates_windows_only = true,
                 .attention_gate = true,
                 .embeds_scaled = true},
    Architecture{.name = "qwen3next",
                 .normalise_default = true,
                 .attention_period = 4,
                 .neighbours = true,
                 .gated_queries = true},
    Architecture{.name = "qwen35", .attention_period = 4, .gated_queries = true},
    Architecture{
        .name = "qwen35moe", .normalise_default = true, .attention_period = 4, .gated_queries = true},
    Architecture{.name = "kimi-linear",
                 .rope_interleaved = true,
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .key_decays = true,
                 .never_rotated = true},
    Architecture{.name = "bailingmoe3",
                 .rope_interleaved = true,
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .attention_gate = true,
                 .key_decays = true},
    Architecture{.name = "granitehybrid",
                 .rope_interleaved = true,
                 .gate_default = 3,
                 .multipliers = true,
                 .state_space = true},
    Architecture{.name = "jamba", .state_space = true, .selective_scan = true, .never_rotated = true},
    Architecture{.name = "falcon-h1", .multipliers = true, .state_space = true, .parallel_mixers = true},
    Architecture{.name = "nemotron_h", .state_space = true, .single_mixers = true, .never_rotated = true},
    Architecture{.name = "nemotron_h_moe",
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .state_space = true,
                 .single_mixers = true,
                 .never_rotated = true},
    Architecture{.name = "lfm2", .short_convolutions = true},
    Architecture{.name = "lfm2moe",
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .short_convolutions = true},
    Architecture{.name = "phi3", .sliding_period = kNoLayerSeesAll},
    Architecture{.name = "mistral3", .rope_interleaved = true, .yarn_keeps_magnitude = true},
    Architecture{.name = "mistral4",
                 .rope_interleaved = true,
                 .normalise_default = true,
                 .expert_scale_used = true,
                 .yarn_keeps_magnitude = true,
                 .group_top2 = true},
    Architecture{.name = "gemma2", .sliding_period = 2, .embeds_scaled = true, .gelu = true},
    Architecture{.name = "gemma4",
                 .normalise_default = true,
                 .sliding_period = 6,
                 .unit_values = true,
                 .embeds_scaled = true,
                 .gelu = true,
                 .window_theta = 10000.0f},
    Architecture{.name = "llama4",
                 .rope_interleaved = true,
                 .gate_default = 2,
                 .unrotated_period = 4,
                 .chunk = 8192,
                 .unit_heads = true,
                 .weigh_input = true,
                 .temperature = {.scale = 0.1f, .length = 8192, .offset = 1}},
    Architecture{.name = "phimoe", .gate_default = 5, .sliding_period = kNoLayerSeesAll},
    Architecture{.name = "mimo2",
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .window_theta = 10000.0f},
    Architecture{.name = "cohere2",
                 .rope_interleaved = true,
                 .sliding_period = 4,
                 .rotates_windows_only = true,
                 .parallel_blocks = true,
                 .logits_multiplied = true},
    Architecture{.name = "cohere2moe",
                 .rope_interleaved = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .sliding_period = 4,
                 .full_first = true,
                 .rotates_windows_only = true,
                 .parallel_blocks = true,
                 .logits_multiplied = true},
    Architecture{.name = "laguna",
                 .normalise_default = true,
                 .gate_default = 2,
                 .expert_scale_used = true,
                 .sliding_period = 4,
                 .full_first = true,
                 .attention_gate = true,
                 .softplus_gate = true,
                 .window_theta = 10000.0f},
};

const Architecture* find_architecture(std::string_view name) {
    for (const Architecture& a : kArchitectures)
        if (a.name == name)
            return &a;
    return nullptr;
}

std::string_view base_architecture(std::string_view name) {
    return name.ends_with(kCarvedSuffix) ? name.substr(0, name.size() - kCarvedSuffix.size()) : name;
}

std::optional<Architecture> architecture_of(std::string_view name) {
    const bool carved = name.ends_with(kCarvedSuffix);
    const Architecture* found = find_architecture(base_architecture(name));
    if (!found)
        return std::nullopt;
    Architecture row = *found;
    if (carved) { // as its keys say it
        row.gate_default = 1;
        row.normalise_default = false;
        row.expert_scale_used = true;
        row.clamped_silu = row.weigh_input = false; // what its models with experts do otherwise
    }
    return row;
}

/// The tensors of a layer that some known architecture has.
static constexpr std::string_view kParts[]{"attn_norm",
                                           "attn_q",
                                           "attn_k",
                                           "attn_v",
                                           "attn_qkv",
                                           "attn_output",
                                           "attn_q_norm",
                                           "attn_k_norm",
                                           "attn_sinks",
                                           "attn_q_a",
                                           "attn_q_a_norm",
                                           "attn_q_b",
                                           "attn_kv_a_mqa",
                                           "attn_kv_a_norm",
                                           "attn_kv_b",
                                           "attn_k_b",
                                           "attn_v_b",
                                           "attn_rot_embd",
                                           "ffn_norm",
                                           "ffn_gate",
                                           "ffn_up",
                                           "ffn_down",
                                           "ffn_gate_inp",
                                           "exp_probs_b",
                                           "ffn_gate_exps",
                                           "ffn_up_exps",
                                           "ffn_down_exps",
                                           "ffn_gate_up_exps",
                                           "ffn_gate_shexp",
                                           "ffn_up_shexp",
                                           "ffn_down_shexp",
                                           "ffn_gate_inp_shexp",
                                           "post_attention_norm",
                                           "post_ffw_norm",
                                           "attn_gate",
                                           "post_ffw_norm_1",
                                           "post_ffw_norm_2",
                                           "pre_ffw_norm_2",
                                           "layer_output_scale",
                                           "inp_gate",
                                           "proj",
                                           "post_norm",
                                           "ssm_a",
                                           "ssm_conv1d",
                                           "ssm_dt",
                                           "ssm_ba",
                                           "ssm_alpha",
                                           "ssm_beta",
                                           "ssm_norm",
                                           "ssm_out",
                                           "ssm_in",
                                           "ssm_d",
                                           "shortconv",
                                           "indexer",
                                           "attn_kv",
                                           "attn_output_a",
                                           "attn_output_b",
                                           "attn_compressor_ape",
                                           "attn_compressor_norm",
                                           "attn_compressor_gate",
                                           "attn_compressor_kv",
                                           "indexer_compressor_ape",
                                           "indexer_compressor_norm",
                                           "indexer_compressor_gate",
                                           "indexer_compressor_kv",
                                           "hc_attn_fn",
                                           "hc_attn_base",
                                           "hc_attn_scale",
                                           "hc_ffn_fn",
                                           "hc_ffn_base",
                                           "hc_ffn_scale",
                                           "ffn_gate_tid2eid",
                                           "ssm_x",
                                           "ssm_dt_norm",
                                           "ssm_b_norm",
                                           "ssm_c_norm",
                                           "ssm_conv1d_q",
                                           "ssm_conv1d_k",
                                           "ssm_conv1d_v",
                                           "ssm_f_a",
                                           "ssm_f_b",
                                           "ssm_g_a",
                                           "ssm_g_b"};

std::string unknown_parts(const ModelFile& file) {
    constexpr std::size_t kMost = 4;
    std::set<std::string> parts;
    for (const TensorView& t : file.tensors()) {
        const std::string_view name = t.name;
        const std::size_t begin = name.starts_with("blk.") ? name.find('.', 4) : name.npos;
        if (begin == name.npos)
            continue;
        const std::string_view part = name.substr(begin + 1, name.find('.', begin + 1) - begin - 1);
        if (std::ranges::find(kParts, part) == std::end(kParts))
            parts.insert(in_quotes(part));
    }
    if (parts.empty())
        return "";
    std::string text;
    std::size_t shown = 0;
    for (const std::string& part : parts)
        if (shown++ < kMost)
            text += (text.empty() ? "" : ", ") + part;
    return "; its layers have " + text + (parts.size() > kMost ? " and more" : "") +
           ", which it cannot compute";
}

} // namespace switchyard
