#include "engine/model/folder_config.h"

#include "engine/files/mapped_file.h"
#include "engine/model/folder_families.h"
#include "engine/model/folder_keys.h"
#include "engine/model/folder_layers.h"
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
    {"phi3", "phi3", false},
    {"deepseek", "deepseek", true},
    {"deepseek_v2", "deepseek2", false},
    {"deepseek_v3", "deepseek2", false, kDeepSeekV3},
    {"deepseek_v32", "deepseek32", false, kDeepSeekV3},
    {"glm_moe_dsa", "glm-dsa", false, kDeepSeekV3},
    {"minimax_m3_vl_text", "minimax-m3", false, {.gate = 2, .normalise = true, .scaled = true}},
    {"deepseek_v4", "deepseek4", false, {.gate = 4, .normalise = true, .scaled = true}},
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
    {"gemma2", "gemma2", false},
    {"gemma4_text", "gemma4", false, {.gate = 1, .normalise = true}},
    {"llama4_text", "llama4", false, {.gate = 2}},
    {"phimoe", "phimoe", false},
    {"mistral4", "mistral4", false, {.gate = 1, .normalise = true, .scaled = true, .grouped = true}},
    {"mimo_v2_flash", "mimo2", false, kDeepSeekV3},
    {"cohere2", "cohere2", false},
    {"cohere2_moe", "cohere2moe", false, {.gate = 2, .normalise = true}},
    {"laguna", "laguna", false, {.gate = 2, .normalise = true, .scaled = true}},
    {"qwen3_next", "qwen3next", false, {.gate = 1, .normalise = true}},
    {"qwen3_5_text", "qwen35", false},
    {"qwen3_5_moe_text", "qwen35moe", false, {.gate = 1, .normalise = true}},
    {"kimi_linear", "kimi-linear", false, kDeepSeekV3},
    {"bailing_hybrid", "bailingmoe3", false, kDeepSeekV3},
    {"jamba", "jamba", false, {.gate = 1}},
    {"falcon_h1", "falcon-h1", false},
    {"granitemoehybrid", "granitehybrid", true, {.gate = 3}},
    {"nemotron_h", "nemotron_h", false, kDeepSeekV3},
    {"lfm2", "lfm2", false},
    {"lfm2_moe", "lfm2moe", false, {.gate = 2, .normalise = true, .scaled = true}},
};

void read_attention(const Keys& keys, const std::string& model_type, Target& out, FolderShape& shape) {
    const std::uint64_t heads = keys.required("num_attention_heads", kMostHeads);
    const std::uint64_t hidden = keys.required("hidden_size", kMostWidth);
    if (heads == 0 || hidden == 0) {
        keys.fail("num_attention_heads", "or hidden_size is 0");
    }
    const std::uint64_t kv_heads = keys.count("num_key_value_heads", kMostHeads).value_or(heads);
    shape.heads = static_cast<int>(heads);
    shape.kv_heads = static_cast<int>(kv_heads);
    out.set("attention.head_count", heads);
    std::optional<double> epsilon;
    for (const char* key : {"rms_norm_eps", "norm_eps", "layer_norm_epsilon"}) {
        epsilon = epsilon ? epsilon : keys.real(key);
    }
    out.set("attention.layer_norm_rms_epsilon",
            epsilon.value_or(model_type == "llama4_text" || model_type.starts_with("phi") ? 1e-5 : 1e-6));
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
        out.set("rope.dimension_count",
                first_count(keys, {"rotary_dim", "qk_rope_head_dim"}, dim).value_or(dim));
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

/// Experts of a token.
constexpr std::initializer_list<const char*> kActive = {"moe_topk", "moe_k", "top_k_experts",
                                                        "num_experts_per_tok", "num_experts_per_token"};

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
    const std::uint64_t groups = first_count(keys, {"n_group", "num_expert_group"}, kMostExperts).value_or(1),
                        kept = keys.count("topk_group").value_or(1);
    if (groups == 0 || experts % groups != 0) {
        keys.fail("n_group", "does not divide the " + std::to_string(experts) + " experts");
    }
    if (kept == 0 || kept > groups) {
        keys.fail("topk_group", "is not within the " + std::to_string(groups) + " groups");
    }
    if (required_count(keys, kActive, Keys::kMostValue) > experts / groups * kept) {
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
    for (const char* key : {"score_function", "score_func", "moe_router_activation_func"}) {
        function = function.empty() ? keys.text(key) : function;
    }
    int gate = router.gate != 0 ? router.gate : 1;
    if (function == "softmax") {
        gate = 1;
    } else if (function == "sigmoid" || function == "noaux_tc") { // dots1 has the method's name there
        gate = 2;
    } else if (function == "sqrtsoftplus") {
        gate = 4;
    } else if (!function.empty()) {
        keys.fail("scoring_func", "is " + in_quotes(function) + ", which is not known");
    }
    // DeepSeek-V1 has no scale; V2 scales only where it does not normalise.
    const bool normalise =
        keys.flag("norm_topk_prob")
            .value_or(
                keys.flag("route_norm").value_or(keys.flag("moe_renormalize").value_or(router.normalise)));
    const bool scaled =
        deepseek && !router.scaled ? model_type == "deepseek_v2" && !normalise : router.scaled;
    const double usual = model_type == "deepseek_v3" || model_type == "deepseek_v32" ? 2.5 : 1.0;
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

void read_experts(const Keys& keys, const std::string& model_type, const Router& router, Target& out,
                  FolderShape& shape) {
    const auto experts = first_count(
        keys, {"n_routed_experts", "num_experts", "num_local_experts", "moe_num_experts"}, kMostExperts);
    if (!experts || *experts == 0 || (*experts == 1 && model_type == "jamba") ||
        shape.architecture == "nemotron_h" || !keys.flag("enable_moe_block").value_or(true)) {
        return;
    }
    const auto active = first_count(keys, kActive, Keys::kMostValue);
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
    out.copy("expert_shared_feed_forward_length",
             first_count(keys, {"shared_expert_intermediate_size", "moe_shared_expert_intermediate_size"},
                         kMostWidth));
    if (model_type.starts_with("deepseek") || router.gate != 0) {
        read_gate(keys, model_type, router, *experts, out);
    } else if (const auto normalise = keys.flag("norm_topk_prob")) {
        out.set("expert_weights_norm", *normalise);
    }
}

/// The width of dense blocks. LFM2's is two thirds of the key's, rounded up.
void read_width(const Keys& keys, const std::string& model_type, Target& out) {
    auto width = keys.count("intermediate_size", kMostWidth);
    if (model_type == "minimax_m3_vl_text") {
        width = keys.required("dense_intermediate_size", kMostWidth);
    }
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
    for (const auto& [key, known] :
         {std::pair("mlp_hidden_act", "relu2"), std::pair("mamba_hidden_act", "silu")}) {
        if (keys.has(key) && keys.text(key) != known) {
            keys.fail(key, "is " + in_quotes(keys.text(key)) + ", which is not known here");
        }
    }
    if (model_type.starts_with("gemma")) {
        activation = activation.empty() ? "gelu_pytorch_tanh" : activation;
        activation = keys.has("hidden_activation") ? keys.text("hidden_activation") : activation;
        if (activation != "gelu_pytorch_tanh") {
            keys.fail("hidden_activation", "is " + in_quotes(activation) + ", which is not known here");
        }
        for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"}) {
            if (keys.has(key) && model_type == "gemma3_text") {
                keys.fail(key, "is set, which is not known here");
            }
        }
    } else if (!activation.empty() && activation != "silu" && activation != "swish" &&
               !(activation == "swigluoai" && model_type == "minimax_m3_vl_text")) {
        keys.fail("hidden_act", "is " + in_quotes(activation) + ", which is not known here");
    }
    if (keys.has("clip_qkv")) {
        keys.fail("clip_qkv", "is set, which is not known");
    }
    if (model_type != "gpt_oss" && model_type != "minimax_m3_vl_text") {
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
    // Nemotron's have another name with experts than without; some leave their layers' number to the pattern.
    const std::string pattern = model_type == "nemotron_h" ? layer_pattern(keys) : "";
    const bool many = pattern.find('E') != pattern.npos;
    shape.architecture = std::string(family.architecture) + (many ? "_moe" : "");
    shape.interleave = family.interleave;
    const std::uint64_t layers = pattern.empty() || keys.find("num_hidden_layers")
                                     ? keys.required("num_hidden_layers", kMostLayers)
                                     : std::min<std::uint64_t>(pattern.size(), kMostLayers);
    if (layers == 0) {
        keys.fail("num_hidden_layers", "is 0");
    }
    shape.layers = static_cast<int>(layers);
    shape.tied = keys.flag("tie_word_embeddings").value_or(whole.flag("tie_word_embeddings").value_or(false));
    result.metadata.set("general.architecture", shape.architecture);
    Target out(result.metadata, shape.architecture);
    out.set("block_count", layers);
    out.set(
        "context_length",
        first_count(keys, {"max_position_embeddings", "model_max_length"}, Keys::kMostValue).value_or(2048));
    out.set("embedding_length", keys.required("hidden_size", kMostWidth));
    read_width(keys, model_type, out);
    const auto vocabulary = keys.count("vocab_size");
    shape.vocabulary = static_cast<int>(vocabulary.value_or(0));
    out.copy("vocab_size", vocabulary);
    read_attention(keys, model_type, out, shape);
    read_folder_heads(keys, model_type, out, shape);
    read_folder_rope(keys, out, result.metadata, shape);
    read_experts(keys, model_type, family.router, out, shape);
    read_folder_layers(keys, model_type, out, result.metadata, shape);
    read_folder_family(keys, model_type, out, result.metadata, shape);
    if (model_type.starts_with("granite")) {
        read_multipliers(keys, out);
    }
    if (model_type == "afmoe" && !keys.flag("mup_enabled").value_or(false)) {
        out.set("embedding_scale", 1.0);
    }
    shape.norms_above_one = model_type == "gemma2" || model_type == "gemma3_text" ||
                            model_type.starts_with("qwen3_5") || model_type == "qwen3_next" ||
                            model_type == "minimax_m3_vl_text";
    const auto scalar = keys.real("query_pre_attn_scalar");
    if (scalar.value_or(0) > 0 || model_type == "gemma2") {
        out.set("attention.scale", 1.0 / std::sqrt(scalar.value_or(256.0)));
    }
    check_activation(keys, model_type, result.metadata);
    return result;
}

} // namespace switchyard
