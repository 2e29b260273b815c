#include "kernels/cuda/matrix_tiles.h"

#include "kernels/k_scales.h"

#include <cstring>
#include <limits>

namespace switchyard::cuda {
namespace {

using Word = std::uint32_t;

/// Where a row of a tile stands in its groups.
struct TilePlace {
    int g, upper;
    explicit TilePlace(std::int64_t row)
        : g(static_cast<int>(row % 8)), upper(static_cast<int>(row / 8 % 2)) {}

    /// Word `word` of this row's lane t in plane `plane`, vectors or words a lane.
    std::byte* vector_word(std::byte* plane, int t, int word) const {
        return plane + (4 * g + t) * 16 + word * 4;
    }
    std::byte* lane_word(std::byte* plane, int t) const { return plane + (4 * g + t) * 4; }
};

Word load_word(const void* p) {
    Word w;
    std::memcpy(&w, p, sizeof w);
    return w;
}
template <typename T>
void put(std::byte* at, T value) {
    std::memcpy(at, &value, sizeof value);
}

/// The nibbles of 32 columns, half 0 in `low`'s low nibbles, half 1 in `high`'s, four columns a word.
void put_nibbles(TilePlace place, std::byte* group, int block, int t, Word nibbles) {
    put(place.vector_word(group + block / 2 * 512, t, block % 2 * 2 + place.upper), nibbles);
}

/// Four nibbles of each half as levels stand: 16 bits a half. `nibbles` as put_nibbles wants them.
Word level_order(Word nibbles) {
    Word out = 0;
    for (int i = 0; i < 4; ++i) {
        out |= (nibbles >> (8 * i) & 15u) << (4 * i);
        out |= (nibbles >> (8 * i + 4) & 15u) << (16 + 4 * i);
    }
    return out;
}

/// Sets the bits of half `half` of a block's four columns: bit 0 of byte i of `bits` is that of column i.
void put_bits(TilePlace place, std::byte* word, int block, int half, Word bits) {
    put(word, load_word(word) | (bits & 0x01010101u) << (block % 2 * 4 + place.upper + 2 * half));
}

/// The same with two bits: bits 0 and 1 of each byte of `pairs`.
void put_pairs(TilePlace place, std::byte* plane, int block, int t, int half, Word pairs) {
    std::byte* word = place.vector_word(plane + block / 4 * 512, t, block % 4);
    put(word, load_word(word) | (pairs & 0x03030303u) << (2 * (place.upper + 2 * half)));
}

std::byte* half_scale(TilePlace place, std::byte* scales, int block) {
    return scales + place.g * 8 + place.upper * 4 + block * 2;
}

/// The bits of four columns, bit 0 of each byte, from bits 4 t .. of 16.
Word spread_bits(Word bits, int t) {
    const Word four = bits >> (4 * t);
    return (four & 1u) | (four & 2u) << 7 | (four & 4u) << 14 | (four & 8u) << 21;
}

void put_six_bit(TilePlace place, std::byte* words, std::byte* halves, int t, Word bits24) {
    std::byte* word = words + (4 * place.g + t) * 4;
    if (place.upper == 0) {
        put(word, load_word(word) | bits24);
        return;
    }
    put(word, load_word(word) | bits24 << 24);
    put(halves + (4 * place.g + t) * 2, static_cast<std::uint16_t>(bits24 >> 8));
}

// ---- A row's block `block` of its group (0 or 1 where a block has 32 values, else 0) into a group of zeros

void pack(const BlockQ8_0& b, TilePlace place, int block, std::byte* group) {
    for (int half = 0; half < 2; ++half)
        for (int t = 0; t < 4; ++t)
            put(place.vector_word(group + block * 512, t, place.upper + 2 * half),
                load_word(b.q + 16 * half + 4 * t));
    put(half_scale(place, group + Q8Tile::kScales, block), b.d);
}

void pack_file_nibbles(const std::uint8_t* q, TilePlace place, int block, std::byte* group) {
    for (int t = 0; t < 4; ++t)
        put_nibbles(place, group, block, t, load_word(q + 4 * t));
}
void pack_file_levels(const std::uint8_t* q, TilePlace place, int block, std::byte* group) {
    for (int t = 0; t < 4; ++t)
        put_nibbles(place, group, block, t, level_order(load_word(q + 4 * t)));
}
void pack_fifth_bits(const std::uint8_t* qh, TilePlace place, int block, std::byte* group) {
    const Word bits = load_word(qh);
    for (int half = 0; half < 2; ++half)
        for (int t = 0; t < 4; ++t)
            put_bits(place, place.lane_word(group + Q5Tile::kBits, t), block, half,
                     spread_bits(bits >> (16 * half), t));
}
/// Scale and minimum of Q4_1 and Q5_1.
void pack_scale_min(Half d, Half m, TilePlace place, int block, std::byte* scales) {
    std::byte* at = scales + place.g * 16 + place.upper * 4 + block * 2;
    put(at, d);
    put(at + 8, m);
}

void pack(const BlockQ4_0& b, TilePlace place, int block, std::byte* group) {
    pack_file_nibbles(b.q, place, block, group);
    put(half_scale(place, group + Q4Tile::kScales, block), b.d);
}
void pack(const BlockQ4_1& b, TilePlace place, int block, std::byte* group) {
    pack_file_nibbles(b.q, place, block, group);
    pack_scale_min(b.d, b.m, place, block, group + Q4Tile::kScales);
}
void pack(const BlockQ5_0& b, TilePlace place, int block, std::byte* group) {
    pack_file_nibbles(b.q, place, block, group);
    pack_fifth_bits(b.qh, place, block, group);
    put(half_scale(place, group + Q5Tile::kScales, block), b.d);
}
void pack(const BlockQ5_1& b, TilePlace place, int block, std::byte* group) {
    pack_file_nibbles(b.q, place, block, group);
    pack_fifth_bits(b.qh, place, block, group);
    pack_scale_min(b.d, b.m, place, block, group + Q5Tile::kScales);
}
void pack(const BlockIQ4_NL& b, TilePlace place, int block, std::byte* group) {
    pack_file_levels(b.q, place, block, group);
    put(half_scale(place, group + Q4Tile::kScales, block), b.d);
}
void pack(const BlockMXFP4& b, TilePlace place, int block, std::byte* group) {
    pack_file_levels(b.q, place, block, group);
    put(group + Q4Tile::kScales + place.g * 4 + place.upper * 2 + block, b.e);
}

void pack(const BlockFP8& b, TilePlace place, int, std::byte* group) {
    float scale = b.scale;
    for (int c = 0; c < 64; ++c) {
        const int lane = 4 * place.g + c % 8 / 2, f = place.upper + 2 * (c / 8 % 2);
        group[c / 32 * 512 + lane * 16 + c / 16 % 2 * 8 + f * 2 + c % 2] = std::byte{b.q[c]};
        if ((b.q[c] & 0x7f) == 0x7f) // a NaN: so that products need no test
            scale = std::numeric_limits<float>::quiet_NaN();
    }
    put(group + Q8Tile::kScales + (2 * place.g + place.upper) * 4, scale);
}

/// Nibbles of Q4_K and Q5_K: 32 bytes hold two blocks, low halves, then high halves.
void pack_k_nibbles(const std::uint8_t* q, TilePlace place, std::byte* group) {
    for (int pair = 0; pair < 4; ++pair)
        for (int t = 0; t < 4; ++t) {
            const Word first = load_word(q + 32 * pair + 4 * t),
                       second = load_word(q + 32 * pair + 16 + 4 * t);
            put_nibbles(place, group, 2 * pair, t, (first & 0x0f0f0f0fu) | (second & 0x0f0f0f0fu) << 4);
            put_nibbles(place, group, 2 * pair + 1, t, (first >> 4 & 0x0f0f0f0fu) | (second & 0xf0f0f0f0u));
        }
}
void pack_k_scales(const std::uint8_t* scales, TilePlace place, std::byte* words, std::byte* halves) {
    for (int t = 0; t < 4; ++t) {
        const KScale a = k_scale(scales, 2 * t), b = k_scale(scales, 2 * t + 1);
        put_six_bit(place, words, halves, t,
                    static_cast<Word>(a.scale | a.min << 6 | b.scale << 12 | b.min << 18));
    }
}
/// One bit a value, that of block n at bit n of 32 bytes.
void pack_k_bits(const std::uint8_t* bits, TilePlace place, std::byte* plane) {
    for (int block = 0; block < 8; ++block)
        for (int half = 0; half < 2; ++half)
            for (int t = 0; t < 4; ++t)
                put_bits(place, place.vector_word(plane, t, block / 2), block, half,
                         load_word(bits + 16 * half + 4 * t) >> block);
}
/// Two bits a value, those of block n at bits 2 (n % 4) of 32 bytes for four blocks.
void pack_k_pairs(const std::uint8_t* pairs, TilePlace place, std::byte* plane) {
    for (int block = 0; block < 8; ++block)
        for (int half = 0; half < 2; ++half)
            for (int t = 0; t < 4; ++t)
                put_pairs(place, plane, block, t, half,
                          load_word(pairs + block / 4 * 32 + 16 * half + 4 * t) >> (2 * (block % 4)));
}
/// Eight bytes a row and t, those of 16 columns in order.
void pack_half_scales(const void* scales, TilePlace place, std::byte* plane) {
    for (int t = 0; t < 4; ++t)
        put(plane + (4 * place.g + t) * 8 + place.upper * 4,
            load_word(static_cast<const std::uint8_t*>(scales) + 4 * t));
}
void put_pair(std::byte* d, TilePlace place, Half scale, Half min) {
    put(d + place.g * 8 + place.upper * 4, scale);
    put(d + place.g * 8 + place.upper * 4 + 2, min);
}
void put_single(std::byte* d, TilePlace place, Half scale) { put(d + place.g * 4 + place.upper * 2, scale); }

void pack(const BlockQ4_K& b, TilePlace place, int, std::byte* group) {
    pack_k_nibbles(b.q, place, group);
    pack_k_scales(b.scales, place, group + Q4KTile::kWords, group + Q4KTile::kHalves);
    put_pair(group + Q4KTile::kD, place, b.d, b.dmin);
}
void pack(const BlockQ5_K& b, TilePlace place, int, std::byte* group) {
    pack_k_nibbles(b.q, place, group);
    pack_k_bits(b.qh, place, group + Q5KTile::kBits);
    pack_k_scales(b.scales, place, group + Q5KTile::kWords, group + Q5KTile::kHalves);
    put_pair(group + Q5KTile::kD, place, b.d, b.dmin);
}
void pack(const BlockQ6_K& b, TilePlace place, int, std::byte* group) {
    // 128 columns share 64 bytes of ql: quarter n has its nibbles in the low (0, 1) or high (2, 3) halves of
    // bytes.
    for (int block = 0; block < 8; ++block)
        for (int t = 0; t < 4; ++t) {
            const std::uint8_t* ql = b.ql + block / 4 * 64 + block % 2 * 32 + 4 * t;
            const int shift = block % 4 / 2 * 4;
            put_nibbles(place, group, block, t,
                        (load_word(ql) >> shift & 0x0f0f0f0fu) | (load_word(ql + 16) >> shift & 0x0f0f0f0fu)
                                                                     << 4);
        }
    pack_k_pairs(b.qh, place, group + Q6KTile::kPairs);
    pack_half_scales(b.scales, place, group + Q6KTile::kScales);
    put_single(group + Q6KTile::kD, place, b.d);
}
void pack(const BlockQ3_K& b, TilePlace place, int, std::byte* group) {
    pack_k_pairs(b.q, place, group);
    pack_k_bits(b.high, place, group + Q3KTile::kBits);
    for (int t = 0; t < 4; ++t) {
        Word bits = 0;
        for (int i = 0; i < 4; ++i)
            bits |= static_cast<Word>(q3_scale(b.scales, 4 * t + i)) << (6 * i);
        put_six_bit(place, group + Q3KTile::kWords, group + Q3KTile::kHalves, t, bits);
    }
    put_single(group + Q3KTile::kD, place, b.d);
}
void pack(const BlockQ2_K& b, TilePlace place, int, std::byte* group) {
    pack_k_pairs(b.q, place, group);
    pack_half_scales(b.scales, place, group + Q2KTile::kScales);
    put_pair(group + Q2KTile::kD, place, b.d, b.dmin);
}
void pack(const BlockIQ4_XS& b, TilePlace place, int, std::byte* group) {
    for (int block = 0; block < 8; ++block)
        pack_file_levels(b.q + 16 * block, place, block, group);
    const auto scale = [&](int j) {
        return static_cast<Word>((b.scales_low[j / 2] >> (j % 2 * 4) & 15) | (b.scales_high >> (2 * j) & 3)
                                                                                 << 4);
    };
    for (int t = 0; t < 4; ++t) {
        std::byte* low = group + IQ4XSTile::kHalves + (4 * place.g + t) * 2;
        std::byte* high = group + IQ4XSTile::kBytes + 4 * place.g + t;
        std::uint16_t bits16;
        std::memcpy(&bits16, low, sizeof bits16);
        const Word bits = (scale(2 * t) | scale(2 * t + 1) << 6) << (12 * place.upper);
        put(low, static_cast<std::uint16_t>(bits16 | bits));
        *high |= static_cast<std::byte>(bits >> 16);
    }
    put_single(group + IQ4XSTile::kD, place, b.d);
}

/// Values of 2 or 4 bytes, in order of their columns.
void pack_float_row(BlockType type, std::int64_t cols, const std::byte* values, TilePlace place,
                    std::byte* out) {
    for (std::int64_t c = 0; c < cols; ++c) {
        std::byte* fragment = out + c / 16 * (type == BlockType::F32 ? 1024 : 512);
        if (type == BlockType::F32) {
            const auto t = static_cast<int>(c % 16 / 4);
            put(place.vector_word(fragment + place.upper * 512, t, static_cast<int>(c % 4)),
                load_word(values + 4 * c));
        } else {
            const auto t = static_cast<int>(c % 8 / 2);
            std::uint16_t value;
            std::memcpy(&value, values + 2 * c, sizeof value);
            put(place.vector_word(fragment, t, place.upper + 2 * static_cast<int>(c / 8 % 2)) + c % 2 * 2,
                value);
        }
    }
}

template <typename Block>
void pack_block_row(BlockType type, std::int64_t cols, const std::byte* blocks, TilePlace place,
                    std::byte* out) {
    const TileGroup group = tile_group(type);
    const int values = traits(type).values, per_group = group.columns / values;
    for (std::int64_t i = 0; i < cols / values; ++i) {
        Block block;
        std::memcpy(&block, blocks + static_cast<std::size_t>(i) * sizeof block, sizeof block);
        pack(block, place, static_cast<int>(i % per_group), out + i / per_group * group.bytes);
    }
}

void pack_row(BlockType type, std::int64_t cols, const std::byte* blocks, TilePlace place, std::byte* out) {
    switch (type) {
    case BlockType::Q8_0:
        return pack_block_row<BlockQ8_0>(type, cols, blocks, place, out);
    case BlockType::Q4_0:
        return pack_block_row<BlockQ4_0>(type, cols, blocks, place, out);
    case BlockType::Q4_1:
        return pack_block_row<BlockQ4_1>(type, cols, blocks, place, out);
    case BlockType::Q5_0:
        return pack_block_row<BlockQ5_0>(type, cols, blocks, place, out);
    case BlockType::Q5_1:
        return pack_block_row<BlockQ5_1>(type, cols, blocks, place, out);
    case BlockType::IQ4_NL:
        return pack_block_row<BlockIQ4_NL>(type, cols, blocks, place, out);
    case BlockType::MXFP4:
        return pack_block_row<BlockMXFP4>(type, cols, blocks, place, out);
    case BlockType::FP8:
        return pack_block_row<BlockFP8>(type, cols, blocks, place, out);
    case BlockType::Q4_K:
        return pack_block_row<BlockQ4_K>(type, cols, blocks, place, out);
    case BlockType::Q5_K:
        return pack_block_row<BlockQ5_K>(type, cols, blocks, place, out);
    case BlockType::Q6_K:
        return pack_block_row<BlockQ6_K>(type, cols, blocks, place, out);
    case BlockType::Q3_K:
        return pack_block_row<BlockQ3_K>(type, cols, blocks, place, out);
    case BlockType::Q2_K:
        return pack_block_row<BlockQ2_K>(type, cols, blocks, place, out);
    case BlockType::IQ4_XS:
        return pack_block_row<BlockIQ4_XS>(type, cols, blocks, place, out);
    default:
        return pack_float_row(type, cols, blocks, place, out);
    }
}

} // namespace

bool tiled(BlockType type) { return tile_group(type).columns > 0; }

BlockType device_type(BlockType type) { return tiled(type) ? type : BlockType::Q8_0; }

std::size_t tiled_bytes(BlockType type, std::int64_t rows, std::int64_t cols) {
    return static_cast<std::size_t>((rows + kTileRows - 1) / kTileRows) *
           tile_row_bytes(type, static_cast<int>(cols));
}

void pack_tiles(BlockType type, std::int64_t rows, std::int64_t cols, const std::byte* blocks, std::byte* out,
                std::int64_t first_tile_row, std::int64_t last_tile_row) {
    const std::size_t bytes = tile_row_bytes(type, static_cast<int>(cols)), row = row_bytes(type, cols);
    for (std::int64_t tile = first_tile_row; tile < last_tile_row; ++tile) {
        std::byte* to = out + static_cast<std::size_t>(tile) * bytes;
        std::memset(to, 0, bytes);
        for (std::int64_t r = tile * kTileRows; r < rows && r < (tile + 1) * kTileRows; ++r)
            pack_row(type, cols, blocks + static_cast<std::size_t>(r) * row, TilePlace(r), to);
    }
}

} // namespace switchyard::cuda
