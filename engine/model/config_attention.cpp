// Heads, windows and which layers are rotated.
#include "engine/model/config_reader.h"

#include <algorithm>
#include <limits>

namespace switchyard {

/// Keys' heads by layer: layers with none have no attention, and the others are alike.
static void read_layers_of_heads(const ConfigReader& keys, const std::vector<int>& each, ModelConfig& c) {
    constexpr const char* kKey = "attention.head_count_kv";
    if (each.size() < static_cast<std::size_t>(c.layers))
        keys.fail(kKey, "does not say it of each layer");
    c.kv_heads = *std::ranges::max_element(each);
    if (c.kv_heads < 1)
        keys.fail(kKey, "leaves no layer with attention");
    for (int layer = 0; layer < c.layers; ++layer) {
        const int heads = each[static_cast<std::size_t>(layer)];
        if (heads != 0 && heads != c.kv_heads)
            keys.fail(kKey, "differs from layer to layer, which is not known");
        c.linear_layers.push_back(heads == 0);
    }
    if (std::ranges::find(c.linear_layers, true) == c.linear_layers.end())
        c.linear_layers.clear();
}

void read_attention(const ConfigReader& keys, ModelConfig& c) {
    c.heads = keys.required("attention.head_count", 1, kMostHeads);
    if (const std::vector<int> each = keys.counts("attention.head_count_kv", kMostHeads); !each.empty())
        read_layers_of_heads(keys, each, c);
    else
        c.kv_heads = keys.count("attention.head_count_kv", c.heads, 1, kMostHeads);
    c.head_dim = keys.count("attention.key_length", std::max(c.hidden / c.heads, 1), 1, 4096);
    c.value_dim = keys.count("attention.value_length", c.head_dim, 1, 4096);
    c.norm_epsilon = keys.real("attention.layer_norm_rms_epsilon", 1e-6f);
    if (keys.real("attention.clamp_kqv", 0.0f) != 0.0f)
        keys.fail("attention.clamp_kqv", "is set, which is not known");
    c.kv_lora_rank = keys.count("attention.kv_lora_rank", 0, 0, kMostWidth);
    if (c.latent()) { // key_length is then the cache's, but for older files, which have no keys of MLA's own
        c.q_lora_rank = keys.count("attention.q_lora_rank", 0, 0, kMostWidth);
        c.head_dim = keys.count("attention.key_length_mla", c.head_dim, 1, 4096);
        c.value_dim = keys.count("attention.value_length_mla", c.value_dim, 1, 4096);
        c.kv_heads = 1;
    }
    if (c.heads % c.kv_heads != 0)
        keys.fail("attention.head_count_kv", "does not divide the " + std::to_string(c.heads) + " heads");
}

void read_indexer(const ConfigReader& keys, const Architecture& architecture, ModelConfig& c) {
    IndexerConfig& i = c.indexer;
    i.heads = keys.count("attention.indexer.head_count", 0, 0, kMostHeads);
    if (i.heads == 0)
        return;
    i.dim = keys.required("attention.indexer.key_length", 1, 4096);
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
    const int window = keys.count("attention.sliding_window", 0, 0, 1 << 30);
    // An array, or how often a layer sees all.
    constexpr const char* kPattern = "attention.sliding_window_pattern";
    const bool number = keys.has_number(kPattern);
    const int period = number ? keys.count(kPattern, 0, 0, kMostLayers) : architecture.sliding_period;
    const std::vector<bool>* pattern = number ? nullptr : keys.flags(kPattern);
    if (window == 0 || (period == 0 && !pattern))
        return;
    if (pattern && pattern->size() < static_cast<std::size_t>(c.layers))
        keys.fail("attention.sliding_window_pattern", "is shorter than the layers");
    for (int layer = 0; layer < c.layers; ++layer) {
        const bool slides = pattern ? (*pattern)[static_cast<std::size_t>(layer)] : (layer + 1) % period != 0;
        c.windows.push_back(slides ? window : 0);
    }
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
    } else if (architecture.unrotated_period > 0) {
        for (int layer = 0; layer < c.layers; ++layer)
            c.rotated.push_back((layer + 1) % architecture.unrotated_period != 0);
    } else if (architecture.rotates_windows_only) {
        if (c.windows.empty())
            keys.fail("attention.sliding_window", "is missing: it says which layers are rotated");
        for (const int window : c.windows)
            c.rotated.push_back(window > 0);
    }
}

} // namespace switchyard
