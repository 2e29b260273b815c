// The block formats as structs, byte for byte as GGUF files hold them (format: ggml's GGUF documentation).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchyard {

/// How the values of a matrix row are stored. A row is a whole number of blocks.
enum class BlockType : std::uint8_t { F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q6_K };
inline constexpr int kBlockTypes = 10;

struct BlockTraits {
    std::string_view name; ///< as people write it: "Q4_K"
    int values;            ///< values in a block
    int bytes;             ///< bytes of a block
    int gguf_type;         ///< the type's number in a GGUF file
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
#pragma pack(pop)

} // namespace switchyard
