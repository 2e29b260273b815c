#include "engine/model/quantize_mix.h"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace switchyard {

namespace {

using Part = MixRule::Part;
using Where = MixRule::Where;

constexpr MixRule kQ3KM[] = {{Part::Value, Where::First, 2, BlockType::Q5_K},
                             {Part::Value, Where::All, 0, BlockType::Q4_K},
                             {Part::Down, Where::FirstShare, 16, BlockType::Q5_K},
                             {Part::Down, Where::Spread, 0, BlockType::Q4_K},
                             {Part::AttentionOutput, Where::All, 0, BlockType::Q4_K}};
constexpr MixRule kQ3KL[] = {{Part::Value, Where::All, 0, BlockType::Q5_K},
                             {Part::Down, Where::All, 0, BlockType::Q5_K},
                             {Part::AttentionOutput, Where::All, 0, BlockType::Q5_K}};
constexpr MixRule kQ4KS[] = {{Part::Value, Where::First, 4, BlockType::Q5_K},
                             {Part::Down, Where::FirstShare, 8, BlockType::Q5_K}};
constexpr MixRule kMedium[] = {{Part::Value, Where::Spread, 0, BlockType::Q6_K},
                               {Part::Down, Where::Spread, 0, BlockType::Q6_K}};

constexpr QuantizeMix kMixes[] = {
    {"Q3_K_S", BlockType::Q3_K, 11, {}},      {"Q3_K_M", BlockType::Q3_K, 12, kQ3KM},
    {"Q3_K_L", BlockType::Q3_K, 13, kQ3KL},   {"Q4_K_S", BlockType::Q4_K, 14, kQ4KS},
    {"Q4_K_M", BlockType::Q4_K, 15, kMedium}, {"Q5_K_S", BlockType::Q5_K, 16, {}},
    {"Q5_K_M", BlockType::Q5_K, 17, kMedium},
};

bool is_part(std::string_view tensor, Part part) {
    const auto has = [&](std::string_view name) { return tensor.find(name) != tensor.npos; };
    switch (part) {
    case Part::Value:
        return has(".attn_v.") || has(".attn_v_b.") || has(".attn_kv_b.") || has(".attn_qkv.");
    case Part::Down:
        return has(".ffn_down");
    case Part::AttentionOutput:
        return has(".attn_output.");
    }
    return false;
}

bool applies(const MixRule& rule, int layer, int layers) {
    switch (rule.where) {
    case Where::All:
        return true;
    case Where::First:
        return layer < rule.count;
    case Where::FirstShare:
        return layer < layers / rule.count;
    case Where::Spread:
        return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
    }
    return false;
}

} // namespace

std::span<const QuantizeMix> quantize_mixes() { return kMixes; }

const QuantizeMix* find_mix(std::string_view name) {
    const auto* mix = std::ranges::find_if(kMixes, [&](const QuantizeMix& m) {
        return std::ranges::equal(m.name, name, {}, {}, [](unsigned char c) { return std::toupper(c); });
    });
    return mix == std::end(kMixes) ? nullptr : mix;
}

BlockType mix_type(const QuantizeMix& mix, std::string_view tensor, int layers) {
    const int layer = layer_of(tensor);
    if (layer >= 0) {
        for (const MixRule& rule : mix.rules) {
            if (is_part(tensor, rule.part) && applies(rule, layer, layers)) {
                return rule.type;
            }
        }
    }
    return mix.base;
}

int layer_of(std::string_view tensor) {
    if (!tensor.starts_with("blk.")) {
        return -1;
    }
    tensor.remove_prefix(4);
    int layer = -1;
    const auto [end, error] = std::from_chars(tensor.data(), tensor.data() + tensor.size(), layer);
    return error == std::errc() && layer >= 0 ? layer : -1;
}

} // namespace switchyard
