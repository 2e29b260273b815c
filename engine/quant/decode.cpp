// Block formats back to floats, with the operations in the order of the formats' definition, so that the
// result is the same bit for bit everywhere.
#include "engine/quant/decode_blocks.h"
#include "engine/quant/encoder.h"
#include "engine/quant/quant.h"

#include <cstring>

namespace switchyard {

namespace {

template <typename Block, int kValues>
void decode_blocks(const std::byte* blocks, std::span<float> out) {
    const auto* b = reinterpret_cast<const Block*>(blocks); // packed structs: no alignment needed
    for (std::size_t i = 0; i * kValues < out.size(); ++i) {
        decode(b[i], out.data() + i * kValues);
    }
}

template <BlockType kType>
void decode_16(const std::byte* in, std::span<float> out) {
    row_coder().decode_16(kType, in, out);
}

void decode_f32(const std::byte* in, std::span<float> out) { std::memcpy(out.data(), in, out.size_bytes()); }

using DecodeRow = void (*)(const std::byte* blocks, std::span<float> out);

/// In the order of BlockType.
constexpr DecodeRow kDecoders[] = {
    decode_f32,
    decode_16<BlockType::F16>,
    decode_16<BlockType::BF16>,
    decode_blocks<BlockQ8_0, 32>,
    decode_blocks<BlockQ4_0, 32>,
    decode_blocks<BlockQ4_1, 32>,
    decode_blocks<BlockQ5_0, 32>,
    decode_blocks<BlockQ5_1, 32>,
    decode_blocks<BlockQ4_K, 256>,
    decode_blocks<BlockQ6_K, 256>,
    decode_blocks<BlockQ2_K, 256>,
    decode_blocks<BlockQ3_K, 256>,
    decode_blocks<BlockQ5_K, 256>,
    decode_blocks<BlockQ8_K, 256>,
    decode_blocks<BlockIQ4_NL, 32>,
    decode_blocks<BlockIQ4_XS, 256>,
    decode_blocks<BlockIQ3_S, 256>,
    decode_blocks<BlockIQ3_XXS, 256>,
    decode_blocks<BlockIQ2_S, 256>,
    decode_blocks<BlockIQ2_XS, 256>,
    decode_blocks<BlockIQ2_XXS, 256>,
    decode_blocks<BlockIQ1_M, 256>,
    decode_blocks<BlockIQ1_S, 256>,
    decode_blocks<BlockTQ2_0, 256>,
    decode_blocks<BlockTQ1_0, 256>,
    decode_blocks<BlockMXFP4, 32>,
    decode_blocks<BlockFP8, 64>,
};
static_assert(std::size(kDecoders) == kBlockTypes);

} // namespace

void decode_row(BlockType type, const std::byte* blocks, std::span<float> out) {
    kDecoders[static_cast<int>(type)](blocks, out);
}

} // namespace switchyard
