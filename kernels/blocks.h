// The block formats as structs, byte for byte as GGUF files hold them (format: ggml's GGUF documentation).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchyard {

/// How the values of a matrix row are stored. A row is a whole number of blocks.
enum class BlockType : std::uint8_t {
    F32,
    F16,
    BF16,
    Q8_0,
    Q4_0,
    Q4_1,
    Q5_0,
    Q5_1,
    Q4_K,
    Q6_K,
    Q2_K,
    Q3_K,
    Q5_K,
    Q8_K,
    IQ4_NL,
    IQ4_XS,
    IQ3_S,
    IQ3_XXS,
    IQ2_S,
    IQ2_XS,
    IQ2_XXS,
    IQ1_M,
    IQ1_S,
    TQ2_0,
    TQ1_0,
    MXFP4,
    FP8 ///< in memory only: GGUF has no such type
};
inline constexpr int kBlockTypes = 27;

struct BlockTraits {
    std::string_view name; ///< as people write it: "Q4_K"
    int values;            ///< values in a block
    int bytes;             ///< bytes of a block
    int gguf_type;         ///< the type's number in a GGUF file; -1 where there is none
};

/// Traits of `type`; valid for every enumerator.
const BlockTraits& traits(BlockType type);

/// Bytes of a row of `cols` values. PRECOND: cols is a multiple of traits(type).values.
inline std::size_t row_bytes(BlockType type, std::int64_t cols) {
    const BlockTraits& t = traits(type);
    return static_cast<std::size_t>(cols / t.values) * static_cast<std::size_t>(t.bytes);
}

using Half = std::uint16_t; ///< IEEE binary16 bits

#pragma pack(push, 1)
struct BlockQ8_0 { // value = d * q
    Half d;
    std::int8_t q[32];
};
struct BlockQ4_0 { // value = d * (q - 8); low nibbles are values 0..15, high nibbles 16..31
    Half d;
    std::uint8_t q[16];
};
struct BlockQ4_1 { // value = d * q + m
    Half d, m;
    std::uint8_t q[16];
};
struct BlockQ5_0 { // value = d * (q - 16); bit 4 of value i is bit i of qh
    Half d;
    std::uint8_t qh[4];
    std::uint8_t q[16];
};
struct BlockQ5_1 { // value = d * q + m
    Half d, m;
    std::uint8_t qh[4];
    std::uint8_t q[16];
};
struct BlockQ4_K { // 8 sub-blocks of 32: value = d * scale * q - dmin * min; scales and mins are 6 bits,
                   // packed
    Half d, dmin;
    std::uint8_t scales[12];
    std::uint8_t q[128];
};
struct BlockQ6_K { // 16 sub-blocks of 16: value = d * scale * (q - 32)
    std::uint8_t ql[128];
    std::uint8_t qh[64];
    std::int8_t scales[16];
    Half d;
};
struct BlockQ2_K { // 16 sub-blocks of 16: value = d * (scale & 15) * q - dmin * (scale >> 4)
    std::uint8_t scales[16];
    std::uint8_t q[64];
    Half d, dmin;
};
struct BlockQ3_K { // 16 sub-blocks of 16: value = d * (scale - 32) * (q - 4); high holds bit 2 of q
    std::uint8_t high[32];
    std::uint8_t q[64];
    std::uint8_t scales[12]; // 6 bits each, packed
    Half d;
};
struct BlockQ5_K { // as Q4_K; qh holds bit 4 of q
    Half d, dmin;
    std::uint8_t scales[12];
    std::uint8_t qh[32];
    std::uint8_t q[128];
};
struct BlockQ8_K { // value = d * q; the sums of 16 values each serve products
    float d;
    std::int8_t q[256];
    std::int16_t sums[16];
};
struct BlockIQ4_NL { // value = d * level[q]
    Half d;
    std::uint8_t q[16];
};
struct BlockIQ4_XS { // 8 sub-blocks of 32: value = d * (scale - 32) * level[q]
    Half d;
    std::uint16_t scales_high; // 2 bits a sub-block
    std::uint8_t scales_low[4];
    std::uint8_t q[128];
};
struct BlockIQ3_XXS { // grid entries of 4 values; four groups of 7 sign bits and a 4-bit scale a sub-block of
                      // 32
    Half d;
    std::uint8_t q[64];
    std::uint32_t signs_scale[8];
};
struct BlockIQ3_S { // grid entries of 4 values, 9 bits each; a sign bit a value; a 4-bit scale a sub-block of
                    // 32
    Half d;
    std::uint8_t q[64];
    std::uint8_t qh[8];
    std::uint8_t signs[32];
    std::uint8_t scales[4];
};
struct BlockIQ2_XXS { // 8 sub-blocks of 32: four grid entries of 8 values, 28 sign bits and a 4-bit scale
    Half d;
    struct {
        std::uint8_t q[4];
        std::uint32_t signs_scale;
    } sub[8];
};
struct BlockIQ2_XS { // grid entries of 8 values: 9 bits of index, 7 of signs; a 4-bit scale per 16 values
    Half d;
    std::uint16_t q[32];
    std::uint8_t scales[8];
};
struct BlockIQ2_S { // grid entries of 8 values, 10 bits each; a sign bit a value; a 4-bit scale per 16 values
    Half d;
    std::uint8_t q[32];
    std::uint8_t signs[32];
    std::uint8_t qh[8];
    std::uint8_t scales[8];
};
struct BlockIQ1_S { // grid entries of 8 values, 11 bits each; a 3-bit scale and a shift sign a sub-block of
                    // 32
    Half d;
    std::uint8_t q[32];
    std::uint16_t qh[8];
};
struct BlockIQ1_M { // grid entries of 8 values, 11 bits and a shift sign each; a 3-bit scale per 16 values
    std::uint8_t q[32];
    std::uint8_t qh[16];
    std::uint16_t scales[4]; // their top 4 bits together are the half-precision scale
};
struct BlockTQ1_0 { // value = d * (digit - 1); five base-3 digits a byte, as a fraction of 256
    std::uint8_t q[48];
    std::uint8_t qh[4];
    Half d;
};
struct BlockTQ2_0 { // value = d * (q - 1)
    std::uint8_t q[64];
    Half d;
};
struct BlockMXFP4 { // value = mxfp4_scale(e) * (twice an E2M1 float)
    std::uint8_t e;
    std::uint8_t q[16];
};
struct BlockFP8 { // value = scale * (an E4M3 float); two blocks hold a row of 128 x 128 values with one scale
    float scale;
    std::uint8_t q[64];
};
#pragma pack(pop)

/// 2^(e - 128): half of MXFP4's scale, as twice its values are whole numbers.
inline float mxfp4_scale(std::uint8_t e) {
    return std::bit_cast<float>(e < 2 ? 0x00200000u << e : std::uint32_t{e - 1u} << 23);
}

} // namespace switchyard
