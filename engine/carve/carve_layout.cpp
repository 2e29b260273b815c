#include "engine/carve/carve_layout.h"

#include "engine/model/architecture.h"
#include "engine/model/quantize_mix.h"

#include <algorithm>
#include <span>
#include <string_view>

namespace switchyard {

namespace {

/// A tensor that llama's layers, or qwen2's, do not have; nullptr: none.
const TensorView* beyond_llama(const ModelFile& file, bool biases) {
    static constexpr std::string_view kTensors[]{
        "attn_norm.weight",   "attn_q.weight",     "attn_k.weight",   "attn_v.weight",
        "attn_output.weight", "ffn_norm.weight",   "ffn_gate.weight", "ffn_up.weight",
        "ffn_down.weight",    "token_embd.weight", "output.weight",   "output_norm.weight"};
    static constexpr std::string_view kBiases[]{"attn_q.bias", "attn_k.bias", "attn_v.bias"};
    const auto among = [](std::span<const std::string_view> names, std::string_view part) {
        return std::ranges::find(names, part) != names.end();
    };
    for (const TensorView& t : file.tensors())
        if (const auto part = part_of(t.name); !among(kTensors, part) && !(biases && among(kBiases, part)))
            return &t;
    return nullptr;
}

const TensorView* up_of(const ModelFile& file, int layer) {
    return file.find("blk." + std::to_string(layer) + ".ffn_up.weight");
}

} // namespace

CarveLayout carve_layout(const ModelFile& dense, const ModelConfig& config, int experts, int dense_layers) {
    const bool qwen2 = config.architecture == "qwen2", llama = config.architecture == "llama";
    CarveLayout own{.architecture = config.architecture + std::string(kCarvedSuffix)};
    if (!qwen2 && !llama)
        own.only_here = "no layout of other programs has experts for the architecture " + config.architecture;
    else if (qwen2 && dense_layers > 0)
        own.only_here = "the qwen2moe layout has no layers without experts";
    else if (!config.feed_forward_widths.empty() || !config.layer_heads.empty())
        own.only_here = "the layers of this model are of different shapes";
    else if (llama != config.rope.interleaved)
        own.only_here = "this model rotates other pairs than its architecture does";
    else if (const TensorView* other = beyond_llama(dense, qwen2))
        own.only_here = "no layout of other programs has a place for " + other->name;
    if (!own.only_here.empty())
        return own;
    if (llama)
        return {.architecture = "deepseek", .whole_shared = true};
    return {.architecture = "qwen2moe",
            .only_here = "",
            .shared_factor = 2,
            .routed_factor = static_cast<float>(experts),
            .shared_gate = true,
            .own_output = true};
}

std::vector<int> feed_forward_layers(const ModelFile& dense, const ModelConfig& config) {
    std::vector<int> layers;
    for (int layer = 0; layer < config.layers; ++layer)
        if (up_of(dense, layer))
            layers.push_back(layer);
    return layers;
}

int neurons_of(const ModelFile& dense, int layer) { return static_cast<int>(up_of(dense, layer)->rows()); }

} // namespace switchyard
