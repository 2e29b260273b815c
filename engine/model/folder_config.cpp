#include "engine/model/folder_config.h"

#include "engine/files/mapped_file.h"
#include "engine/model/folder_keys.h"
#include "engine/model/folder_rope.h"

#include <algorithm>

namespace switchyard {

namespace {

/// model_type, GGUF's architecture, and how its rotary pairs lie.
struct Family {
    std::string_view model_type, architecture;
    bool interleave; ///< as FolderShape's
};

constexpr Family kFamilies[] = {
    {"llama", "llama", true},
    {"mistral", "llama", true},
    {"mixtral", "llama", true},
    {"deepseek", "deepseek", true},
    {"deepseek_v2", "deepseek2", false},
    {"deepseek_v3", "deepseek2", false},
    {"qwen2", "qwen2", false},
    {"qwen2_moe", "qwen2moe", false},
    {"qwen3", "qwen3", false},
    {"qwen3_moe", "qwen3moe", false},
    {"olmoe", "olmoe", false},
    {"gpt_oss", "gpt-oss", false},
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
    out.set("attention.layer_norm_rms_epsilon", keys.real("rms_norm_eps").value_or(1e-6));
    const auto rank = keys.count("kv_lora_rank", kMostWidth);
    if (!rank) {
        if (kv_heads == 0 || heads % kv_heads != 0) {
            keys.fail("num_key_value_heads", "does not divide the " + std::to_string(heads) + " heads");
        }
        const std::uint64_t dim = keys.count("head_dim", kMostHeadDim).value_or(hidden / heads);
        out.set("attention.head_count_kv", kv_heads);
        out.set("attention.key_length", dim);
        out.set("attention.value_length", dim);
        out.set("rope.dimension_count", dim);
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
void read_groups(const Keys& keys, const std::string& model_type, std::uint64_t experts, Target& out) {
    std::string method = keys.text("topk_method");
    if (method.empty()) {
        method = model_type == "deepseek_v3" ? "noaux_tc" : "greedy";
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

/// How DeepSeek's routers weigh the chosen. V1 has no scale; V2 scales only where it does not normalise.
void read_gate(const Keys& keys, const std::string& model_type, std::uint64_t experts, Target& out) {
    const bool v3 = model_type == "deepseek_v3";
    std::string function = keys.text("scoring_func");
    if (function.empty()) {
        function = v3 ? "sigmoid" : "softmax";
    }
    if (function != "softmax" && function != "sigmoid") {
        keys.fail("scoring_func", "is " + in_quotes(function) + ", which is not known");
    }
    const bool normalise = keys.flag("norm_topk_prob").value_or(v3);
    const bool scaled = v3 || (model_type == "deepseek_v2" && !normalise);
    out.set("expert_gating_func", std::uint64_t{function == "softmax" ? 1u : 2u});
    out.set("expert_weights_norm", normalise);
    out.set("expert_weights_scale",
            scaled ? keys.real("routed_scaling_factor").value_or(v3 ? 2.5 : 1.0) : 1.0);
    out.set("leading_dense_block_count", keys.count("first_k_dense_replace").value_or(0));
    out.copy("expert_shared_count", keys.count("n_shared_experts", 64));
    read_groups(keys, model_type, experts, out);
}

void read_experts(const Keys& keys, const std::string& model_type, Target& out, FolderShape& shape) {
    std::optional<std::uint64_t> experts;
    for (const char* key : {"n_routed_experts", "num_experts", "num_local_experts"}) {
        experts = experts ? experts : keys.count(key, kMostExperts);
    }
    if (!experts || *experts == 0) {
        return;
    }
    const std::uint64_t active = keys.required("num_experts_per_tok");
    if (active == 0 || active > *experts) {
        keys.fail("num_experts_per_tok",
                  "is " + std::to_string(active) + ", expected 1 to " + std::to_string(*experts));
    }
    shape.experts = static_cast<int>(*experts);
    out.set("expert_count", *experts);
    out.set("expert_used_count", active);
    const auto width = keys.count("moe_intermediate_size", kMostWidth);
    out.set("expert_feed_forward_length", width ? *width : keys.required("intermediate_size", kMostWidth));
    out.copy("expert_shared_feed_forward_length", keys.count("shared_expert_intermediate_size", kMostWidth));
    if (model_type.starts_with("deepseek")) {
        read_gate(keys, model_type, *experts, out);
    } else if (const auto normalise = keys.flag("norm_topk_prob")) {
        out.set("expert_weights_norm", *normalise);
    }
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
    for (std::size_t i = 0; i < layers; ++i) {
        slides[i] = model_type == "gpt_oss"                          ? i % 2 == 0
                    : model_type == "qwen2_moe"                      ? i % 2 == 0 && i < full_from
                    : model_type == "qwen2" || model_type == "qwen3" ? i >= full_from
                                                                     : true;
    }
    return slides;
}

void read_window(const Keys& keys, const std::string& model_type, std::uint64_t layers, Target& out) {
    const bool qwen = model_type.starts_with("qwen");
    if (!qwen && model_type != "gpt_oss" && model_type != "mistral" && model_type != "mixtral") {
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

/// Refuses what would be computed otherwise than the authors do.
void check_activation(const Keys& keys, const std::string& model_type, Metadata& metadata) {
    const std::string activation = keys.text("hidden_act");
    if (!activation.empty() && activation != "silu" && activation != "swish") {
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
    const Keys keys(config, name);
    const std::string model_type = keys.text("model_type");
    if (model_type.empty()) {
        keys.fail("model_type", "is missing: not a language model's configuration");
    }
    const Family& family = find_family(model_type, name);
    FolderConfig result;
    FolderShape& shape = result.shape;
    shape.architecture = family.architecture;
    shape.interleave = family.interleave;
    const std::uint64_t layers = keys.required("num_hidden_layers", kMostLayers);
    shape.layers = static_cast<int>(layers);
    shape.tied = keys.flag("tie_word_embeddings").value_or(false);
    result.metadata.set("general.architecture", shape.architecture);
    Target out(result.metadata, shape.architecture);
    out.set("block_count", layers);
    out.set("context_length", keys.count("max_position_embeddings").value_or(2048));
    out.set("embedding_length", keys.required("hidden_size", kMostWidth));
    out.set("feed_forward_length", keys.required("intermediate_size", kMostWidth));
    const auto vocabulary = keys.count("vocab_size");
    shape.vocabulary = static_cast<int>(vocabulary.value_or(0));
    out.copy("vocab_size", vocabulary);
    read_attention(keys, out, shape);
    read_folder_rope(keys, out, result.metadata, shape);
    read_experts(keys, model_type, out, shape);
    read_window(keys, model_type, layers, out);
    check_activation(keys, model_type, result.metadata);
    return result;
}

} // namespace switchyard
