#include "engine/model/folder_config.h"

#include "engine/files/mapped_file.h"
#include "engine/model/folder_keys.h"
#include "engine/model/folder_rope.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>

namespace switchyard {

namespace {

/// How a family's routers weigh experts where its config.json does not say.
struct Router {
    int gate = 0;           ///< as ModelConfig::expert_gate; 0: as the architecture has it
    bool normalise = false; ///< the chosen experts' weights
    bool scaled = false;    ///< routed_scaling_factor multiplies them
    bool grouped = false;   ///< n_group and topk_group limit the choice
};
constexpr Router kDeepSeekV3{.gate = 2, .normalise = true, .scaled = true, .grouped = true};

/// model_type, GGUF's architecture, how its rotary pairs lie, and its routers. DeepSeek's first two are read
/// by rules of their own.
struct Family {
    std::string_view model_type, architecture;
    bool interleave; ///< as FolderShape's
    Router router = {};
};

constexpr Family kFamilies[] = {
    {"llama", "llama", true},
    {"mistral", "llama", true},
    {"mixtral", "llama", true},
    {"ministral3", "mistral3", true},
    {"smollm3", "smollm3", true},
    {"deepseek", "deepseek", true},
    {"deepseek_v2", "deepseek2", false},
    {"deepseek_v3", "deepseek2", false, kDeepSeekV3},
    {"qwen2", "qwen2", false},
    {"qwen2_moe", "qwen2moe", false},
    {"qwen3", "qwen3", false},
    {"qwen3_moe", "qwen3moe", false},
    {"olmoe", "olmoe", false},
    {"gpt_oss", "gpt-oss", false},
    {"glm4_moe", "glm4moe", false, kDeepSeekV3},
    {"glm4_moe_lite", "deepseek2", false, kDeepSeekV3},
    {"minimax_m2", "minimax-m2", false, {.gate = 2, .normalise = true}},
    {"ernie4_5_moe", "ernie4_5-moe", false, {.gate = 1, .normalise = true}},
    {"granite", "granite", true},
    {"granitemoe", "granitemoe", true, {.gate = 3}},
    {"granitemoeshared", "granitemoe", true, {.gate = 3}},
    {"hunyuan_v1_moe", "hunyuan-moe", false, {.gate = 1, .normalise = true}},
    {"dots1", "dots1", false, kDeepSeekV3},
    {"bailing_moe", "bailingmoe2", false, kDeepSeekV3},
    {"bailing_moe_v2", "bailingmoe2", false, kDeepSeekV3},
    {"exaone_moe", "exaone-moe", false, kDeepSeekV3},
    {"olmo2", "olmo2", false},
    {"olmo3", "olmo2", false},
    {"gemma3_text", "gemma3", false},
    {"afmoe", "afmoe", false, kDeepSeekV3},
    {"qwen3_next", "qwen3next", false, {.gate = 1, .normalise = true}},
    {"qwen3_5_text", "qwen35", false},
    {"qwen3_5_moe_text", "qwen35moe", false, {.gate = 1, .normalise = true}},
    {"granitemoehybrid", "granitehybrid", true, {.gate = 3}},
    {"nemotron_h", "nemotron_h", false, kDeepSeekV3},
    {"lfm2", "lfm2", false},
    {"lfm2_moe", "lfm2moe", false, {.gate = 2, .normalise = true, .scaled = true}},
};

// Bounds that keep every later product of sizes small.
constexpr std::uint64_t kMostHeads = 4096, kMostHeadDim = 4096, kMostLayers = 1024, kMostExperts = 4096,
                        kMostWidth = 1u << 20;

void read_attention(const Keys& keys, Target& out, FolderShape& shape) {
    const std::uint64_t heads = keys.required("num_attention_heads", kMostHeads);
    const std::uint64_t hidden = keys.required("hidden_size", kMostWidth);
    if (heads == 0 || hidden == 0) {
        keys.fail("num_attention_heads", "or hidden_size is 0");
    }
    const std::uint64_t kv_heads = keys.count("num_key_value_heads", kMostHeads).value_or(heads);
    shape.heads = static_cast<int>(heads);
    shape.kv_heads = static_cast<int>(kv_heads);
    out.set("attention.head_count", heads);
    out.set("attention.layer_norm_rms_epsilon",
            keys.real("rms_norm_eps").value_or(keys.real("norm_eps").value_or(1e-6)));
    const auto rank = keys.count("kv_lora_rank", kMostWidth);
    if (!rank) {
        if (kv_heads == 0 || heads % kv_heads != 0) {
            keys.fail("num_key_value_heads", "does not divide the " + std::to_string(heads) + " heads");
        }
        const std::uint64_t dim = keys.count("head_dim", kMostHeadDim).value_or(hidden / heads);
        shape.head_dim = static_cast<int>(dim);
        out.set("attention.head_count_kv", kv_heads);
        out.set("attention.key_length", dim);
        out.set("attention.value_length", dim);
        out.set("rope.dimension_count", keys.count("rotary_dim", dim).value_or(dim));
        return;
    }
    const std::uint64_t nope = keys.required("qk_nope_head_dim", kMostHeadDim / 2),
                        rope = keys.required("qk_rope_head_dim", kMostHeadDim / 2),
                        value = keys.required("v_head_dim", kMostHeadDim);
    shape.nope_dim = static_cast<int>(nope);
    shape.value_dim = static_cast<int>(value);
    out.set("attention.head_count_kv", std::uint64_t{1}); // attention runs over the latent, one head for all
    out.copy("attention.q_lora_rank", keys.count("q_lora_rank", kMostWidth));
    out.set("attention.kv_lora_rank", *rank);
    out.set("attention.key_length", *rank + rope);
    out.set("attention.value_length", *rank);
    out.set("attention.key_length_mla", nope + rope);
    out.set("attention.value_length_mla", value);
    out.set("rope.dimension_count", rope);
}

/// The groups that routing is limited to, where the method says so.
void read_groups(const Keys& keys, const Router& router, std::uint64_t experts, Target& out) {
    std::string method = keys.text("topk_method");
    if (method.empty()) {
        method = router.grouped ? "noaux_tc" : "greedy";
    }
    if (method == "greedy") {
        return;
    }
    if (method != "group_limited_greedy" && method != "noaux_tc") {
        keys.fail("topk_method", "is " + in_quotes(method) + ", which is not known");
    }
    const std::uint64_t groups = keys.count("n_group").value_or(1),
                        kept = keys.count("topk_group").value_or(1);
    if (groups == 0 || experts % groups != 0) {
        keys.fail("n_group", "does not divide the " + std::to_string(experts) + " experts");
    }
    if (kept == 0 || kept > groups) {
        keys.fail("topk_group", "is not within the " + std::to_string(groups) + " groups");
    }
    if (keys.required("num_experts_per_tok") > experts / groups * kept) {
        keys.fail("num_experts_per_tok", "is more than the kept groups have");
    }
    out.set("expert_group_count", groups);
    out.set("expert_group_used_count", kept);
}

/// How the chosen are weighed, by the words of config.json or the rules of the family's own code.
void read_gate(const Keys& keys, const std::string& model_type, const Router& router, std::uint64_t experts,
               Target& out) {
    const bool deepseek = model_type.starts_with("deepseek");
    std::string function = keys.text("scoring_func");
    for (const char* key : {"score_function", "score_func"}) {
        function = function.empty() ? keys.text(key) : function;
    }
    int gate = router.gate != 0 ? router.gate : 1;
    if (function == "softmax") {
        gate = 1;
    } else if (function == "sigmoid" || function == "noaux_tc") { // dots1 has the method's name there
        gate = 2;
    } else if (!function.empty()) {
        keys.fail("scoring_func", "is " + in_quotes(function) + ", which is not known");
    }
    // DeepSeek-V1 has no scale; V2 scales only where it does not normalise.
    const bool normalise =
        keys.flag("norm_topk_prob").value_or(keys.flag("route_norm").value_or(router.normalise));
    const bool scaled =
        deepseek && !router.scaled ? model_type == "deepseek_v2" && !normalise : router.scaled;
    const double usual = model_type == "deepseek_v3" ? 2.5 : 1.0;
    out.set("expert_gating_func", static_cast<std::uint64_t>(gate));
    out.set("expert_weights_norm", normalise);
    out.set("expert_weights_scale",
            scaled ? keys.real("routed_scaling_factor").value_or(keys.real("route_scale").value_or(usual))
                   : 1.0);
    for (const char* key : {"first_k_dense_replace", "moe_layer_start_index", "num_dense_layers"}) {
        out.copy("leading_dense_block_count", keys.count(key, kMostLayers));
    }
    for (const char* key : {"n_shared_experts", "num_shared_experts", "moe_num_shared_experts"}) {
        out.copy("expert_shared_count", keys.count(key, 64));
    }
    read_groups(keys, router, experts, out);
}

/// A count under the first of some keys that is there; of an array, which has one a layer, the one that all
/// have. Throws Error where layers differ.
std::optional<std::uint64_t> first_count(const Keys& keys, std::initializer_list<const char*> names,
                                         std::uint64_t most) {
    for (const char* name : names) {
        const nlohmann::json* value = keys.find(name);
        if (value == nullptr) {
            continue;
        }
        if (!value->is_array()) {
            return keys.count(name, most);
        }
        if (value->empty() || !(*value)[0].is_number_unsigned() || (*value)[0].get<std::uint64_t>() > most) {
            keys.fail(name, "is not a count a layer");
        }
        for (const nlohmann::json& one : *value) {
            if (one != (*value)[0]) {
                keys.fail(name, "differs from layer to layer, which is not known here");
            }
        }
        return (*value)[0].get<std::uint64_t>();
    }
    return std::nullopt;
}

void read_experts(const Keys& keys, const std::string& model_type, const Router& router, Target& out,
                  FolderShape& shape) {
    const auto experts = first_count(
        keys, {"n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts"}, kMostExperts);
    if (!experts || *experts == 0) {
        return;
    }
    const auto active = first_count(keys, {"moe_topk", "moe_k", "num_experts_per_tok"}, Keys::kMostValue);
    if (!active) {
        keys.fail("num_experts_per_tok", "is missing");
    }
    if (*active == 0 || *active > *experts) {
        keys.fail("num_experts_per_tok",
                  "is " + std::to_string(*active) + ", expected 1 to " + std::to_string(*experts));
    }
    shape.experts = static_cast<int>(*experts);
    out.set("expert_count", *experts);
    out.set("expert_used_count", *active);
    const auto width = first_count(keys, {"moe_intermediate_size"}, kMostWidth);
    out.set("expert_feed_forward_length", width ? *width : keys.required("intermediate_size", kMostWidth));
    out.copy("expert_shared_feed_forward_length", keys.count("shared_expert_intermediate_size", kMostWidth));
    if (model_type.starts_with("deepseek") || router.gate != 0) {
        read_gate(keys, model_type, router, *experts, out);
    } else if (const auto normalise = keys.flag("norm_topk_prob")) {
        out.set("expert_weights_norm", *normalise);
    }
}

bool has_linear_layers(const std::string& model_type) {
    return model_type == "qwen3_next" || model_type.starts_with("qwen3_5") || model_type.starts_with("lfm2");
}

/// Which layers have no attention: `layer_types` says, or every n-th layer has.
std::vector<bool> linear_layers(const Keys& keys, std::uint64_t layers) {
    std::vector<bool> linear(layers);
    if (const nlohmann::json* types = keys.find("layer_types")) {
        if (!types->is_array() || types->size() < layers) {
            keys.fail("layer_types", "does not name the kind of each layer");
        }
        for (std::size_t i = 0; i < layers; ++i) {
            linear[i] = (*types)[i] != "full_attention";
            if (linear[i] && (*types)[i] != "linear_attention" && (*types)[i] != "conv") {
                keys.fail("layer_types", "has " + (*types)[i].dump() + ", which is not known");
            }
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

/// A count under the first of some keys that is there. Throws Error where none is.
std::uint64_t required_count(const Keys& keys, std::initializer_list<const char*> names, std::uint64_t most) {
    const auto value = first_count(keys, names, most);
    if (!value) {
        keys.fail(*names.begin(), "is missing");
    }
    return *value;
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
    const std::string pattern = keys.text("hybrid_override_pattern");
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

/// The width of dense blocks. LFM2's is two thirds of the key's, rounded up.
void read_width(const Keys& keys, const std::string& model_type, Target& out) {
    auto width = keys.count("intermediate_size", kMostWidth);
    if (model_type == "granitemoehybrid" && keys.count("num_local_experts").value_or(0) == 0) {
        width = keys.count("shared_intermediate_size", kMostWidth);
    }
    if (model_type == "lfm2" && keys.flag("block_auto_adjust_ff_dim").value_or(true)) {
        const double full =
            static_cast<double>(width ? *width : keys.required("block_ff_dim", kMostWidth)) * 2 / 3;
        const std::uint64_t unit = keys.count("block_multiple_of").value_or(256);
        if (unit == 0) {
            keys.fail("block_multiple_of", "is 0");
        }
        const auto scaled = static_cast<std::uint64_t>(std::floor(full) *
                                                       keys.real("block_ffn_dim_multiplier").value_or(1.0));
        width = (scaled + unit - 1) / unit * unit;
    }
    if (!width && !keys.has("moe_intermediate_size")) {
        width = keys.required("intermediate_size");
    }
    out.copy("feed_forward_length", width);
}

/// Which layers have a sliding window: `layer_types` says, or the rule of the model's own code.
std::vector<bool> sliding_layers(const Keys& keys, const std::string& model_type, std::uint64_t layers) {
    std::vector<bool> slides(layers);
    if (const nlohmann::json* types = keys.find("layer_types");
        types != nullptr && model_type != "qwen3_moe") {
        if (!types->is_array() || types->size() < layers) {
            keys.fail("layer_types", "does not name the kind of each layer");
        }
        for (std::size_t i = 0; i < layers; ++i) {
            slides[i] = (*types)[i] == "sliding_attention";
            if (!slides[i] && (*types)[i] != "full_attention") {
                keys.fail("layer_types", "has " + (*types)[i].dump() + ", which is not known");
            }
        }
        return slides;
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

void read_window(const Keys& keys, const std::string& model_type, std::uint64_t layers, Target& out) {
    const bool qwen = model_type.starts_with("qwen") && !has_linear_layers(model_type);
    if (!qwen && model_type != "gpt_oss" && model_type != "mistral" && model_type != "mixtral" &&
        model_type != "ministral3" && model_type != "exaone_moe" && model_type != "olmo3" &&
        model_type != "gemma3_text" && model_type != "afmoe") {
        return; // their code has no windows, whatever the key says
    }
    const std::uint64_t window = keys.count("sliding_window").value_or(0);
    const std::vector<bool> slides = sliding_layers(keys, model_type, layers);
    if (window == 0 || (qwen && !keys.flag("use_sliding_window").value_or(false)) ||
        std::ranges::find(slides, true) == slides.end()) {
        return;
    }
    out.set("attention.sliding_window", window);
    out.set("attention.sliding_window_pattern", slides);
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

/// Granite's multipliers.
void read_multipliers(const Keys& keys, Target& out) {
    for (const auto& [key, gguf] :
         {std::pair("embedding_multiplier", "embedding_scale"),
          std::pair("residual_multiplier", "residual_scale"),
          std::pair("attention_multiplier", "attention.scale"), std::pair("logits_scaling", "logit_scale")}) {
        if (const auto value = keys.real(key)) {
            out.set(gguf, *value);
        }
    }
}

/// Refuses what would be computed otherwise than the authors do.
void check_activation(const Keys& keys, const std::string& model_type, Metadata& metadata) {
    std::string activation = keys.text("hidden_act");
    if (model_type == "gemma3_text") {
        activation = keys.has("hidden_activation") ? keys.text("hidden_activation") : activation;
        if (activation != "gelu_pytorch_tanh") {
            keys.fail("hidden_activation", "is " + in_quotes(activation) + ", which is not known here");
        }
        for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
            if (keys.has(key)) {
                keys.fail(key, "is set, which is not known here");
            }
        }
    } else if (!activation.empty() && activation != "silu" && activation != "swish") {
        keys.fail("hidden_act", "is " + in_quotes(activation) + ", which is not known here");
    }
    if (keys.has("clip_qkv")) {
        keys.fail("clip_qkv", "is set, which is not known");
    }
    if (model_type != "gpt_oss") {
        return;
    }
    for (const char* key : {"swiglu_alpha", "swiglu_limit"}) {
        if (const auto value = keys.real(key)) {
            metadata.set("switchyard." + std::string(key), *value);
        }
    }
}

const Family& find_family(const std::string& model_type, const std::string& name) {
    for (const Family& family : kFamilies) {
        if (family.model_type == model_type) {
            return family;
        }
    }
    std::string known;
    for (const Family& family : kFamilies) {
        known += (known.empty() ? "" : ", ") + std::string(family.model_type);
    }
    throw Error(name + ": the model_type " + in_quotes(model_type) +
                " is not known to this program, which computes " + known);
}

} // namespace

FolderConfig read_folder_config(const nlohmann::json& config, const std::string& name) {
    // A model that also sees has its language model's keys apart.
    const Keys whole(config, name), keys = whole.has("text_config") ? whole.object("text_config") : whole;
    const std::string model_type = keys.text("model_type");
    if (model_type.empty()) {
        keys.fail("model_type", "is missing: not a language model's configuration");
    }
    const Family& family = find_family(model_type, name);
    FolderConfig result;
    FolderShape& shape = result.shape;
    // Nemotron's have another name with experts than without.
    const bool many = model_type == "nemotron_h" && keys.count("n_routed_experts").value_or(0) > 0;
    shape.architecture = std::string(family.architecture) + (many ? "_moe" : "");
    shape.interleave = family.interleave;
    const std::uint64_t layers = keys.required("num_hidden_layers", kMostLayers);
    shape.layers = static_cast<int>(layers);
    shape.tied = keys.flag("tie_word_embeddings").value_or(whole.flag("tie_word_embeddings").value_or(false));
    result.metadata.set("general.architecture", shape.architecture);
    Target out(result.metadata, shape.architecture);
    out.set("block_count", layers);
    out.set("context_length", keys.count("max_position_embeddings").value_or(2048));
    out.set("embedding_length", keys.required("hidden_size", kMostWidth));
    read_width(keys, model_type, out);
    const auto vocabulary = keys.count("vocab_size");
    shape.vocabulary = static_cast<int>(vocabulary.value_or(0));
    out.copy("vocab_size", vocabulary);
    read_attention(keys, out, shape);
    read_folder_rope(keys, out, result.metadata, shape);
    read_experts(keys, model_type, family.router, out, shape);
    read_window(keys, model_type, layers, out);
    if (model_type == "granitemoehybrid" || model_type == "nemotron_h") {
        read_state_spaces(keys, layers, out, result.metadata, shape);
    }
    if (has_linear_layers(model_type)) {
        read_linear(keys, model_type, layers, out, result.metadata, shape);
    }
    if (model_type == "smollm3") {
        read_rotated(keys, layers, result.metadata);
    }
    if (model_type.starts_with("granite")) {
        read_multipliers(keys, out);
    }
    shape.norms_above_one =
        model_type == "gemma3_text" || model_type.starts_with("qwen3_5") || model_type == "qwen3_next";
    if (const auto scalar = keys.real("query_pre_attn_scalar"); scalar && *scalar > 0) {
        out.set("attention.scale", 1.0 / std::sqrt(*scalar));
    }
    check_activation(keys, model_type, result.metadata);
    return result;
}

} // namespace switchyard
