#include "engine/model/folder_families.h"

#include "engine/files/mapped_file.h"

#include <algorithm>
#include <cmath>
#include <string_view>

namespace switchyard {

const nlohmann::json* list_of_layers(const Keys& keys, const char* key, std::uint64_t layers) {
    const nlohmann::json* list = keys.find(key);
    if (list != nullptr && (!list->is_array() || list->size() < layers)) {
        keys.fail(key, "does not say it of each layer");
    }
    return list;
}

std::vector<bool> sliding_types(const Keys& keys, const nlohmann::json& types, std::uint64_t layers) {
    std::vector<bool> slides(layers);
    for (std::size_t i = 0; i < layers; ++i) {
        slides[i] = types[i] == "sliding_attention";
        if (!slides[i] && types[i] != "full_attention") {
            keys.fail("layer_types", "has " + types[i].dump() + ", which is not known");
        }
    }
    return slides;
}

namespace {

/// What Gemma 4's full layers have of their own: under the layer's number, or in older files under a name of
/// its own.
std::optional<std::uint64_t> of_full_layers(const Keys& keys, const char* name, const char* key,
                                            const std::vector<bool>& slides, std::uint64_t most) {
    if (!keys.has("per_layer_config")) {
        return keys.count(name, most);
    }
    const Keys layers = keys.object("per_layer_config");
    for (std::size_t i = 0; i < slides.size(); ++i) {
        if (!slides[i]) {
            return layers.object(std::to_string(i).c_str()).count(key, most);
        }
    }
    return std::nullopt;
}

void read_gemma4_heads(const Keys& keys, Target& out, FolderShape& shape) {
    const auto layers = static_cast<std::uint64_t>(shape.layers);
    const std::vector<bool> slides = window_layers(keys, "gemma4_text", layers);
    const std::uint64_t dim = keys.count("head_dim", kMostHeadDim).value_or(256);
    const std::uint64_t full = of_full_layers(keys, "global_head_dim", "head_dim", slides, kMostHeadDim)
                                   .value_or(keys.has("per_layer_config") ? dim : 512);
    const bool one = keys.flag("attention_k_eq_v").value_or(false); // projection of keys and values
    const auto full_heads =
        one ? of_full_layers(keys, "num_global_key_value_heads", "num_key_value_heads", slides, kMostHeads)
            : std::nullopt;
    std::vector<std::int64_t> kv_heads;
    for (const bool slide : slides) {
        kv_heads.push_back(slide || !full_heads ? shape.kv_heads : static_cast<std::int64_t>(*full_heads));
    }
    out.set("attention.head_count_kv", kv_heads);
    out.set("attention.key_length", full);
    out.set("attention.value_length", full);
    out.set("attention.key_length_swa", dim);
    out.set("attention.value_length_swa", dim);
    out.set("rope.dimension_count", full);
    out.set("rope.dimension_count_swa", dim);
    shape.head_dim = static_cast<int>(full);
}

void read_gemma4(const Keys& keys, Target& out, const FolderShape& shape) {
    const std::uint64_t shared = keys.count("num_kv_shared_layers", kMostLayers).value_or(0);
    const auto layers = static_cast<std::uint64_t>(shape.layers);
    if (shared >= layers && shared > 0) {
        keys.fail("num_kv_shared_layers", "leaves no layer with keys of its own");
    }
    out.set("attention.shared_kv_layers", shared);
    out.set("embedding_length_per_layer_input",
            keys.count("hidden_size_per_layer_input", kMostWidth).value_or(256));
    if (keys.flag("use_double_wide_mlp").value_or(false)) {
        const auto width = static_cast<std::int64_t>(keys.required("intermediate_size", kMostWidth / 2));
        std::vector<std::int64_t> widths(layers, width);
        std::fill(widths.end() - static_cast<std::ptrdiff_t>(shared), widths.end(), 2 * width);
        out.set("feed_forward_length", widths);
    }
    if (keys.text("use_bidirectional_attention") == "all") {
        keys.fail("use_bidirectional_attention", "is \"all\", which is not known here");
    }
}

/// Limits of scores and logits; null is none, and what is absent is `usual`.
void read_caps(const Keys& keys, double usual_scores, double usual_logits, Target& out) {
    for (const auto& [key, usual] : {std::pair("attn_logit_softcapping", usual_scores),
                                     std::pair("final_logit_softcapping", usual_logits)}) {
        out.set(key, keys.real(key).value_or(keys.said(key) ? 0.0 : usual));
    }
}

void read_llama4(const Keys& keys, Target& out, Metadata& metadata, const FolderShape& shape) {
    const auto layers = static_cast<std::uint64_t>(shape.layers);
    out.set("feed_forward_length", keys.count("intermediate_size_mlp", kMostWidth).value_or(16384));
    out.set("expert_feed_forward_length", keys.required("intermediate_size", kMostWidth));
    const std::uint64_t interval = keys.count("no_rope_layer_interval").value_or(4);
    if (interval == 0) {
        keys.fail("no_rope_layer_interval", "is 0");
    }
    const nlohmann::json* list = keys.find("no_rope_layers");
    list = list != nullptr && list->is_array() && list->empty()
               ? nullptr
               : list_of_layers(keys, "no_rope_layers", layers);
    const nlohmann::json* types = list_of_layers(keys, "layer_types", layers);
    std::vector<bool> rotated, chunked;
    for (std::size_t i = 0; i < layers; ++i) {
        rotated.push_back(list != nullptr ? (*list)[i] != 0 : (i + 1) % interval != 0);
        chunked.push_back(types != nullptr ? (*types)[i] == "chunked_attention" : rotated.back());
    }
    metadata.set("switchyard.rotated_layers", rotated);
    metadata.set("switchyard.chunked_layers", chunked);
    const bool whole = keys.said("attention_chunk_size") && !keys.has("attention_chunk_size");
    metadata.set("switchyard.attention_chunk",
                 static_cast<double>(whole ? 0 : keys.count("attention_chunk_size").value_or(8192)));
    // Some files count layers there.
    const nlohmann::json* tuned = keys.find("attn_temperature_tuning");
    const bool flat = tuned != nullptr && (*tuned == false || *tuned == 0);
    metadata.set("switchyard.temperature_scale", flat ? 0.0 : keys.real("attn_scale").value_or(0.1));
    metadata.set("switchyard.temperature_length", keys.real("floor_scale").value_or(8192.0));
    metadata.set("switchyard.unit_heads", keys.flag("use_qk_norm").value_or(true));
}

void read_mimo_heads(const Keys& keys, Target& out, FolderShape& shape) {
    const auto layers = static_cast<std::uint64_t>(shape.layers);
    const auto same = [&](const char* key, const char* of) {
        if (keys.has(key) && keys.has(of) && keys.count(key) != keys.count(of)) {
            keys.fail(key, "differs from " + std::string(of) + ", which is not known here");
        }
    };
    same("swa_head_dim", "head_dim");
    same("swa_v_head_dim", "v_head_dim");
    same("swa_num_attention_heads", "num_attention_heads");
    const std::uint64_t own = keys.count("swa_num_key_value_heads", kMostHeads)
                                  .value_or(2 * static_cast<std::uint64_t>(shape.kv_heads));
    std::vector<std::int64_t> kv_heads;
    for (const bool slides : window_layers(keys, "mimo_v2_flash", layers)) {
        kv_heads.push_back(slides ? static_cast<std::int64_t>(own) : shape.kv_heads);
    }
    out.set("attention.head_count_kv", kv_heads);
    out.set("attention.value_length", keys.count("v_head_dim", kMostHeadDim).value_or(128));
}

void read_mimo(const Keys& keys, Target& out) {
    if (const auto before = keys.count("sliding_window_size")) { // it sees so many before itself
        out.set("attention.sliding_window", *before + 1);
    }
    out.set("attention.window_with_query", true); // no GGUF key: as config.json says it
    const bool none = keys.said("attention_value_scale") && !keys.has("attention_value_scale");
    out.set("attention.value_scale", none ? 1.0 : keys.real("attention_value_scale").value_or(0.707));
    for (const char* key : {"layernorm_epsilon", "rms_norm_eps"}) {
        if (const auto epsilon = keys.real(key)) {
            out.set("attention.layer_norm_rms_epsilon", *epsilon);
        }
    }
}

/// Layers that begin a Cohere model without experts.
std::uint64_t leading_dense(const Keys& keys, std::uint64_t layers) {
    const nlohmann::json* types = list_of_layers(keys, "mlp_layer_types", layers);
    if (types == nullptr) {
        return keys.count("first_k_dense_replace", layers).value_or(0);
    }
    std::uint64_t count = 0;
    while (count < layers && (*types)[count] == "dense") {
        ++count;
    }
    if (std::any_of(types->begin() + static_cast<std::ptrdiff_t>(count),
                    types->begin() + static_cast<std::ptrdiff_t>(layers),
                    [](const nlohmann::json& type) { return type == "dense"; })) {
        keys.fail("mlp_layer_types", "has dense layers behind others, which are not known here");
    }
    return count;
}

void read_cohere(const Keys& keys, const std::string& model_type, Target& out, Metadata& metadata,
                 const FolderShape& shape) {
    const auto layers = static_cast<std::uint64_t>(shape.layers);
    out.set("logit_scale", keys.real("logit_scale").value_or(0.0625));
    if (const auto epsilon = keys.real("rms_norm_eps"); epsilon && model_type == "cohere2_moe") {
        out.set("attention.layer_norm_rms_epsilon", *epsilon);
    } else {
        out.erase("attention.layer_norm_rms_epsilon");
        out.set("attention.layer_norm_epsilon", keys.real("layer_norm_eps").value_or(1e-5));
    }
    std::vector<bool> rotated = window_layers(keys, model_type, layers);
    if (!keys.has("sliding_window") && keys.said("sliding_window")) {
        rotated.assign(layers, false);
    }
    if (model_type == "cohere2_moe") {
        const std::uint64_t width = keys.required("intermediate_size", kMostWidth);
        const std::uint64_t dense = leading_dense(keys, layers);
        out.set("expert_feed_forward_length", width);
        out.copy("feed_forward_length", keys.count("prefix_dense_intermediate_size", kMostWidth));
        out.set("leading_dense_block_count", dense);
        if (keys.count("prefix_dense_sliding_window_pattern").value_or(1) == 1) {
            std::fill_n(rotated.begin(), dense, true);
        }
        const std::string strategy = keys.text("shared_expert_combination_strategy");
        if (!strategy.empty() && strategy != "average" && strategy != "sum") {
            keys.fail("shared_expert_combination_strategy",
                      "is " + in_quotes(strategy) + ", which is not known");
        }
        metadata.set("switchyard.blocks_averaged", strategy != "sum");
        const std::string choice = keys.text("expert_selection_fn");
        if (!choice.empty() && choice != "sigmoid" && choice != "softmax") {
            keys.fail("expert_selection_fn", "is " + in_quotes(choice) + ", which is not known");
        }
        const bool sigmoid = choice == "sigmoid";
        out.set("expert_gating_func", std::uint64_t{sigmoid ? 2u : 3u});
        out.set("expert_weights_norm", sigmoid && keys.flag("norm_topk_prob").value_or(true));
    }
    metadata.set("switchyard.rotated_layers", rotated);
}

void read_laguna_heads(const Keys& keys, Target& out, const FolderShape& shape) {
    const auto layers = static_cast<std::uint64_t>(shape.layers);
    const nlohmann::json* list = list_of_layers(keys, "num_attention_heads_per_layer", layers);
    std::vector<std::int64_t> heads;
    for (std::size_t i = 0; list != nullptr && i < layers; ++i) {
        if (!(*list)[i].is_number_unsigned() || (*list)[i].get<std::uint64_t>() > kMostHeads) {
            keys.fail("num_attention_heads_per_layer", "has a layer's number that is no count of heads");
        }
        heads.push_back((*list)[i].get<std::int64_t>());
    }
    if (!heads.empty()) {
        out.set("attention.head_count", heads);
    }
}

void read_laguna(const Keys& keys, Target& out, Metadata& metadata) {
    if (keys.flag("moe_apply_router_weight_on_input").value_or(false)) {
        keys.fail("moe_apply_router_weight_on_input", "is set, which is not known here");
    }
    out.set("expert_weights_scale", keys.real("moe_routed_scaling_factor").value_or(1.0));
    metadata.set("switchyard.router_cap", keys.real("moe_router_logit_softcapping").value_or(0.0));
}

} // namespace

std::vector<bool> window_layers(const Keys& keys, const std::string& model_type, std::uint64_t layers) {
    std::vector<bool> slides(layers);
    if (const nlohmann::json* types = list_of_layers(keys, "layer_types", layers)) {
        slides = sliding_types(keys, *types, layers);
        if (model_type == "gemma4_text") { // as their code has it
            slides.back() = false;
        }
        return slides;
    }
    if (const nlohmann::json* pattern = list_of_layers(keys, "hybrid_layer_pattern", layers)) {
        for (std::size_t i = 0; i < layers; ++i) {
            slides[i] = (*pattern)[i] == 1;
        }
        return slides;
    }
    const std::uint64_t period = keys.count("sliding_window_pattern")
                                     .value_or(model_type == "gemma2"             ? 2
                                               : model_type.starts_with("cohere") ? 4
                                                                                  : 6);
    if (period == 0) {
        keys.fail("sliding_window_pattern", "is 0");
    }
    const std::uint64_t lead = model_type == "cohere2_moe" ? leading_dense(keys, layers) : 0;
    const std::uint64_t lead_period = keys.count("prefix_dense_sliding_window_pattern").value_or(1);
    for (std::size_t i = 0; i < layers; ++i) {
        slides[i] =
            i < lead ? (i + 1) % std::max<std::uint64_t>(lead_period, 1) != 0 : (i - lead + 1) % period != 0;
        if (model_type == "mimo_v2_flash") {
            slides[i] = i > 0 && slides[i];
        } else if (model_type == "laguna") { // all see all
            slides[i] = false;
        } else if (model_type == "gemma4_text") {
            slides[i] = slides[i] && i + 1 < layers;
        }
    }
    return slides;
}

void read_folder_heads(const Keys& keys, const std::string& model_type, Target& out, FolderShape& shape) {
    if (model_type == "gemma4_text") {
        read_gemma4_heads(keys, out, shape);
    } else if (model_type == "mimo_v2_flash") {
        read_mimo_heads(keys, out, shape);
    } else if (model_type == "laguna") {
        read_laguna_heads(keys, out, shape);
    }
}

void read_folder_family(const Keys& keys, const std::string& model_type, Target& out, Metadata& metadata,
                        FolderShape& shape) {
    if (model_type == "gemma4_text") {
        read_gemma4(keys, out, shape);
        read_caps(keys, 0.0, 0.0, out);
    } else if (model_type == "gemma2") {
        read_caps(keys, 50.0, 30.0, out);
    } else if (model_type == "llama4_text") {
        read_llama4(keys, out, metadata, shape);
    } else if (model_type == "mimo_v2_flash") {
        read_mimo(keys, out);
    } else if (model_type.starts_with("cohere2")) {
        read_cohere(keys, model_type, out, metadata, shape);
    } else if (model_type == "laguna") {
        read_laguna(keys, out, metadata);
    } else if (model_type == "phimoe") {
        metadata.set("switchyard.router_nearness", 2 * keys.real("router_jitter_noise").value_or(0.01));
    }
}

} // namespace switchyard
