// Blocks of 32 columns of a tile row, decoded by a warp to floats or to the 16-bit fragments of mma_half, for
// products of many rows. With g = lane / 4 and t = lane % 4 a lane has the values of rows g and g + 8
// (`upper`) in columns 16 half + 4 t + i, i = 0..3.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/step_data.h"
#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

/// A tile row of a placed matrix.
struct TileRowWeights {
    const std::uint8_t* groups;
    BlockType type;
    float factor; ///< a power of two that all values are multiplied with

    __device__ TileRowWeights(const MatrixView& matrix, int tile, float values_factor)
        : groups(reinterpret_cast<const std::uint8_t*>(matrix.data) +
                 static_cast<std::size_t>(tile) * tile_row_bytes(matrix.type, matrix.cols)),
          type(matrix.type), factor(values_factor) {}
};

/// A lane's part of a block: v[2 upper + half][i].
using BlockValues = float[4][4];

/// Whole numbers of a byte each with their scales: value = scale * (byte - offset) + min.
struct ByteValues {
    std::uint32_t bytes[4]; ///< [upper + 2 half], byte i
    float scale[4], min[4]; ///< [2 upper + half]
    float offset;
};

/// The fragments that a lane gives to two mma_half, one a half of a block. Column 2 t + e of a fragment is
/// column 4 t + e of its half, column 8 + 2 t + e is column 4 t + 2 + e: the other operand is read alike.
struct HalfFragments {
    std::uint32_t a[2][4];
};

/// Decodes a tile row's blocks one after another, from `block` on.
class BlockDecoder {
  public:
    __device__ BlockDecoder(const TileRowWeights& weights, int block)
        : bytes_(tile_group(weights.type).bytes), blocks_(tile_group(weights.type).columns / 32),
          type_(weights.type), factor_(weights.factor), g_(lane_index() / 4), t_(lane_index() % 4) {
        p_ = weights.groups + static_cast<std::int64_t>(block / blocks_) * bytes_;
        b_ = block % blocks_;
    }
    __device__ void advance() {
        if (++b_ == blocks_) {
            b_ = 0;
            p_ += bytes_;
        }
    }
    __device__ HalfFragments fragments() const {
        BlockValues v;
        values(v);
        HalfFragments out;
        for (int half = 0; half < 2; ++half)
            for (int upper = 0; upper < 2; ++upper)
                for (int pair = 0; pair < 2; ++pair)
                    out.a[half][upper + 2 * pair] =
                        floats_to_halves(v[2 * upper + half][2 * pair], v[2 * upper + half][2 * pair + 1]);
        return out;
    }
    __device__ void values(BlockValues& v) const {
        switch (type_) {
        case BlockType::F32:
        case BlockType::F16:
        case BlockType::BF16:
        case BlockType::FP8:
            return floats(v);
        default:
            break;
        }
        ByteValues b = {};
        bytes(b);
        // A byte beside 2^23 in a float's bits is a whole number without a slow conversion.
        const float beside = 8388608.0f + b.offset;
        for (int upper = 0; upper < 2; ++upper)
            for (int half = 0; half < 2; ++half) {
                const int part = 2 * upper + half;
                const float scale = b.scale[part] * factor_, min = b.min[part] * factor_;
                for (int i = 0; i < 4; ++i) {
                    const std::uint32_t bits = permute_bytes(b.bytes[upper + 2 * half], 0x4b000000u,
                                                             0x7650u + static_cast<std::uint32_t>(i));
                    v[part][i] = fmaf(add_rounded(bits_float(bits), -beside), scale, min);
                }
            }
    }

  private:
    // ---- Floating-point types

    __device__ void floats(BlockValues& v) const {
        for (int upper = 0; upper < 2; ++upper)
            for (int half = 0; half < 2; ++half) {
                float(&part)[4] = v[2 * upper + half];
                if (type_ == BlockType::F32) {
                    const float4 four =
                        load_constant<float4>(p_ + (2 * b_ + half) * 1024 + upper * 512 + (4 * g_ + t_) * 16);
                    part[0] = four.x, part[1] = four.y, part[2] = four.z, part[3] = four.w;
                } else if (type_ == BlockType::FP8) {
                    eighths(part, upper, half);
                } else {
                    narrow(part, upper, half);
                }
                for (float& x : part)
                    x *= factor_;
            }
    }
    /// Two of the four columns stand with lane t' = 2 (t % 2), two with the next.
    __device__ void narrow(float (&part)[4], int upper, int half) const {
        const std::uint8_t* at =
            p_ + (2 * b_ + half) * 512 + (4 * g_ + 2 * (t_ % 2)) * 16 + (upper + 2 * (t_ / 2)) * 4;
        for (int pair = 0; pair < 2; ++pair) {
            const std::uint32_t two = word(at + 16 * pair);
            const auto low = static_cast<std::uint16_t>(two), high = static_cast<std::uint16_t>(two >> 16);
            part[2 * pair] = type_ == BlockType::F16 ? half_to_float(low) : bfloat_to_float(low);
            part[2 * pair + 1] = type_ == BlockType::F16 ? half_to_float(high) : bfloat_to_float(high);
        }
    }
    __device__ void eighths(float (&part)[4], int upper, int half) const {
        const std::uint8_t* at =
            p_ + b_ * 512 + (4 * g_ + 2 * (t_ % 2)) * 16 + half * 8 + (upper + 2 * (t_ / 2)) * 2;
        const float scale = load_constant<float>(p_ + Q8Tile::kScales + (2 * g_ + upper) * 4);
        for (int i = 0; i < 4; ++i) {
            const std::uint32_t q = load_constant<std::uint8_t>(at + i / 2 * 16 + i % 2);
            // With its bits in a half's places, an E4M3 float is 2^8 times smaller.
            const auto bits = static_cast<std::uint16_t>((q & 0x80u) << 8 | (q & 0x7fu) << 7);
            part[i] = half_to_float(bits) * 256.0f * scale;
        }
    }

    // ---- Types of whole numbers

    __device__ void bytes(ByteValues& out) const {
        switch (type_) {
        case BlockType::Q8_0: {
            const uint4 q = load_constant<uint4>(p_ + b_ * 512 + vector());
            out.bytes[0] = q.x ^ 0x80808080u, out.bytes[1] = q.y ^ 0x80808080u;
            out.bytes[2] = q.z ^ 0x80808080u, out.bytes[3] = q.w ^ 0x80808080u;
            out.offset = 128.0f;
            return block_scales(out, Q8Tile::kScales);
        }
        case BlockType::Q4_0:
            nibbles(out);
            out.offset = 8.0f;
            return block_scales(out, Q4Tile::kScales);
        case BlockType::Q4_1:
            nibbles(out);
            return affine_scales(out, Q4Tile::kScales);
        case BlockType::Q5_0:
            nibbles(out);
            bits(out, word(p_ + Q5Tile::kBits + (4 * g_ + t_) * 4), 4);
            out.offset = 16.0f;
            return block_scales(out, Q5Tile::kScales);
        case BlockType::Q5_1:
            nibbles(out);
            bits(out, word(p_ + Q5Tile::kBits + (4 * g_ + t_) * 4), 4);
            return affine_scales(out, Q5Tile::kScales);
        case BlockType::IQ4_NL:
            levels<kLevels4>(out);
            return block_scales(out, Q4Tile::kScales);
        case BlockType::MXFP4:
            levels<kLevelsE2M1>(out);
            for (int upper = 0; upper < 2; ++upper) {
                const std::uint32_t e =
                    load_constant<std::uint8_t>(p_ + Q4Tile::kScales + g_ * 4 + upper * 2 + b_);
                set_scale(out, upper, bits_float(e < 2 ? 0x00200000u << e : (e - 1u) << 23));
            }
            return;
        default:
            return super_block(out);
        }
    }
    __device__ void super_block(ByteValues& out) const {
        switch (type_) {
        case BlockType::Q4_K:
            nibbles(out);
            return k_scales(out, p_ + Q4KTile::kWords, p_ + Q4KTile::kHalves, p_ + Q4KTile::kD);
        case BlockType::Q5_K:
            nibbles(out);
            bits(out, word(p_ + Q5KTile::kBits + vector() + b_ / 2 * 4), 4);
            return k_scales(out, p_ + Q5KTile::kWords, p_ + Q5KTile::kHalves, p_ + Q5KTile::kD);
        case BlockType::Q6_K:
            nibbles(out);
            pairs(out, p_ + Q6KTile::kPairs, 4);
            out.offset = 32.0f;
            for (int part = 0; part < 4; ++part)
                out.scale[part] =
                    half_at(p_ + Q6KTile::kD + g_ * 4 + part / 2 * 2) *
                    static_cast<float>(static_cast<std::int8_t>(half_scale(Q6KTile::kScales, part)));
            return;
        case BlockType::Q3_K:
            pairs(out, p_, 0);
            bits(out, word(p_ + Q3KTile::kBits + vector() + b_ / 2 * 4), 2);
            out.offset = 4.0f;
            for (int part = 0; part < 4; ++part) {
                const std::uint32_t six =
                    six_bits(p_ + Q3KTile::kWords, p_ + Q3KTile::kHalves, part / 2) >> (6 * (part % 2));
                out.scale[part] = half_at(p_ + Q3KTile::kD + g_ * 4 + part / 2 * 2) *
                                  static_cast<float>(static_cast<int>(six & 63u) - 32);
            }
            return;
        case BlockType::Q2_K:
            pairs(out, p_, 0);
            for (int part = 0; part < 4; ++part) {
                const std::uint32_t scale = half_scale(Q2KTile::kScales, part);
                const std::uint8_t* d = p_ + Q2KTile::kD + g_ * 8 + part / 2 * 4;
                out.scale[part] = half_at(d) * static_cast<float>(scale & 15u);
                out.min[part] = -half_at(d + 2) * static_cast<float>(scale >> 4);
            }
            return;
        default: { // IQ4_XS
            levels<kLevels4>(out);
            const int at = 4 * g_ + b_ / 2;
            const std::uint32_t both =
                half_word(p_ + IQ4XSTile::kHalves + at * 2) |
                static_cast<std::uint32_t>(load_constant<std::uint8_t>(p_ + IQ4XSTile::kBytes + at)) << 16;
            for (int upper = 0; upper < 2; ++upper) {
                const int scale = static_cast<int>(both >> (12 * upper + b_ % 2 * 6) & 63u) - 32;
                set_scale(out, upper,
                          half_at(p_ + IQ4XSTile::kD + g_ * 4 + upper * 2) * static_cast<float>(scale));
            }
        }
        }
    }

    // ---- Planes of values

    __device__ int vector() const { return (4 * g_ + t_) * 16; }
    __device__ uint2 nibble_words() const {
        return load_constant<uint2>(p_ + b_ / 2 * 512 + vector() + b_ % 2 * 8);
    }
    __device__ void nibbles(ByteValues& out) const {
        const uint2 q = nibble_words();
        out.bytes[0] = q.x & 0x0f0f0f0fu, out.bytes[1] = q.y & 0x0f0f0f0fu;
        out.bytes[2] = q.x >> 4 & 0x0f0f0f0fu, out.bytes[3] = q.y >> 4 & 0x0f0f0f0fu;
    }
    /// What four levels the nibbles stand for, 128 higher.
    template <const std::int8_t (&kTable)[16]>
    __device__ void levels(ByteValues& out) const {
        const uint2 q = nibble_words();
        for (int upper = 0; upper < 2; ++upper) {
            const std::uint32_t w = upper == 0 ? q.x : q.y, which = (w >> 1 & 0x44444444u) | 0x32103210u;
            for (int half = 0; half < 2; ++half) {
                const std::uint32_t at = (w & 0x77777777u) >> (16 * half) & 0xffffu;
                const std::uint32_t low = permute_bytes(level_word<kTable, 0>, level_word<kTable, 1>, at);
                const std::uint32_t high = permute_bytes(level_word<kTable, 2>, level_word<kTable, 3>, at);
                out.bytes[upper + 2 * half] =
                    permute_bytes(low, high, which >> (16 * half) & 0xffffu) ^ 0x80808080u;
            }
        }
        out.offset = 128.0f;
    }
    /// A bit a value, of byte i the bits 4 (block % 2) + f, to bit `to`.
    __device__ void bits(ByteValues& out, std::uint32_t plane, int to) const {
        for (int f = 0; f < 4; ++f)
            out.bytes[f] |= (plane >> (b_ % 2 * 4 + f) & 0x01010101u) << to;
    }
    __device__ void pairs(ByteValues& out, const std::uint8_t* plane, int to) const {
        const std::uint32_t two = word(plane + b_ / 4 * 512 + vector() + b_ % 4 * 4);
        for (int f = 0; f < 4; ++f)
            out.bytes[f] |= (two >> (2 * f) & 0x03030303u) << to;
    }

    // ---- Scales

    __device__ static void set_scale(ByteValues& out, int upper, float scale) {
        out.scale[2 * upper] = out.scale[2 * upper + 1] = scale;
    }
    __device__ void block_scales(ByteValues& out, int at) const {
        for (int upper = 0; upper < 2; ++upper)
            set_scale(out, upper, half_at(p_ + at + g_ * 8 + upper * 4 + b_ * 2));
    }
    __device__ void affine_scales(ByteValues& out, int at) const {
        for (int upper = 0; upper < 2; ++upper) {
            const std::uint8_t* scale = p_ + at + g_ * 16 + upper * 4 + b_ * 2;
            set_scale(out, upper, half_at(scale));
            out.min[2 * upper] = out.min[2 * upper + 1] = half_at(scale + 8);
        }
    }
    __device__ void k_scales(ByteValues& out, const std::uint8_t* words, const std::uint8_t* halves,
                             const std::uint8_t* d) const {
        for (int upper = 0; upper < 2; ++upper) {
            const std::uint32_t six = six_bits(words, halves, upper);
            const std::uint8_t* at = d + g_ * 8 + upper * 4;
            set_scale(out, upper, half_at(at) * static_cast<float>(six & 63u));
            out.min[2 * upper] = out.min[2 * upper + 1] =
                -half_at(at + 2) * static_cast<float>(six >> 6 & 63u);
        }
    }
    /// The block's 12 bits of 6-bit scales.
    __device__ std::uint32_t six_bits(const std::uint8_t* words, const std::uint8_t* halves,
                                      int upper) const {
        const int at = 4 * g_ + b_ / 2;
        const std::uint32_t w = word(words + at * 4);
        const std::uint32_t both =
            upper == 0 ? w : w >> 24 | static_cast<std::uint32_t>(half_word(halves + at * 2)) << 8;
        return both >> (b_ % 2 * 12) & 0xfffu;
    }
    /// One a 16 columns.
    __device__ std::uint8_t half_scale(int scales, int part) const {
        return load_constant<std::uint8_t>(p_ + scales + (4 * g_ + b_ / 2) * 8 + part / 2 * 4 + b_ % 2 * 2 +
                                           part % 2);
    }
    __device__ static std::uint32_t word(const std::uint8_t* p) { return load_constant<std::uint32_t>(p); }
    __device__ static std::uint16_t half_word(const std::uint8_t* p) {
        return load_constant<std::uint16_t>(p);
    }
    __device__ static float half_at(const std::uint8_t* p) { return half_to_float(half_word(p)); }

    const std::uint8_t* p_; ///< the group
    int b_;                 ///< block of it
    int bytes_, blocks_;    ///< of a group
    BlockType type_;
    float factor_;
    int g_, t_;
};

} // namespace switchyard::cuda
