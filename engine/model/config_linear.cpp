// Layers with memory of a fixed size.
#include "engine/model/config_reader.h"

#include <algorithm>
#include <limits>

namespace switchyard {

/// Keeps the sizes of a layer's states, which are `int`s, from overflowing. inner: values of all heads;
/// mixed: channels of the convolution.
static void check_states(const ConfigReader& keys, std::int64_t inner, std::int64_t state_size,
                         std::int64_t mixed, int taps) {
    constexpr std::int64_t kMost = 1 << 28; // floats; the largest model known has 2^20
    if (inner * state_size > kMost || mixed * taps > kMost)
        keys.fail("ssm.state_size", "makes states larger than this program keeps");
}

/// The keys that state spaces and linear attention have in common; `groups` share a B and C, or a query and
/// key.
static SpaceConfig read_states(const ConfigReader& keys, int groups) {
    SpaceConfig s;
    s.taps = keys.required("ssm.conv_kernel", 2, 64);
    s.state_size = keys.required("ssm.state_size", 1, 4096);
    s.groups = groups;
    s.heads = keys.required("ssm.time_step_rank", 1, kMostHeads);
    const int inner = keys.required("ssm.inner_size", 1, kMostWidth);
    if (inner % s.heads != 0 || s.heads % s.groups != 0)
        keys.fail("ssm.inner_size", "does not fit the heads");
    s.head_dim = inner / s.heads;
    check_states(keys, inner, s.state_size, inner + std::int64_t{2} * s.groups * s.state_size, s.taps);
    return s;
}

/// Mamba-1: heads of one channel.
static SpaceConfig read_selective_scan(const ConfigReader& keys) {
    SpaceConfig s;
    s.taps = keys.required("ssm.conv_kernel", 2, 64);
    s.state_size = keys.required("ssm.state_size", 1, 4096);
    s.step_rank = keys.required("ssm.time_step_rank", 1, kMostWidth);
    s.heads = keys.required("ssm.inner_size", 1, kMostWidth);
    s.head_dim = s.groups = 1;
    check_states(keys, s.heads, s.state_size, s.heads, s.taps);
    return s;
}

// Kimi Delta Attention: a key head for each value head, of the same width. No key has their number.
static void read_key_decays(const ModelFile& file, const ConfigReader& keys, ModelConfig& c) {
    if (c.linear_layers.empty())
        keys.fail("attention.head_count_kv", "does not say which layers have linear attention");
    const auto first = std::ranges::find(c.linear_layers, true) - c.linear_layers.begin();
    const TensorView* beta = file.find("blk." + std::to_string(first) + ".ssm_beta.weight");
    const std::int64_t heads = beta ? beta->rows() : c.heads;
    if (heads < 1 || heads > kMostHeads)
        keys.fail("attention.head_count", "does not fit linear attention");
    LinearConfig& l = c.linear;
    l.key_heads = l.value_heads = static_cast<int>(heads);
    l.key_dim = l.value_dim = keys.required("kda.head_dim", 1, kMostHeadDim);
    l.taps = keys.required("ssm.conv_kernel", 2, 64);
    l.by_channel = true;
    if (keys.flag("kda.safe_gate", false))
        l.least_decay = keys.real("kda.gate_lower_bound", -5.0f);
    if (!(l.least_decay <= 0) || std::isinf(l.least_decay))
        keys.fail("kda.gate_lower_bound", "is no number below 0");
    check_states(keys, heads * l.value_dim, l.key_dim, heads * l.value_dim, l.taps);
}

// Qwen3-Next's layers of linear attention, and LFM2's convolutions.
void read_linear(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                 ModelConfig& c) {
    if (architecture.short_convolutions) {
        c.short_taps = keys.required("shortconv.l_cache", 2, 64);
        return;
    }
    c.gated_queries = architecture.gated_queries;
    if (architecture.state_space) {
        c.single_mixers = architecture.single_mixers;
        c.parallel_mixers = architecture.parallel_mixers;
        c.space = architecture.selective_scan
                      ? read_selective_scan(keys)
                      : read_states(keys, keys.count("ssm.group_count", 1, 1, kMostHeads));
        return;
    }
    if (architecture.key_decays) {
        read_key_decays(file, keys, c);
        return;
    }
    if (architecture.attention_period == 0) {
        if (!c.linear_layers.empty())
            keys.fail("attention.head_count_kv", "has layers without heads, which are not known");
        return;
    }
    const int period = keys.count("full_attention_interval", architecture.attention_period, 1, kMostLayers);
    const std::vector<bool>* given = keys.flags("attention.recurrent_layers");
    if (given && given->size() < static_cast<std::size_t>(c.layers))
        keys.fail("attention.recurrent_layers", "does not say it of each layer");
    for (int layer = 0; layer < c.layers; ++layer)
        c.linear_layers.push_back(given ? (*given)[static_cast<std::size_t>(layer)]
                                        : (layer + 1) % period != 0);
    const SpaceConfig s = read_states(keys, keys.required("ssm.group_count", 1, kMostHeads));
    if (c.gated_queries && c.head_dim != c.value_dim)
        keys.fail("attention.value_length", "differs from attention.key_length, which gates do not fit");
    c.linear = {
        .key_heads = s.groups,
        .value_heads = s.heads,
        .key_dim = s.state_size,
        .value_dim = s.head_dim,
        .taps = s.taps,
        .neighbours =
            file.metadata().boolean("switchyard.value_heads_together").value_or(architecture.neighbours)};
}

} // namespace switchyard
