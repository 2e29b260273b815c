// Encoding rows: the plain formats here, the packed ones by the build that suits the processor.
#include "engine/base/error.h"
#include "engine/quant/encoder.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace switchyard {

void encode_row(BlockType type, std::span<const float> values, std::byte* blocks, const float* importance) {
    const auto cols = static_cast<std::int64_t>(values.size());
    if (cols % traits(type).values != 0) {
        throw Error("a row of " + std::to_string(cols) + " values is not a whole number of " +
                    std::string(traits(type).name) + " blocks");
    }
    if (!encodable(type)) {
        throw Error(std::string(traits(type).name) + " is only read, not written");
    }
    switch (type) {
    case BlockType::F32:
        std::memcpy(blocks, values.data(), values.size_bytes());
        return;
    case BlockType::F16:
    case BlockType::BF16:
        return row_coder().encode_16(type, values, blocks);
    default:
        break;
    }
    const EncodeBlocks encode = row_coder().encode_blocks;
    if (importance == nullptr) {
        return encode(type, values.data(), nullptr, values.size(), blocks);
    }
    // Piece by piece, so that the weights need no row of their own.
    constexpr std::size_t kPiece = 1024;
    float weights[kPiece];
    for (std::size_t at = 0; at < values.size(); at += kPiece) {
        const std::size_t count = std::min(kPiece, values.size() - at);
        // Columns that calibration never saw still count a little.
        std::transform(importance + at, importance + at + count, weights,
                       [](float w) { return w > 1e-12f ? w : 1e-12f; });
        encode(type, values.data() + at, weights, count,
               blocks + row_bytes(type, static_cast<std::int64_t>(at)));
    }
}

} // namespace switchyard
