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
    switch (wanted) { // super-blocks of 256: the 32-value type next above
    case BlockType::Q4_K:
        return BlockType::Q5_0;
    case BlockType::Q6_K:
        return BlockType::Q8_0;
    default:
        return BlockType::F16;
    }
}

double bits_per_weight(BlockType type) {
    const BlockTraits& t = traits(type);
    return 8.0 * t.bytes / t.values;
}

} // namespace switchyard
