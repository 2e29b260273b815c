// Names of block types, and which type takes over where a row length forbids one.
#include "engine/quant/quant.h"

#include <algorithm>
#include <cctype>

namespace switchyard {

std::optional<BlockType> parse_block_type(std::string_view name) {
    for (int i = 0; i < kBlockTypes; ++i) {
        const auto type = static_cast<BlockType>(i);
        if (std::ranges::equal(traits(type).name, name, {}, {},
                               [](unsigned char c) { return std::toupper(c); })) {
            return type;
        }
    }
    return std::nullopt;
}

BlockType fallback_type(BlockType wanted, std::int64_t cols) {
    if (cols % traits(wanted).values == 0) {
        return wanted;
    }
    if (cols % 32 != 0) {
        return BlockType::F16;
    }
    switch (wanted) { // super-blocks of 256: the type next above with blocks of 32
    case BlockType::Q2_K:
    case BlockType::Q3_K:
    case BlockType::TQ1_0:
    case BlockType::TQ2_0:
        return BlockType::Q4_0;
    case BlockType::IQ1_S:
    case BlockType::IQ1_M:
    case BlockType::IQ2_XXS:
    case BlockType::IQ2_XS:
    case BlockType::IQ2_S:
    case BlockType::IQ3_XXS:
    case BlockType::IQ3_S:
    case BlockType::IQ4_XS:
        return BlockType::IQ4_NL;
    case BlockType::Q4_K:
        return BlockType::Q5_0;
    case BlockType::Q5_K:
        return BlockType::Q5_1;
    default: // Q6_K, Q8_K, FP8
        return BlockType::Q8_0;
    }
}

bool encodable(BlockType type) {
    switch (type) {
    case BlockType::IQ3_S:
    case BlockType::IQ3_XXS:
    case BlockType::IQ2_S:
    case BlockType::IQ2_XS:
    case BlockType::IQ2_XXS:
    case BlockType::IQ1_M:
    case BlockType::IQ1_S:
    case BlockType::TQ2_0:
    case BlockType::TQ1_0:
        return false;
    default:
        return true;
    }
}

double bits_per_weight(BlockType type) {
    const BlockTraits& t = traits(type);
    return 8.0 * t.bytes / t.values;
}

} // namespace switchyard
