#include "engine/model/folder_config.h"

#include "engine/base/error.h"

#include <nlohmann/json.hpp>

#include <cmath>
#include <numbers>
#include <optional>

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

/// Look-ups in an object that name the key when its value is of the wrong kind. null counts as absent.
class Keys {
  public:
    Keys(const nlohmann::json& object, std::string name) : object_(object), name_(std::move(name)) {}

    const nlohmann::json* find(const char* key) const {
        const auto it = object_.find(key);
        return it == object_.end() || it->is_null() ? nullptr : &*it;
    }
    bool has(const char* key) const { return find(key) != nullptr; }

    std::optional<std::uint64_t> count(const char* key) const {
        const nlohmann::json* value = find(key);
        if (value == nullptr) {
            return std::nullopt;
        }
        if (!value->is_number_unsigned() || value->get<std::uint64_t>() > (1u << 30)) {
            fail(key, "is not a count");
        }
        return value->get<std::uint64_t>();
    }
    std::uint64_t required(const char* key) const {
        const auto value = count(key);
        if (!value) {
            fail(key, "is missing");
        }
        return *value;
    }
    std::optional<double> real(const char* key) const {
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_number()) {
            fail(key, "is not a number");
        }
        return value == nullptr ? std::nullopt : std::optional(value->get<double>());
    }
    std::optional<bool> flag(const char* key) const {
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_boolean()) {
            fail(key, "is not true or false");
        }
        return value == nullptr ? std::nullopt : std::optional(value->get<bool>());
    }
    std::string text(const char* key) const {
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_string()) {
            fail(key, "is not a text");
        }
        return value == nullptr ? "" : value->get<std::string>();
    }
    /// The object under `key`; an empty one where it is absent.
    Keys object(const char* key) const {
        static const nlohmann::json kNone = nlohmann::json::object();
        const nlohmann::json* value = find(key);
        if (value != nullptr && !value->is_object()) {
            fail(key, "is not an object");
        }
        return {value == nullptr ? kNone : *value, name_};
    }
    [[noreturn]] void fail(const char* key, const std::string& what) const {
        throw Error(name_ + ": the key " + key + " " + what);
    }

  private:
    const nlohmann::json& object_;
    std::string name_;
};

/// Sets "<architecture>.<key>".
class Target {
  public:
    Target(Metadata& metadata, std::string architecture)
        : metadata_(metadata), prefix_(std::move(architecture) + ".") {}
    void set(const char* key, MetadataValue value) { metadata_.set(prefix_ + key, std::move(value)); }
    void copy(const char* key, const std::optional<std::uint64_t>& value) {
        if (value) {
            set(key, *value);
        }
    }

  private:
    Metadata& metadata_;
    std::string prefix_;
};

void read_attention(const Keys& keys, Target& out, FolderShape& shape) {
    const std::uint64_t heads = keys.required("num_attention_heads"), hidden = keys.required("hidden_size");
    if (heads == 0 || hidden == 0) {
        keys.fail("num_attention_heads", "or hidden_size is 0");
    }
    const std::uint64_t kv_heads = keys.count("num_key_value_heads").value_or(heads);
    shape.heads = static_cast<int>(heads);
    shape.kv_heads = static_cast<int>(kv_heads);
    out.set("attention.head_count", heads);
    out.set("attention.layer_norm_rms_epsilon", keys.real("rms_norm_eps").value_or(1e-6));
    const auto rank = keys.count("kv_lora_rank");
    if (!rank) {
        const std::uint64_t dim = keys.count("head_dim").value_or(hidden / heads);
        out.set("attention.head_count_kv", kv_heads);
        out.set("attention.key_length", dim);
        out.set("attention.value_length", dim);
        out.set("rope.dimension_count", dim);
        return;
    }
    const std::uint64_t nope = keys.required("qk_nope_head_dim"), rope = keys.required("qk_rope_head_dim");
    const std::uint64_t value = keys.required("v_head_dim");
    shape.nope_dim = static_cast<int>(nope);
    shape.value_dim = static_cast<int>(value);
    out.set("attention.head_count_kv", std::uint64_t{1}); // attention runs over the latent, one head for all
    out.copy("attention.q_lora_rank", keys.count("q_lora_rank"));
    out.set("attention.kv_lora_rank", *rank);
    out.set("attention.key_length", *rank + rope);
    out.set("attention.value_length", *rank);
    out.set("attention.key_length_mla", nope + rope);
    out.set("attention.value_length_mla", value);
    out.set("rope.dimension_count", rope);
}

/// Llama 3.1's frequency divisors (the model code of transformers, rope type "llama3").
std::vector<float> llama3_factors(const Keys& rope, double theta, std::uint64_t dims) {
    const double factor = rope.real("factor").value_or(8.0), low = rope.real("low_freq_factor").value_or(1.0);
    const double high = rope.real("high_freq_factor").value_or(4.0);
    const double original = static_cast<double>(rope.required("original_max_position_embeddings"));
    std::vector<float> factors;
    for (std::uint64_t i = 0; i < dims; i += 2) {
        const double frequency = std::pow(theta, -static_cast<double>(i) / static_cast<double>(dims));
        const double turns = original * frequency / (2.0 * std::numbers::pi); // within the original context
        const double smooth = (turns - low) / (high - low);
        const double divisor = turns > high  ? 1.0
                               : turns < low ? factor
                                             : 1.0 / ((1.0 - smooth) / factor + smooth);
        factors.push_back(static_cast<float>(divisor));
    }
    return factors;
}

void read_yarn(const Keys& rope, Target& out) {
    const double factor = rope.real("factor").value_or(1.0);
    out.set("rope.scaling.original_context_length", rope.required("original_max_position_embeddings"));
    out.set("rope.scaling.yarn_beta_fast", rope.real("beta_fast").value_or(32.0));
    out.set("rope.scaling.yarn_beta_slow", rope.real("beta_slow").value_or(1.0));
    const double magnitude = 1.0 + 0.1 * std::log(std::max(factor, 1.0));
    if (const auto attention = rope.real("attention_factor")) {
        out.set("rope.scaling.attn_factor", *attention / magnitude);
    }
    if (const auto mscale_all = rope.real("mscale_all_dim")) {
        if (rope.real("mscale").value_or(*mscale_all) != *mscale_all) {
            rope.fail("mscale", "differs from mscale_all_dim, which is not known");
        }
        out.set("rope.scaling.yarn_log_multiplier", 0.1 * *mscale_all);
    }
}

void read_rope(const Keys& keys, Target& out, const Metadata& metadata, FolderShape& shape) {
    const Keys parameters = keys.object(keys.has("rope_parameters") ? "rope_parameters" : "rope_scaling");
    const double theta = parameters.real("rope_theta").value_or(keys.real("rope_theta").value_or(10000.0));
    if (!(theta > 0)) {
        keys.fail("rope_theta", "is not positive");
    }
    out.set("rope.freq_base", theta);
    const std::string named = parameters.text("rope_type");
    const std::string type = named.empty() ? parameters.text("type") : named;
    if (type.empty() || type == "default") {
        return;
    }
    if (type == "llama3") {
        const std::uint64_t dims = metadata.uint(shape.architecture + ".rope.dimension_count").value_or(0);
        shape.rope_factors = llama3_factors(parameters, theta, dims);
        return;
    }
    if (type != "yarn" && type != "linear") {
        parameters.fail("rope_type", "is \"" + type + "\", which is not known");
    }
    out.set("rope.scaling.type", type);
    out.set("rope.scaling.factor", parameters.real("factor").value_or(1.0));
    if (type == "yarn") {
        read_yarn(parameters, out);
    }
}

/// The groups that routing is limited to, where the method says so.
void read_groups(const Keys& keys, Target& out) {
    const std::string method = keys.text("topk_method");
    if (method.empty() ? keys.has("n_group") : method == "group_limited_greedy" || method == "noaux_tc") {
        out.set("expert_group_count", keys.count("n_group").value_or(1));
        out.set("expert_group_used_count", keys.count("topk_group").value_or(1));
    } else if (!method.empty() && method != "greedy") {
        keys.fail("topk_method", "is \"" + method + "\", which is not known");
    }
}

void read_gate(const Keys& keys, const std::string& model_type, Target& out) {
    std::string function = keys.text("scoring_func");
    if (function.empty()) {
        function = model_type == "deepseek_v3" ? "sigmoid" : "softmax";
    }
    if (function != "softmax" && function != "sigmoid") {
        keys.fail("scoring_func", "is \"" + function + "\", which is not known");
    }
    out.set("expert_gating_func", std::uint64_t{function == "softmax" ? 1u : 2u});
    out.set("expert_weights_scale", keys.real("routed_scaling_factor").value_or(1.0));
    out.set("leading_dense_block_count", keys.count("first_k_dense_replace").value_or(0));
    out.copy("expert_shared_count", keys.count("n_shared_experts"));
    read_groups(keys, out);
}

void read_experts(const Keys& keys, const std::string& model_type, Target& out, FolderShape& shape) {
    std::optional<std::uint64_t> experts;
    for (const char* key : {"n_routed_experts", "num_experts", "num_local_experts"}) {
        experts = experts ? experts : keys.count(key);
    }
    if (!experts || *experts == 0) {
        return;
    }
    if (keys.count("moe_layer_freq").value_or(1) != 1 || keys.count("decoder_sparse_step").value_or(1) != 1) {
        keys.fail("moe_layer_freq",
                  "or decoder_sparse_step mixes dense and expert layers in a way that is not known");
    }
    if (const nlohmann::json* dense = keys.find("mlp_only_layers"); dense != nullptr && !dense->empty()) {
        keys.fail("mlp_only_layers", "names dense layers, which is not known");
    }
    shape.experts = static_cast<int>(*experts);
    out.set("expert_count", *experts);
    out.set("expert_used_count", keys.required("num_experts_per_tok"));
    const auto width = keys.count("moe_intermediate_size");
    out.set("expert_feed_forward_length", width ? *width : keys.required("intermediate_size"));
    out.copy("expert_shared_feed_forward_length", keys.count("shared_expert_intermediate_size"));
    if (const auto normalise = keys.flag("norm_topk_prob")) {
        out.set("expert_weights_norm", *normalise);
    }
    if (model_type.starts_with("deepseek")) {
        read_gate(keys, model_type, out);
    }
}

void read_window(const Keys& keys, const std::string& model_type, Target& out) {
    const std::uint64_t window = keys.count("sliding_window").value_or(0);
    if (model_type == "gpt_oss") {
        out.set("attention.sliding_window", window);
        const nlohmann::json* types = keys.find("layer_types");
        for (std::size_t i = 0; types != nullptr && i < types->size(); ++i) {
            if ((*types)[i] != (i % 2 == 0 ? "sliding_attention" : "full_attention")) {
                keys.fail("layer_types", "does not alternate, which is not known");
            }
        }
    } else if (window != 0 && keys.flag("use_sliding_window").value_or(true) &&
               window < keys.count("max_position_embeddings").value_or(0)) {
        keys.fail("sliding_window", "is " + std::to_string(window) + ", which is not known here");
    }
}

const Family& find_family(const std::string& model_type, const std::string& name) {
    for (const Family& family : kFamilies) {
        if (family.model_type == model_type) {
            return family;
        }
    }
    throw Error(name + ": the model_type \"" + model_type + "\" is not known to this program");
}

} // namespace

FolderConfig read_folder_config(const nlohmann::json& config, const std::string& name) {
    const Keys keys(config, name);
    const std::string model_type = keys.text("model_type");
    const Family& family = find_family(model_type, name);
    FolderConfig result;
    FolderShape& shape = result.shape;
    shape.architecture = family.architecture;
    shape.interleave = family.interleave;
    shape.layers = static_cast<int>(keys.required("num_hidden_layers"));
    shape.tied = keys.flag("tie_word_embeddings").value_or(false);
    result.metadata.set("general.architecture", shape.architecture);
    Target out(result.metadata, shape.architecture);
    out.set("block_count", keys.required("num_hidden_layers"));
    out.set("context_length", keys.count("max_position_embeddings").value_or(2048));
    out.set("embedding_length", keys.required("hidden_size"));
    out.set("feed_forward_length", keys.required("intermediate_size"));
    out.copy("vocab_size", keys.count("vocab_size"));
    read_attention(keys, out, shape);
    read_rope(keys, out, result.metadata, shape);
    read_experts(keys, model_type, out, shape);
    read_window(keys, model_type, out);
    if (keys.has("clip_qkv")) {
        keys.fail("clip_qkv", "is set, which is not known");
    }
    return result;
}

} // namespace switchyard
