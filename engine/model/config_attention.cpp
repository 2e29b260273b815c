// Heads, windows and which layers are rotated.
#include "engine/model/config_reader.h"

#include <algorithm>
#include <limits>

namespace switchyard {

/// A count that may be one for all layers, or an array with one a layer: the largest; `each` is the array.
static int count_of_layers(const ConfigReader& keys, const char* key, int fallback, int layers,
                           std::vector<int>& each) {
    each = keys.counts(key, kMostHeads);
    if (each.empty())
        return keys.count(key, fallback, 1, kMostHeads);
    if (each.size() < static_cast<std::size_t>(layers))
        keys.fail(key, "does not say it of each layer");
    each.resize(static_cast<std::size_t>(layers));
    return *std::ranges::max_element(each);
}

void read_attention(const ConfigReader& keys, ModelConfig& c) {
    std::vector<int> heads, kv_heads;
    c.heads = count_of_layers(keys, "attention.head_count", 0, c.layers, heads);
    if (c.heads < 1)
        keys.fail("attention.head_count", "is missing or 0");
    c.kv_heads = count_of_layers(keys, "attention.head_count_kv", c.heads, c.layers, kv_heads);
    if (c.kv_heads < 1)
        keys.fail("attention.head_count_kv", "leaves no layer with attention");
    if (std::ranges::find(kv_heads, 0) != kv_heads.end())
        for (const int count : kv_heads)
            c.linear_layers.push_back(count == 0);
    c.head_dim = keys.count("attention.key_length", std::max(c.hidden / c.heads, 1), 1, kMostHeadDim);
    c.value_dim = keys.count("attention.value_length", c.head_dim, 1, kMostHeadDim);
    const char* epsilon = "attention.layer_norm_rms_epsilon";
    if (!keys.has(epsilon) && keys.has("attention.layer_norm_epsilon")) {
        epsilon = "attention.layer_norm_epsilon";
        c.centred_norms = true;
    }
    c.norm_epsilon = keys.real(epsilon, 1e-6f);
    if (!(c.norm_epsilon >= 0) || c.norm_epsilon > 1)
        keys.fail(epsilon, "is not from 0 to 1");
    if (keys.real("attention.clamp_kqv", 0.0f) != 0.0f)
        keys.fail("attention.clamp_kqv", "is set, which is not known");
    c.kv_lora_rank = keys.count("attention.kv_lora_rank", 0, 0, kMostWidth);
    if (c.latent()) { // key_length is then the cache's, but for older files, which have no keys of MLA's own
        c.q_lora_rank = keys.count("attention.q_lora_rank", 0, 0, kMostWidth);
        c.head_dim = keys.count("attention.key_length_mla", c.head_dim, 1, kMostHeadDim);
        c.value_dim = keys.count("attention.value_length_mla", c.value_dim, 1, kMostHeadDim);
        c.kv_heads = 1;
        return;
    }
    for (int layer = 0; layer < c.layers; ++layer) {
        const auto at = static_cast<std::size_t>(layer);
        HeadShape& shape = c.layer_heads.emplace_back(HeadShape{heads.empty() ? c.heads : heads[at],
                                                                kv_heads.empty() ? c.kv_heads : kv_heads[at],
                                                                c.head_dim, c.value_dim});
        if (shape.kv_heads == 0)
            shape = {c.heads, c.kv_heads, c.head_dim, c.value_dim}; // of a layer without attention
        if (shape.heads < 1 || shape.heads % shape.kv_heads != 0)
            keys.fail("attention.head_count_kv",
                      "does not divide the " + std::to_string(shape.heads) + " heads");
    }
}

void read_window_heads(const ConfigReader& keys, ModelConfig& c) {
    const int key_dim = keys.count("attention.key_length_swa", c.head_dim, 1, kMostHeadDim);
    const int value_dim =
        keys.count("attention.value_length_swa", keys.has("attention.key_length_swa") ? key_dim : c.value_dim,
                   1, kMostHeadDim);
    for (std::size_t layer = 0; layer < c.layer_heads.size() && !c.windows.empty(); ++layer)
        if (c.windows[layer] > 0) {
            c.layer_heads[layer].head_dim = key_dim;
            c.layer_heads[layer].value_dim = value_dim;
        }
    for (const HeadShape& shape : c.layer_heads) {
        c.head_dim = std::max(c.head_dim, shape.head_dim);
        c.value_dim = std::max(c.value_dim, shape.value_dim);
    }
    const HeadShape alike{c.heads, c.kv_heads, c.head_dim, c.value_dim};
    if (std::ranges::all_of(c.layer_heads, [&](const HeadShape& shape) { return shape == alike; }))
        c.layer_heads.clear();
    c.shared_kv_layers = keys.count("attention.shared_kv_layers", 0, 0, c.layers - 1);
}

void read_indexer(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
    IndexerConfig& i = c.indexer;
    i.heads = keys.count("attention.indexer.head_count", 0, 0, kMostHeads);
    if (i.heads == 0)
        return;
    i.dim = keys.required("attention.indexer.key_length", 1, kMostHeadDim);
    i.top = keys.required("attention.indexer.top_k", 1, 1 << 24);
    i.block = keys.count("attention.indexer.block_size", 1, 1, 1 << 16);
    i.local = keys.count("attention.indexer.local_blocks", 0, 0, 1 << 16);
    i.interleaved = architecture.index_interleaved;
    if (i.local > i.top)
        keys.fail("attention.indexer.local_blocks", "is more than the indexer chooses");
    if (i.block > 1 && (i.heads > c.kv_heads || c.kv_heads % i.heads != 0))
        keys.fail("attention.indexer.head_count", "does not divide the KV heads");
    constexpr const char* kTypes = "attention.indexer.types";
    if (const std::vector<bool>* types = keys.flags(kTypes)) {
        if (types->size() < static_cast<std::size_t>(c.layers))
            keys.fail(kTypes, "does not say it of each layer");
        i.layers = *types;
    } else if (c.latent() && architecture.index_interleaved && c.context >= 1 << 20) {
        for (int layer = 0; layer < c.layers; ++layer) // GLM-5.2's, whose first files do not say it
            i.layers.push_back(layer < 2 || (layer - 2) % 4 == 0);
    }
    if (!i.layers.empty() && !i.layers.front())
        keys.fail(kTypes, "leaves the first layer without a choice");
}

void read_compressed(const ConfigReader& keys, ModelConfig& c) {
    c.compressed.ratios = keys.counts("attention.compress_ratios", 1 << 16);
    if (!c.compressed.ratios.empty() && c.compressed.ratios.size() < static_cast<std::size_t>(c.layers))
        keys.fail("attention.compress_ratios", "does not say it of each layer");
    c.q_lora_rank = keys.required("attention.q_lora_rank", 1, kMostWidth);
    c.compressed.output_groups = keys.required("attention.output_group_count", 1, c.heads);
    c.compressed.output_rank = keys.required("attention.output_lora_rank", 1, kMostWidth);
    if (c.heads % c.compressed.output_groups != 0)
        keys.fail("attention.output_group_count", "does not divide the heads");
    if (c.kv_heads != 1 || c.head_dim != c.value_dim)
        keys.fail("attention.head_count_kv", "is not the one head that keys and values share");
    c.streams.count = keys.required("hyper_connection.count", 1, kMostStreams);
    c.streams.iterations = keys.count("hyper_connection.sinkhorn_iterations", 20, 1, 1000);
    c.streams.epsilon = keys.real("hyper_connection.epsilon", 1e-6f);
    c.windows.assign(static_cast<std::size_t>(c.layers),
                     keys.required("attention.sliding_window", 1, 1 << 30));
    c.expert_limits = keys.reals("swiglu_clamp_exp", c.layers);
    c.shared_limits = keys.reals("swiglu_clamp_shexp", c.layers);
}

// Which layers have a window: an array in the file says, or every n-th layer sees all.
void read_windows(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
    int window = keys.count("attention.sliding_window", 0, 0, 1 << 30);
    // The authors of MiMo V2 count the tokens before a query, and files have their number as it is.
    constexpr int kMiMo = 128;
    if (architecture.name == "mimo2" && window == kMiMo && !keys.has("attention.window_with_query"))
        ++window;
    // An array, or how often a layer sees all.
    constexpr const char* kPattern = "attention.sliding_window_pattern";
    const bool number = keys.has_number(kPattern);
    const int period = number ? keys.count(kPattern, 0, 0, kMostLayers) : architecture.sliding_period;
    const std::vector<int> counts = keys.counts(kPattern, 1); // true and false, or 0 and 1
    const bool pattern = !counts.empty();
    if (!number && !pattern && keys.has(kPattern))
        keys.fail(kPattern, "is not an array of true and false");
    if (window == 0 || (period == 0 && !pattern))
        return;
    if (pattern && counts.size() < static_cast<std::size_t>(c.layers))
        keys.fail(kPattern, "is shorter than the layers");
    for (int layer = 0; layer < c.layers; ++layer) {
        const bool slides = pattern                   ? counts[static_cast<std::size_t>(layer)] != 0
                            : architecture.full_first ? layer % period != 0
                                                      : (layer + 1) % period != 0;
        c.windows.push_back(slides ? window : 0);
    }
}

/// Llama 4's small relatives say by a window of 0 that no layer is limited, and all are rotated.
static bool sees_all(const ConfigReader& keys, const Architecture& architecture) {
    constexpr const char* kWindow = "attention.sliding_window";
    return architecture.chunk > 0 && keys.has(kWindow) && keys.count(kWindow, 0, 0, 1 << 30) == 0;
}

// Which layers are rotated: an array in the file says (GGUF has no key for it), or the architecture.
void read_rotated(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                  ModelConfig& c) {
    constexpr const char* kKey = "switchyard.rotated_layers";
    const MetadataValue* value = file.metadata().find(kKey);
    if (value) {
        const auto* given = std::get_if<std::vector<bool>>(value);
        if (!given || given->size() < static_cast<std::size_t>(c.layers))
            throw Error(file.path().string() + ": the key " + kKey + " does not say it of each layer");
        c.rotated.assign(given->begin(), given->begin() + c.layers);
    } else if (architecture.never_rotated ||
               (architecture.state_space && !keys.flag("rope.scaling.finetuned", true))) {
        c.rotated.assign(static_cast<std::size_t>(c.layers), false);
    } else if (architecture.unrotated_period > 0 && !sees_all(keys, architecture)) {
        for (int layer = 0; layer < c.layers; ++layer)
            c.rotated.push_back((layer + 1) % architecture.unrotated_period != 0);
    } else if (architecture.rotates_windows_only) {
        if (c.windows.empty())
            keys.fail("attention.sliding_window", "is missing: it says which layers are rotated");
        for (const int window : c.windows)
            c.rotated.push_back(window > 0);
        // Cohere's leading dense layers are rotated, whatever they see.
        const int leading =
            architecture.parallel_blocks ? keys.count("leading_dense_block_count", 0, 0, c.layers) : 0;
        std::fill_n(c.rotated.begin(), leading, true);
    }
}

void read_chunks(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                 ModelConfig& c) {
    if (architecture.chunk == 0 || sees_all(keys, architecture))
        return;
    const auto own = [&](const char* key, double fallback) {
        return file.metadata().real(key).value_or(fallback);
    };
    c.temperature = architecture.temperature;
    c.temperature_unrotated = true;
    c.temperature.scale = static_cast<float>(own("switchyard.temperature_scale", c.temperature.scale));
    const double length = own("switchyard.temperature_length", c.temperature.length),
                 chunk = own("switchyard.attention_chunk", architecture.chunk);
    if (!(length >= 1 && length <= 1 << 30) || !(chunk >= 0 && chunk <= 1 << 30))
        throw Error(file.path().string() + ": the key switchyard.attention_chunk or "
                                           "switchyard.temperature_length is no number of tokens");
    c.temperature.length = static_cast<int>(length);
    // Llama 4 with 128 experts has no such norms, and no key for it.
    c.unit_heads =
        file.metadata()
            .boolean("switchyard.unit_heads")
            .value_or(architecture.unit_heads && keys.count("expert_count", 0, 0, kMostExperts) != 128);
    const MetadataValue* given = file.metadata().find("switchyard.chunked_layers");
    const auto* chunked = given ? std::get_if<std::vector<bool>>(given) : nullptr;
    for (std::size_t layer = 0; chunk > 0 && layer < static_cast<std::size_t>(c.layers); ++layer) {
        const bool rotated = c.rotated.empty() || c.rotated[layer];
        const bool limited = chunked && layer < chunked->size() ? (*chunked)[layer] : rotated;
        c.chunks.push_back(limited ? static_cast<int>(chunk) : 0);
    }
}

} // namespace switchyard
