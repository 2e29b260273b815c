// Single values of a placed matrix, with the bits that the file's block decodes to.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/step_data.h"
#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

/// A row of a tile row's groups, read a value at a time.
class TileRowReader {
  public:
    __device__ TileRowReader(const MatrixView& matrix, std::int64_t row)
        : type_(matrix.type), g_(static_cast<int>(row % 8)), upper_(static_cast<int>(row / 8 % 2)),
          groups_(reinterpret_cast<const std::uint8_t*>(matrix.data) +
                  static_cast<std::size_t>(row / kTileRows) * tile_row_bytes(matrix.type, matrix.cols)) {}

    /// Column `col`; needs col < the matrix's cols.
    __device__ float value(int col) const {
        const TileGroup shape = tile_group(type_);
        const std::uint8_t* group =
            groups_ + static_cast<std::size_t>(col / shape.columns) * static_cast<std::size_t>(shape.bytes);
        return in_group(group, col % shape.columns);
    }

    /// Of an F32 matrix: where the column is. Those of a four with it stand together.
    __device__ const float* address(int col) const {
        const TileGroup shape = tile_group(BlockType::F32);
        return f32_address(groups_ + static_cast<std::size_t>(col / shape.columns) *
                                         static_cast<std::size_t>(shape.bytes),
                           col % shape.columns);
    }

    __device__ static float mxfp4_scale_of(std::uint32_t e) {
        return bits_float(e < 2 ? 0x00200000u << e : (e - 1u) << 23);
    }
    __device__ static int level_iq4(int i) {
        return table_byte(level_word<kLevels4, 0>, level_word<kLevels4, 1>, level_word<kLevels4, 2>,
                          level_word<kLevels4, 3>, i);
    }
    __device__ static int level_e2m1(int i) {
        return table_byte(level_word<kLevelsE2M1, 0>, level_word<kLevelsE2M1, 1>, level_word<kLevelsE2M1, 2>,
                          level_word<kLevelsE2M1, 3>, i);
    }

  private:
    __device__ const float* f32_address(const std::uint8_t* p, int c) const {
        return reinterpret_cast<const float*>(p + c / 16 * 1024 + upper_ * 512 + lane(c) * 16 + c % 4 * 4);
    }
    __device__ float in_group(const std::uint8_t* p, int c) const {
        switch (type_) {
        case BlockType::F32:
            return *f32_address(p, c);
        case BlockType::F16:
            return half_to_float(narrow(p, c));
        case BlockType::BF16:
            return bfloat_to_float(narrow(p, c));
        case BlockType::FP8:
            return eighth(p, c);
        case BlockType::Q8_0: {
            const auto q = static_cast<std::int8_t>(p[c / 32 * 512 + lane(c) * 16 + word(c) * 4 + c % 4]);
            return multiply_rounded(static_cast<float>(q), scale32(p + Q8Tile::kScales, c));
        }
        case BlockType::Q4_0:
            return multiply_rounded(scale32(p + Q4Tile::kScales, c), static_cast<float>(nibble(p, c) - 8));
        case BlockType::Q5_0:
            return multiply_rounded(scale32(p + Q5Tile::kScales, c),
                                    static_cast<float>(five(p, Q5Tile::kBits, c) - 16));
        case BlockType::Q4_1:
            return affine32(p + Q4Tile::kScales, c, nibble(p, c));
        case BlockType::Q5_1:
            return affine32(p + Q5Tile::kScales, c, five(p, Q5Tile::kBits, c));
        case BlockType::IQ4_NL:
            return multiply_rounded(scale32(p + Q4Tile::kScales, c),
                                    static_cast<float>(level_iq4(level_index(p, c))));
        case BlockType::MXFP4:
            return multiply_rounded(mxfp4_scale_of(p[Q4Tile::kScales + g_ * 4 + upper_ * 2 + c / 32]),
                                    static_cast<float>(level_e2m1(level_index(p, c))));
        default:
            return in_super_block(p, c);
        }
    }

    __device__ float in_super_block(const std::uint8_t* p, int c) const {
        switch (type_) {
        case BlockType::Q4_K:
            return affine_k(p + Q4KTile::kWords, p + Q4KTile::kHalves, p + Q4KTile::kD, c, nibble(p, c));
        case BlockType::Q5_K: {
            const int q = nibble(p, c) | bit(p + Q5KTile::kBits + lane(c) * 16 + c / 64 * 4, c) << 4;
            return affine_k(p + Q5KTile::kWords, p + Q5KTile::kHalves, p + Q5KTile::kD, c, q);
        }
        case BlockType::Q6_K: {
            const int q = nibble(p, c) | pair(p + Q6KTile::kPairs, c) << 4;
            const auto scale = static_cast<std::int8_t>(scale16(p + Q6KTile::kScales, c));
            return multiply_rounded(multiply_rounded(single(p + Q6KTile::kD), static_cast<float>(scale)),
                                    static_cast<float>(q - 32));
        }
        case BlockType::Q3_K: {
            const int q = pair(p, c) | bit(p + Q3KTile::kBits + lane(c) * 16 + c / 64 * 4, c) << 2;
            const auto bits = six_bits(p + Q3KTile::kWords, p + Q3KTile::kHalves, c / 64);
            const int scale = static_cast<int>(bits >> (c / 16 % 4 * 6) & 63u) - 32;
            return multiply_rounded(multiply_rounded(single(p + Q3KTile::kD), static_cast<float>(scale)),
                                    static_cast<float>(q - 4));
        }
        case BlockType::Q2_K: {
            const std::uint8_t scale = scale16(p + Q2KTile::kScales, c);
            const float d = multiply_rounded(half_at(p + Q2KTile::kD + g_ * 8 + upper_ * 4),
                                             static_cast<float>(scale & 15));
            const float m = multiply_rounded(half_at(p + Q2KTile::kD + g_ * 8 + upper_ * 4 + 2),
                                             static_cast<float>(scale >> 4));
            return add_rounded(multiply_rounded(d, static_cast<float>(pair(p, c))), -m);
        }
        default: { // IQ4_XS
            const int t = c / 64;
            const std::uint32_t bits = half_word(p + IQ4XSTile::kHalves + (4 * g_ + t) * 2) |
                                       static_cast<std::uint32_t>(p[IQ4XSTile::kBytes + 4 * g_ + t]) << 16;
            const int scale = static_cast<int>(bits >> (12 * upper_ + c / 32 % 2 * 6) & 63u) - 32;
            return multiply_rounded(multiply_rounded(single(p + IQ4XSTile::kD), static_cast<float>(scale)),
                                    static_cast<float>(level_iq4(level_index(p, c))));
        }
        }
    }

    __device__ int lane(int c) const { return 4 * g_ + c % 16 / 4; }
    __device__ int word(int c) const { return upper_ + 2 * (c % 32 / 16); }
    __device__ static std::uint16_t half_word(const std::uint8_t* p) {
        return *reinterpret_cast<const std::uint16_t*>(p);
    }
    __device__ static float half_at(const std::uint8_t* p) { return half_to_float(half_word(p)); }
    __device__ std::uint16_t narrow(const std::uint8_t* p, int c) const {
        return half_word(p + c / 16 * 512 + (4 * g_ + c % 8 / 2) * 16 + (upper_ + 2 * (c / 8 % 2)) * 4 +
                         c % 2 * 2);
    }
    __device__ float eighth(const std::uint8_t* p, int c) const {
        const std::uint32_t q = p[c / 32 * 512 + (4 * g_ + c % 8 / 2) * 16 + c / 16 % 2 * 8 +
                                  (upper_ + 2 * (c / 8 % 2)) * 2 + c % 2];
        const float scale = *reinterpret_cast<const float*>(p + Q8Tile::kScales + (2 * g_ + upper_) * 4);
        // With its bits in a half's places, an E4M3 float is 2^8 times smaller.
        const auto half = static_cast<std::uint16_t>((q & 0x80u) << 8 | (q & 0x7fu) << 7);
        return multiply_rounded(half_to_float(half) * 256.0f, scale);
    }
    __device__ std::uint8_t nibble_byte(const std::uint8_t* p, int c) const {
        return p[c / 64 * 512 + lane(c) * 16 + (c / 32 % 2 * 2 + upper_) * 4 + c % 4];
    }
    __device__ int nibble(const std::uint8_t* p, int c) const {
        return nibble_byte(p, c) >> (c % 32 / 16 * 4) & 15;
    }
    __device__ int level_index(const std::uint8_t* p, int c) const {
        const int at = c % 32 / 16 * 4 + c % 4;
        return p[c / 64 * 512 + lane(c) * 16 + (c / 32 % 2 * 2 + upper_) * 4 + at / 2] >> (at % 2 * 4) & 15;
    }
    __device__ int bit(const std::uint8_t* word_at, int c) const {
        return word_at[c % 4] >> (c / 32 % 2 * 4 + word(c)) & 1;
    }
    __device__ int five(const std::uint8_t* p, int bits, int c) const {
        return nibble(p, c) | bit(p + bits + lane(c) * 4, c) << 4;
    }
    __device__ int pair(const std::uint8_t* plane, int c) const {
        return plane[c / 128 * 512 + lane(c) * 16 + c / 32 % 4 * 4 + c % 4] >> (2 * word(c)) & 3;
    }
    __device__ float scale32(const std::uint8_t* scales, int c) const {
        return half_at(scales + g_ * 8 + upper_ * 4 + c / 32 * 2);
    }
    __device__ float affine32(const std::uint8_t* scales, int c, int q) const {
        const std::uint8_t* at = scales + g_ * 16 + upper_ * 4 + c / 32 * 2;
        return add_rounded(multiply_rounded(half_at(at), static_cast<float>(q)), half_at(at + 8));
    }
    __device__ std::uint8_t scale16(const std::uint8_t* scales, int c) const {
        return scales[(4 * g_ + c / 64) * 8 + upper_ * 4 + c / 16 % 4];
    }
    __device__ float single(const std::uint8_t* d) const { return half_at(d + g_ * 4 + upper_ * 2); }
    __device__ std::uint32_t six_bits(const std::uint8_t* words, const std::uint8_t* halves, int t) const {
        const std::uint32_t w = *reinterpret_cast<const std::uint32_t*>(words + (4 * g_ + t) * 4);
        return upper_ == 0 ? w & 0xffffffu
                           : w >> 24 | static_cast<std::uint32_t>(half_word(halves + (4 * g_ + t) * 2)) << 8;
    }
    __device__ float affine_k(const std::uint8_t* words, const std::uint8_t* halves, const std::uint8_t* d,
                              int c, int q) const {
        const std::uint32_t bits = six_bits(words, halves, c / 64) >> (c / 32 % 2 * 12);
        const std::uint8_t* at = d + g_ * 8 + upper_ * 4;
        const float scale = multiply_rounded(half_at(at), static_cast<float>(bits & 63u));
        const float min = multiply_rounded(half_at(at + 2), static_cast<float>(bits >> 6 & 63u));
        return add_rounded(multiply_rounded(scale, static_cast<float>(q)), -min);
    }
    __device__ static int table_byte(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d,
                                     int i) {
        const auto at = static_cast<std::uint32_t>(i & 7);
        return static_cast<std::int8_t>(i < 8 ? permute_bytes(a, b, at) : permute_bytes(c, d, at));
    }

    BlockType type_;
    int g_, upper_;
    const std::uint8_t* groups_;
};

} // namespace switchyard::cuda
