// Experts and their groups.
#include "engine/model/config_reader.h"

#include <algorithm>
#include <limits>

namespace switchyard {

// Many files of V2, V3 and R1 were made before the keys of the groups existed; these shapes tell.
static void read_groups(const ConfigReader& keys, ModelConfig& c) {
    const bool v3 = c.latent() && c.layers == 61 && c.experts == 256,
               v2 = c.latent() && c.layers == 60 && c.experts == 160;
    c.expert_groups = keys.count("expert_group_count", v2 || v3 ? 8 : 1, 0, c.experts);
    c.expert_groups_kept = keys.count("expert_group_used_count",
                                      v3   ? 4
                                      : v2 ? 3
                                           : 1,
                                      0, std::max(c.expert_groups, 1));
    c.expert_groups = std::max(c.expert_groups, 1);
    c.expert_groups_kept = std::max(c.expert_groups_kept, 1);
    if (c.experts % c.expert_groups != 0)
        keys.fail("expert_group_count", "does not divide the " + std::to_string(c.experts) + " experts");
    if (c.experts_active > c.experts / c.expert_groups * c.expert_groups_kept)
        keys.fail("expert_used_count", "is more than the kept groups have");
}

/// Width of the shared experts together. Some converters write another into the key than their tensors have.
static int shared_width(const ModelFile& file, const ConfigReader& keys, ModelConfig& c) {
    const char* key = "expert_shared_feed_forward_length";
    if (!keys.counts(key, kMostWidth).empty())
        return keys.width(key, 0, c.layers, c.shared_widths);
    for (int layer = 0; layer < c.layers; ++layer)
        if (const TensorView* up = file.find("blk." + std::to_string(layer) + ".ffn_up_shexp.weight");
            up && up->rows() >= 1 && up->rows() <= kMostWidth)
            return static_cast<int>(up->rows());
    return keys.count(key, c.experts_shared * c.expert_width, 0, kMostWidth);
}

void read_experts(const ModelFile& file, const ConfigReader& keys, const Architecture& architecture,
                  ModelConfig& c) {
    c.experts = keys.count("expert_count", 0, 0, kMostExperts);
    if (c.experts == 0)
        return;
    c.experts_active = keys.required("expert_used_count", 1, c.experts);
    c.experts_shared = keys.count("expert_shared_count", 0, 0, 64);
    c.dense_layers = keys.count("leading_dense_block_count", 0, 0, c.layers);
    c.expert_width = keys.width("expert_feed_forward_length", c.feed_forward, c.layers, c.expert_widths);
    if (c.expert_width < 1)
        keys.fail("expert_feed_forward_length", "is missing, or 0");
    c.shared_width = shared_width(file, keys, c);
    c.expert_scale = architecture.expert_scale_used ? keys.real("expert_weights_scale", 1.0f) : 1.0f;
    c.expert_normalise = keys.flag("expert_weights_norm", architecture.normalise_default);
    // Older files of V3's kind have no key: a bias for the choice comes with sigmoids alone there.
    const auto biased = [&](int layer) {
        return file.find("blk." + std::to_string(layer) + ".exp_probs_b.bias") != nullptr;
    };
    int usual = architecture.gate_default;
    for (int layer = 0; c.latent() && layer < c.layers; ++layer)
        usual = biased(layer) ? 2 : usual;
    c.expert_gate = architecture.gate_default == 5 ? 5 : keys.count("expert_gating_func", usual, 0, 4);
    if (c.expert_gate == 0)
        c.expert_gate = usual;
    c.clamped_silu = architecture.clamped_silu;
    c.weigh_input = architecture.weigh_input;
    c.group_top2 = architecture.group_top2;
    c.router_cap = static_cast<float>(file.metadata().real("switchyard.router_cap").value_or(0.0));
    c.expert_nearness =
        static_cast<float>(file.metadata().real("switchyard.router_nearness").value_or(c.expert_nearness));
    // Cohere's routed and shared experts count the same.
    if (architecture.parallel_blocks && c.shared_width > 0 &&
        file.metadata().boolean("switchyard.blocks_averaged").value_or(true))
        c.block_scale = 0.5f;
    read_groups(keys, c);
}

} // namespace switchyard
