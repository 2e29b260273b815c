#include "engine/model/folder_layers.h"

#include "engine/model/architecture.h"
#include "engine/model/folder_families.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace switchyard {

namespace {

bool has_linear_layers(const std::string& model_type) {
    return model_type == "qwen3_next" || model_type.starts_with("qwen3_5") || model_type.starts_with("lfm2");
}

/// Which layers have no attention: `layer_types` says, or every n-th layer has.
std::vector<bool> linear_layers(const Keys& keys, std::uint64_t layers) {
    std::vector<bool> linear(layers);
    if (const nlohmann::json* types = list_of_layers(keys, "layer_types", layers)) {
        for (std::size_t i = 0; i < layers; ++i) {
            linear[i] = (*types)[i] != "full_attention";
            if (linear[i] && (*types)[i] != "linear_attention" && (*types)[i] != "conv") {
                keys.fail("layer_types", "has " + (*types)[i].dump() + ", which is not known");
            }
        }
        return linear;
    }
    if (const nlohmann::json* attending = keys.find("full_attn_idxs")) { // LFM2's, before layer_types
        linear.assign(layers, true);
        for (const nlohmann::json& layer : *attending) {
            if (!layer.is_number_unsigned() || layer.get<std::uint64_t>() >= layers) {
                keys.fail("full_attn_idxs", "has what is no layer");
            }
            linear[layer.get<std::size_t>()] = false;
        }
        return linear;
    }
    const std::uint64_t period = keys.count("full_attention_interval").value_or(4);
    if (period == 0) {
        keys.fail("full_attention_interval", "is 0");
    }
    for (std::size_t i = 0; i < layers; ++i) {
        linear[i] = (i + 1) % period != 0;
    }
    return linear;
}

/// Qwen3-Next's linear attention and LFM2's convolutions.
void read_linear(const Keys& keys, const std::string& model_type, std::uint64_t layers, Target& out,
                 Metadata& metadata, FolderShape& shape) {
    const std::vector<bool> linear = linear_layers(keys, layers);
    if (model_type.starts_with("lfm2")) {
        std::vector<std::int64_t> heads;
        for (const bool convolves : linear) {
            heads.push_back(convolves ? 0 : shape.kv_heads);
        }
        out.set("attention.head_count_kv", heads);
        out.set("shortconv.l_cache", keys.required("conv_L_cache", 64));
        return;
    }
    const std::uint64_t key_heads = keys.required("linear_num_key_heads", kMostHeads),
                        value_heads = keys.required("linear_num_value_heads", kMostHeads),
                        key_dim = keys.required("linear_key_head_dim", kMostHeadDim),
                        value_dim = keys.required("linear_value_head_dim", kMostHeadDim);
    if (key_heads == 0 || value_heads % key_heads != 0) {
        keys.fail("linear_num_key_heads", "does not divide the value heads");
    }
    shape.linear_key_heads = static_cast<int>(key_heads);
    shape.linear_key_dim = static_cast<int>(key_dim);
    shape.linear_values = static_cast<int>(value_heads / key_heads * value_dim);
    out.set("attention.recurrent_layers", linear);
    out.set("ssm.conv_kernel", keys.required("linear_conv_kernel_dim", 64));
    out.set("ssm.state_size", key_dim);
    out.set("ssm.group_count", key_heads);
    out.set("ssm.time_step_rank", value_heads);
    out.set("ssm.inner_size", value_heads * value_dim);
    metadata.set("switchyard.value_heads_together", true); // converters put them in another order
}

/// Which layers have a sliding window: `layer_types` says, or the rule of the model's own code.
std::vector<bool> sliding_layers(const Keys& keys, const std::string& model_type, std::uint64_t layers) {
    std::vector<bool> slides(layers);
    if (model_type != "qwen3_moe") {
        if (const nlohmann::json* types = list_of_layers(keys, "layer_types", layers)) {
            return sliding_types(keys, *types, layers);
        }
    }
    const std::uint64_t full_from = keys.count("max_window_layers").value_or(28);
    const std::uint64_t period = model_type == "gemma3_text"
                                     ? keys.count("sliding_window_pattern").value_or(6)
                                     : keys.count("global_attn_every_n_layers").value_or(4);
    if (period == 0) {
        keys.fail("sliding_window_pattern", "is 0");
    }
    for (std::size_t i = 0; i < layers; ++i) {
        slides[i] = model_type == "gpt_oss"                          ? i % 2 == 0
                    : model_type == "qwen2_moe"                      ? i % 2 == 0 && i < full_from
                    : model_type == "qwen2" || model_type == "qwen3" ? i >= full_from
                    : model_type == "gemma3_text" || model_type == "afmoe" || model_type == "olmo3"
                        ? (i + 1) % period != 0
                        : true;
    }
    return slides;
}

void read_window(const Keys& keys, const std::string& model_type, const Architecture& architecture,
                 std::uint64_t layers, Target& out) {
    const bool qwen = model_type.starts_with("qwen") && !has_linear_layers(model_type);
    const bool own = model_type == "gemma2" || model_type == "gemma4_text" || model_type == "laguna" ||
                     model_type == "mimo_v2_flash" || model_type.starts_with("cohere2");
    if (!qwen && model_type != "gpt_oss" && model_type != "mistral" && model_type != "mixtral" &&
        model_type != "ministral3" && model_type != "exaone_moe" && model_type != "olmo3" &&
        model_type != "gemma3_text" && model_type != "afmoe" && !model_type.starts_with("phi") && !own) {
        return; // their code has no windows, whatever the key says
    }
    const std::uint64_t usual = keys.said("sliding_window")                                  ? 0
                                : model_type == "gemma4_text" || model_type == "laguna"      ? 512
                                : model_type == "gemma2" || model_type.starts_with("cohere") ? 4096
                                                                                             : 0;
    const std::uint64_t window = keys.count("sliding_window").value_or(usual);
    const std::vector<bool> slides =
        own ? window_layers(keys, model_type, layers) : sliding_layers(keys, model_type, layers);
    // Where what slides alone is rotated, that nothing does, or that windows have no end, is said too.
    constexpr std::uint64_t kEndless = std::uint64_t{1} << 30;
    const bool none = window == 0 || std::ranges::find(slides, true) == slides.end();
    if ((none && !architecture.rotates_windows_only) ||
        (qwen && !keys.flag("use_sliding_window").value_or(false))) {
        return;
    }
    out.set("attention.sliding_window", window == 0 ? kEndless : window);
    out.set("attention.sliding_window_pattern", slides);
}

/// The state spaces of Granite and Nemotron, and which layers have what: by `layer_types`, or by a pattern of
/// M (state space), * (attention), E (experts) and - (dense block).
void read_state_spaces(const Keys& keys, std::uint64_t layers, Target& out, Metadata& metadata,
                       const FolderShape& shape) {
    const std::uint64_t heads = required_count(keys, {"mamba_n_heads", "mamba_num_heads"}, kMostHeads);
    out.set("ssm.conv_kernel", required_count(keys, {"mamba_d_conv", "conv_kernel"}, 64));
    out.set("ssm.state_size", required_count(keys, {"mamba_d_state", "ssm_state_size"}, kMostHeadDim));
    out.set("ssm.group_count", required_count(keys, {"mamba_n_groups", "n_groups"}, kMostHeads));
    out.set("ssm.time_step_rank", heads);
    out.set("ssm.inner_size", heads * required_count(keys, {"mamba_d_head", "mamba_head_dim"}, kMostHeadDim));
    std::vector<std::int64_t> kv_heads, widths;
    const std::string pattern = layer_pattern(keys);
    const nlohmann::json* types = keys.find("layer_types");
    if (pattern.empty() ? types == nullptr || !types->is_array() || types->size() < layers
                        : pattern.size() < layers) {
        keys.fail(pattern.empty() ? "layer_types" : "hybrid_override_pattern",
                  "does not name the kind of each layer");
    }
    for (std::size_t i = 0; i < layers; ++i) {
        const bool attends = pattern.empty() ? (*types)[i] == "attention" : pattern[i] == '*';
        const std::uint64_t width = pattern.empty() || pattern[i] == 'M' || attends ? 0
                                    : pattern[i] == 'E' ? keys.required("moe_intermediate_size", kMostWidth)
                                                        : keys.required("intermediate_size", kMostWidth);
        if (!pattern.empty() && std::string_view("M*E-").find(pattern[i]) == std::string_view::npos) {
            keys.fail("hybrid_override_pattern", "has a layer that is not known");
        }
        kv_heads.push_back(attends ? shape.kv_heads : 0);
        widths.push_back(static_cast<std::int64_t>(width));
    }
    out.set("attention.head_count_kv", kv_heads);
    if (!pattern.empty()) {
        out.set("feed_forward_length", widths);
    }
    if (keys.text("position_embedding_type") != "rope") {
        metadata.set("switchyard.rotated_layers", std::vector<bool>(layers, false));
    }
}

/// Jamba's Mamba-1.
void read_selective_scan(const Keys& keys, std::uint64_t layers, Target& out, const FolderShape& shape) {
    const std::uint64_t hidden = keys.required("hidden_size", kMostWidth),
                        period = keys.count("attn_layer_period").value_or(8),
                        offset = keys.count("attn_layer_offset").value_or(4);
    if (period == 0) {
        keys.fail("attn_layer_period", "is 0");
    }
    std::vector<std::int64_t> heads;
    for (std::size_t i = 0; i < layers; ++i) {
        heads.push_back(i % period == offset ? shape.kv_heads : 0);
    }
    const nlohmann::json* rank = keys.find("mamba_dt_rank");
    const bool named = !rank || rank->is_string(); // "auto"
    out.set("attention.head_count_kv", heads);
    out.set("ssm.conv_kernel", keys.count("mamba_d_conv", 64).value_or(4));
    out.set("ssm.inner_size", hidden * keys.count("mamba_expand", 64).value_or(2));
    out.set("ssm.state_size", keys.count("mamba_d_state", kMostHeadDim).value_or(16));
    out.set("ssm.time_step_rank", named ? (hidden + 15) / 16 : keys.required("mamba_dt_rank", kMostWidth));
}

/// What Falcon-H1 multiplies what it computes by: in weights here, as converters do it.
void read_factors(const Keys& keys, Target& out, FolderShape& shape, std::int64_t inner,
                  std::int64_t states) {
    const auto real = [&](const char* key) { return static_cast<float>(keys.real(key).value_or(1.0)); };
    const auto list = [&](const char* key, std::size_t count) {
        std::vector<float> all(count, 1.0f);
        const nlohmann::json* given = keys.find(key);
        if (given && (!given->is_array() || given->size() != count)) {
            keys.fail(key, "does not have " + std::to_string(count) + " numbers");
        }
        for (std::size_t i = 0; given && i < count; ++i) {
            if (!(*given)[i].is_number()) {
                keys.fail(key, "has what is no number");
            }
            all[i] = (*given)[i].get<float>();
        }
        return all;
    };
    const float in = real("attention_in_multiplier"), key = real("key_multiplier"),
                behind = real("attention_out_multiplier"), space = real("ssm_in_multiplier"),
                space_out = real("ssm_out_multiplier");
    const std::vector<float> blocks = list("mlp_multipliers", 2), parts = list("ssm_multipliers", 5);
    const auto whole = [&](const char* name, float weight, float bias) {
        shape.factors[name] = {{{0, weight}}, bias};
    };
    whole("attn_q", in, 1.0f);
    whole("attn_k", in * key, key);
    whole("attn_v", in, 1.0f);
    whole("attn_output", behind, behind);
    whole("ffn_gate", blocks[0], blocks[0]);
    whole("ffn_down", blocks[1], blocks[1]);
    whole("ssm_out", space_out, space_out);
    shape.factors["ssm_in"] = {{{inner, space * parts[0]},
                                {inner, space * parts[1]},
                                {states, space * parts[2]},
                                {states, space * parts[3]},
                                {0, space * parts[4]}}};
    out.set("embedding_scale", static_cast<double>(real("embedding_multiplier")));
    out.set("logit_scale", 1.0 / static_cast<double>(real("lm_head_multiplier")));
}

/// Falcon-H1: attention and a state space in each layer.
void read_parallel_mixers(const Keys& keys, Target& out, FolderShape& shape) {
    const std::uint64_t heads = keys.required("mamba_n_heads", kMostHeads),
                        groups = keys.count("mamba_n_groups", kMostHeads).value_or(1),
                        states = keys.required("mamba_d_state", kMostHeadDim);
    const auto given = keys.count("mamba_d_ssm", kMostWidth);
    const std::uint64_t inner =
        given ? *given
              : static_cast<std::uint64_t>(static_cast<double>(keys.required("hidden_size", kMostWidth)) *
                                           keys.real("mamba_expand").value_or(2.0));
    if (keys.flag("mamba_rms_norm").value_or(false) && keys.flag("mamba_norm_before_gate").value_or(true)) {
        keys.fail("mamba_norm_before_gate", "is true, which is not known here");
    }
    if (keys.flag("mamba_proj_bias").value_or(false)) {
        keys.fail("mamba_proj_bias", "is true, which is not known here");
    }
    out.set("ssm.conv_kernel", keys.count("mamba_d_conv", 64).value_or(4));
    out.set("ssm.state_size", states);
    out.set("ssm.group_count", groups);
    out.set("ssm.time_step_rank", heads);
    out.set("ssm.inner_size", inner);
    read_factors(keys, out, shape, static_cast<std::int64_t>(inner),
                 static_cast<std::int64_t>(groups * states));
}

/// Tokens of a compressed row in each of DeepSeek-V4's layers: numbers, or kinds of layers.
std::vector<std::int64_t> compress_ratios(const Keys& keys, std::uint64_t layers) {
    const Keys rates = keys.object("compress_rates");
    const auto sparse = static_cast<std::int64_t>(rates.count("compressed_sparse_attention").value_or(4)),
               heavy = static_cast<std::int64_t>(rates.count("heavily_compressed_attention").value_or(128));
    std::vector<std::int64_t> ratios;
    const nlohmann::json* types = list_of_layers(keys, "layer_types", layers);
    const nlohmann::json* numbers = types ? nullptr : list_of_layers(keys, "compress_ratios", layers);
    for (std::size_t i = 0; i < layers; ++i) {
        if (!types && !numbers) { // the models' own default
            ratios.push_back(i < 2 || i % 2 == 0 ? heavy : sparse);
        } else if (types) {
            const nlohmann::json& type = (*types)[i];
            if (type != "sliding_attention" && type != "compressed_sparse_attention" &&
                type != "heavily_compressed_attention") {
                keys.fail("layer_types", "has " + type.dump() + ", which is not known");
            }
            ratios.push_back(type == "sliding_attention"             ? 0
                             : type == "compressed_sparse_attention" ? sparse
                                                                     : heavy);
        } else {
            const nlohmann::json& ratio = (*numbers)[i];
            if (!ratio.is_number_unsigned() || ratio.get<std::uint64_t>() > 1u << 16) {
                keys.fail("compress_ratios", "has what is no count of tokens");
            }
            ratios.push_back(ratio.get<std::int64_t>());
        }
    }
    return ratios;
}

void read_compressed(const Keys& keys, std::uint64_t layers, Target& out, FolderShape& shape) {
    const Keys rope = keys.object("rope_parameters").object("compress");
    const double limit = keys.real("swiglu_limit").value_or(10.0);
    const std::uint64_t groups = keys.count("o_groups", kMostHeads).value_or(8);
    shape.output_groups = static_cast<int>(groups);
    out.set("attention.q_lora_rank", keys.required("q_lora_rank", kMostWidth));
    out.set("attention.compress_ratios", compress_ratios(keys, layers));
    out.set("attention.compress_rope_freq_base",
            rope.real("rope_theta").value_or(keys.real("compress_rope_theta").value_or(160000.0)));
    out.set("attention.output_group_count", groups);
    out.set("attention.output_lora_rank", keys.count("o_lora_rank", kMostWidth).value_or(1024));
    out.set("attention.sliding_window", keys.count("sliding_window").value_or(128));
    out.set("attention.indexer.head_count", keys.count("index_n_heads", kMostHeads).value_or(64));
    out.set("attention.indexer.key_length", keys.count("index_head_dim", kMostHeadDim).value_or(128));
    out.set("attention.indexer.top_k", keys.count("index_topk").value_or(512));
    out.set("hyper_connection.count", keys.count("hc_mult").value_or(4));
    out.set("hyper_connection.sinkhorn_iterations", keys.count("hc_sinkhorn_iters").value_or(20));
    out.set("hyper_connection.epsilon", keys.real("hc_eps").value_or(1e-6));
    out.set("swiglu_clamp_exp", std::vector<double>(layers, limit));
    out.set("swiglu_clamp_shexp", std::vector<double>(layers, limit));
    out.set("expert_feed_forward_length", keys.required("moe_intermediate_size", kMostWidth));
    if (!keys.has("qk_rope_head_dim")) {
        const double part = keys.real("partial_rotary_factor").value_or(64.0 / 512.0);
        out.set("rope.dimension_count", static_cast<std::uint64_t>(part * shape.head_dim));
    }
}

/// Which layers of Kimi Linear and Ling 3 have attention over latents: the list's, which counts from 1, or
/// each last of a group.
std::vector<bool> latent_layers(const Keys& keys, const Keys& own, std::uint64_t layers) {
    std::vector<bool> latent(layers);
    if (keys.has("layer_types")) {
        latent = linear_layers(keys, layers);
        latent.flip();
    } else if (const nlohmann::json* list = own.find("full_attn_layers")) {
        for (const nlohmann::json& layer : *list) {
            if (!layer.is_number_unsigned() || layer == 0 || layer.get<std::uint64_t>() > layers) {
                keys.fail("full_attn_layers", "has what is no layer");
            }
            latent[layer.get<std::size_t>() - 1] = true;
        }
    } else if (const std::uint64_t group = keys.count("layer_group_size").value_or(0); group > 0) {
        for (std::size_t i = 0; i < layers; ++i) {
            latent[i] = (i + 1) % group == 0;
        }
    } else {
        for (std::size_t i = 4; i < layers; i += 4) {
            latent[i] = true;
        }
    }
    return latent;
}

/// Kimi Delta Attention.
void read_key_decays(const Keys& keys, std::uint64_t layers, Target& out, Metadata& metadata,
                     FolderShape& shape) {
    const Keys own = keys.object("linear_attn_config");
    const std::vector<bool> latent = latent_layers(keys, own, layers);
    std::vector<std::int64_t> heads(latent.begin(), latent.end());
    shape.linear_layers = latent;
    shape.linear_layers.flip();
    out.set("attention.head_count_kv", heads);
    const auto dim = own.count("head_dim", kMostHeadDim);
    out.set("kda.head_dim", dim ? *dim : required_count(keys, {"linear_head_dim", "head_dim"}, kMostHeadDim));
    out.set("ssm.conv_kernel",
            own.count("short_conv_kernel_size", 64)
                .value_or(
                    first_count(keys, {"short_conv_kernel_size", "linear_conv_kernel_dim"}, 64).value_or(4)));
    if (!keys.has("layer_group_size")) { // Kimi Linear
        metadata.set("switchyard.rotated_layers",
                     std::vector<bool>(layers, !keys.flag("mla_use_nope").value_or(true)));
        return;
    }
    out.set("kda.safe_gate", keys.flag("kda_safe_gate").value_or(true));
    out.set("kda.gate_lower_bound", keys.real("kda_lower_bound").value_or(-5.0));
    if (!keys.flag("no_kda_lora").value_or(true) ||
        (keys.has("gated_attention_proj_granularity_type") &&
         keys.text("gated_attention_proj_granularity_type") != "head_wise")) {
        keys.fail("gated_attention_proj_granularity_type", "or no_kda_lora is another than is known here");
    }
}

/// Which layers of GLM-5 choose for themselves: a list, a pattern of F (full) and S (shared), or every n-th.
std::vector<bool> choosing_layers(const Keys& keys, std::uint64_t layers) {
    std::vector<bool> chooses(layers);
    const nlohmann::json* list = keys.find("indexer_types");
    const nlohmann::json* pattern = keys.find("index_topk_pattern");
    list = list ? list : pattern && pattern->is_array() ? pattern : nullptr;
    const std::string letters = !list && pattern ? keys.text("index_topk_pattern") : "";
    const std::uint64_t period = std::max<std::uint64_t>(keys.count("index_topk_freq").value_or(1), 1);
    const auto offset = static_cast<std::int64_t>(keys.count("index_skip_topk_offset").value_or(2));
    if ((list && (!list->is_array() || list->size() < layers)) ||
        (!letters.empty() && letters.size() < layers)) {
        keys.fail("indexer_types", "does not say it of each layer");
    }
    for (std::size_t i = 0; i < layers; ++i) {
        const auto behind = std::max<std::int64_t>(static_cast<std::int64_t>(i) - offset + 1, 0);
        chooses[i] = list              ? (*list)[i] == "full"
                     : letters.empty() ? static_cast<std::uint64_t>(behind) % period == 0
                                       : letters[i] == 'F';
    }
    return chooses;
}

void read_indexer(const Keys& keys, const std::string& model_type, std::uint64_t layers, Target& out) {
    if (model_type == "deepseek_v32" || model_type == "glm_moe_dsa") {
        out.set("attention.indexer.head_count",
                keys.count("index_n_heads", kMostHeads).value_or(model_type == "glm_moe_dsa" ? 32 : 64));
        out.set("attention.indexer.key_length", keys.count("index_head_dim", kMostHeadDim).value_or(128));
        out.set("attention.indexer.top_k", keys.count("index_topk").value_or(2048));
        if (model_type == "glm_moe_dsa") {
            out.set("attention.indexer.types", choosing_layers(keys, layers));
        }
    } else if (model_type == "minimax_m3_vl_text") {
        const Keys own = keys.object("sparse_attention_config");
        const auto count = [&](const char* old, const char* key, std::uint64_t usual) {
            return own.count(old).value_or(keys.count(key).value_or(usual));
        };
        out.set("attention.indexer.head_count", count("sparse_num_index_heads", "index_n_heads", 4));
        out.set("attention.indexer.key_length", count("sparse_index_dim", "index_head_dim", 128));
        out.set("attention.indexer.top_k", count("sparse_topk_blocks", "index_topk_blocks", 16));
        out.set("attention.indexer.block_size", count("sparse_block_size", "index_block_size", 128));
        out.set("attention.indexer.local_blocks", count("sparse_local_block", "index_local_blocks", 1));
        if (own.count("sparse_init_block").value_or(0) != 0 ||
            (own.has("sparse_score_type") && own.text("sparse_score_type") != "max")) {
            own.fail("sparse_init_block", "or sparse_score_type asks for what is not known here");
        }
    }
}

/// SmolLM3's layers without rotations: 0 in its list, or every n-th.
void read_rotated(const Keys& keys, std::uint64_t layers, Metadata& metadata) {
    std::vector<bool> rotated;
    const nlohmann::json* list = keys.find("no_rope_layers");
    const std::uint64_t interval = keys.count("no_rope_layer_interval").value_or(4);
    if (list != nullptr && (!list->is_array() || list->size() < layers)) {
        keys.fail("no_rope_layers", "does not say it of each layer");
    }
    if (interval == 0) {
        keys.fail("no_rope_layer_interval", "is 0");
    }
    for (std::size_t i = 0; i < layers; ++i) {
        rotated.push_back(list != nullptr ? (*list)[i] != 0 : (i + 1) % interval != 0);
    }
    metadata.set("switchyard.rotated_layers", rotated);
}

} // namespace

std::string layer_pattern(const Keys& keys) {
    std::string pattern = keys.text("hybrid_override_pattern");
    if (const nlohmann::json* kinds = keys.find("layers_block_type"); pattern.empty() && kinds)
        for (const nlohmann::json& kind : *kinds) // today's names and those before
            pattern += kind == "mamba" || kind == "linear_attention"     ? 'M'
                       : kind == "attention" || kind == "full_attention" ? '*'
                       : kind == "moe"                                   ? 'E'
                       : kind == "mlp"                                   ? '-'
                                                                         : '?';
    return pattern;
}

void read_folder_layers(const Keys& keys, const std::string& model_type, Target& out, Metadata& metadata,
                        FolderShape& shape) {
    const auto layers = static_cast<std::uint64_t>(shape.layers);
    read_window(keys, model_type, *find_architecture(shape.architecture), layers, out);
    read_indexer(keys, model_type, layers, out);
    if (model_type == "granitemoehybrid" || model_type == "nemotron_h") {
        read_state_spaces(keys, layers, out, metadata, shape);
    }
    if (model_type == "deepseek_v4") {
        read_compressed(keys, layers, out, shape);
    }
    if (model_type == "jamba") {
        read_selective_scan(keys, layers, out, shape);
    }
    if (model_type == "falcon_h1") {
        read_parallel_mixers(keys, out, shape);
    }
    if (model_type == "kimi_linear" || model_type == "bailing_hybrid") {
        read_key_decays(keys, layers, out, metadata, shape);
    }
    if (has_linear_layers(model_type)) {
        read_linear(keys, model_type, layers, out, metadata, shape);
    }
    if (model_type == "smollm3") {
        read_rotated(keys, layers, metadata);
    }
}

} // namespace switchyard
