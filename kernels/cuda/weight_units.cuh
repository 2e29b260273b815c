// 256 columns of a tile row of quantized weights in a warp's registers: reading them, and giving them as
// fragments of 8-bit integers with their scales.
//
// A unit is read by load(j, at), j = 0..3, what belongs to columns [64 j, 64 j + 64), and load_rest(at), the
// scales. Both may be called for the unit after as soon as the columns were used, so that a warp always has
// about a unit under way and needs its registers once. kOne: only one row is multiplied and a lane, with t =
// lane % 4, has the scales of blocks 2 t and 2 t + 1 alone; else it has all eight blocks'. `sb` below is then
// 0 and 1, or 0..7.
#pragma once

#include "kernels/cuda/weight_planes.cuh"

namespace switchyard::cuda {

// ---- Types

/// What a unit says of its type: the weights are kOffset above the true ones; kMin: blocks have a minimum;
/// kHalves: each 16 columns have a scale (and minimum) of their own.
struct PlainUnit {
    static constexpr int kOffset = 0;
    static constexpr bool kMin = false, kHalves = false;
};

template <BlockType kType, bool kOne>
struct WeightUnit;

template <bool kOne>
struct WeightUnit<BlockType::Q8_0, kOne> : PlainUnit {
    static constexpr int kTile = tile_group(BlockType::Q8_0).bytes;
    uint4 q[8];
    TileScales<kOne, uint2, kTile, Q8Tile::kScales> scales;

    __device__ void load(int j, UnitAt at) {
        if (j < at.tiles)
#pragma unroll
            for (int block = 0; block < 2; ++block)
                q[2 * j + block] = load_weights(at.p + j * kTile + block * 512 + 16 * at.lane);
    }
    __device__ void load_rest(UnitAt at) { scales.load_rest(at); }
    __device__ void fragment(int s, Fragment& a) const {
#pragma unroll
        for (int f = 0; f < 4; ++f)
            a[f] = word_of(q[s], f);
    }
    __device__ float scale(int u, int sb) const {
        return half_of(u == 0 ? scales.of(sb).x : scales.of(sb).y, sb % 2);
    }
};

/// Nibbles with one half a block.
template <bool kOne, int kTile>
struct NibbleUnit : PlainUnit {
    NibblePlane<kTile> q;
    TileScales<kOne, uint2, kTile, Q4Tile::kScales> scales;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) { scales.load_rest(at); }
    __device__ float scale(int u, int sb) const {
        return half_of(u == 0 ? scales.of(sb).x : scales.of(sb).y, sb % 2);
    }
};

template <bool kOne>
struct WeightUnit<BlockType::Q4_0, kOne> : NibbleUnit<kOne, tile_group(BlockType::Q4_0).bytes> {
    static constexpr int kOffset = 8;
    __device__ void fragment(int s, Fragment& a) const { this->q.nibbles(s, a); }
};
template <bool kOne>
struct WeightUnit<BlockType::IQ4_NL, kOne> : NibbleUnit<kOne, tile_group(BlockType::IQ4_NL).bytes> {
    __device__ void fragment(int s, Fragment& a) const { this->q.template levels<kLevels4>(s, a); }
};

template <bool kOne>
struct WeightUnit<BlockType::MXFP4, kOne> : PlainUnit {
    static constexpr int kTile = tile_group(BlockType::MXFP4).bytes;
    NibblePlane<kTile> q;
    TileScales<kOne, std::uint32_t, kTile, Q4Tile::kScales> scales;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) { scales.load_rest(at); }
    __device__ void fragment(int s, Fragment& a) const { q.template levels<kLevelsE2M1>(s, a); }
    __device__ float scale(int u, int sb) const { // as mxfp4_scale()
        const std::uint32_t e = scales.of(sb) >> (16 * u + sb % 2 * 8) & 0xffu;
        return bits_float(e < 2 ? 0x00200000u << e : (e - 1u) << 23);
    }
};

/// Scales and minima of Q4_1 and Q5_1: [scale or minimum][upper][block].
template <bool kOne, int kTile, int kScales>
struct AffineScales {
    TileScales<kOne, uint4, kTile, kScales> v;
    __device__ void load_rest(UnitAt at) { v.load_rest(at); }
    __device__ float scale(int u, int sb) const { return half_of(word_of(v.of(sb), u), sb % 2); }
    __device__ float min(int u, int sb) const { return half_of(word_of(v.of(sb), 2 + u), sb % 2); }
};

template <bool kOne>
struct WeightUnit<BlockType::Q4_1, kOne> : PlainUnit {
    static constexpr bool kMin = true;
    static constexpr int kTile = tile_group(BlockType::Q4_1).bytes;
    NibblePlane<kTile> q;
    AffineScales<kOne, kTile, Q4Tile::kScales> scales;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) { scales.load_rest(at); }
    __device__ void fragment(int s, Fragment& a) const { q.nibbles(s, a); }
    __device__ float scale(int u, int sb) const { return scales.scale(u, sb); }
    __device__ float min(int u, int sb) const { return scales.min(u, sb); }
};

/// Q5_0's and Q5_1's nibbles and fifth bits.
template <int kTile>
struct FiveBitPlane {
    NibblePlane<kTile> q;
    std::uint32_t high[4];

    __device__ void load(int j, UnitAt at) {
        q.load(j, at);
        if (j < at.tiles)
            high[j] = load_scales<std::uint32_t>(at.p + j * kTile + Q5Tile::kBits + 4 * at.lane);
    }
    __device__ void fragment(int s, Fragment& a) const {
        q.nibbles(s, a);
#pragma unroll
        for (int f = 0; f < 4; ++f)
            a[f] |= move_bits(high[s / 2], s % 2 * 4 + f, 4) & 0x10101010u;
    }
};

template <bool kOne>
struct WeightUnit<BlockType::Q5_0, kOne> : PlainUnit {
    static constexpr int kOffset = 16, kTile = tile_group(BlockType::Q5_0).bytes;
    FiveBitPlane<kTile> q;
    TileScales<kOne, uint2, kTile, Q5Tile::kScales> scales;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) { scales.load_rest(at); }
    __device__ void fragment(int s, Fragment& a) const { q.fragment(s, a); }
    __device__ float scale(int u, int sb) const {
        return half_of(u == 0 ? scales.of(sb).x : scales.of(sb).y, sb % 2);
    }
};

template <bool kOne>
struct WeightUnit<BlockType::Q5_1, kOne> : PlainUnit {
    static constexpr bool kMin = true;
    static constexpr int kTile = tile_group(BlockType::Q5_1).bytes;
    FiveBitPlane<kTile> q;
    AffineScales<kOne, kTile, Q5Tile::kScales> scales;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) { scales.load_rest(at); }
    __device__ void fragment(int s, Fragment& a) const { q.fragment(s, a); }
    __device__ float scale(int u, int sb) const { return scales.scale(u, sb); }
    __device__ float min(int u, int sb) const { return scales.min(u, sb); }
};

/// Scale and minimum of Q4_K's and Q5_K's blocks.
template <bool kOne, class Tile>
struct AffineKScales {
    SixBitScales<kOne, Tile::kWords, Tile::kHalves> six;
    SuperScales<uint2, Tile::kD> d;

    __device__ void load_rest(UnitAt at) {
        six.load_rest(at);
        d.load_rest(at);
    }
    __device__ float scale(int u, int sb) const {
        return multiply_rounded(low_half(u == 0 ? d.v.x : d.v.y), six.value(u, sb, 0));
    }
    __device__ float min(int u, int sb) const {
        return multiply_rounded(-high_half(u == 0 ? d.v.x : d.v.y), six.value(u, sb, 1));
    }
};

template <bool kOne>
struct WeightUnit<BlockType::Q4_K, kOne> : PlainUnit {
    static constexpr bool kMin = true;
    NibblePlane<kSuperTile> q;
    AffineKScales<kOne, Q4KTile> scales;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) { scales.load_rest(at); }
    __device__ void fragment(int s, Fragment& a) const { q.nibbles(s, a); }
    __device__ float scale(int u, int sb) const { return scales.scale(u, sb); }
    __device__ float min(int u, int sb) const { return scales.min(u, sb); }
};

template <bool kOne>
struct WeightUnit<BlockType::Q5_K, kOne> : PlainUnit {
    static constexpr bool kMin = true;
    NibblePlane<kSuperTile> q;
    BitPlane<Q5KTile::kBits> high;
    AffineKScales<kOne, Q5KTile> scales;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) {
        high.load_rest(at);
        scales.load_rest(at);
    }
    __device__ void fragment(int s, Fragment& a) const {
        q.nibbles(s, a);
#pragma unroll
        for (int f = 0; f < 4; ++f)
            a[f] |= high.bits(s, f, 4);
    }
    __device__ float scale(int u, int sb) const { return scales.scale(u, sb); }
    __device__ float min(int u, int sb) const { return scales.min(u, sb); }
};

template <bool kOne>
struct WeightUnit<BlockType::IQ4_XS, kOne> : PlainUnit {
    NibblePlane<kSuperTile> q;
    LaneScales<kOne, std::uint16_t, uint2, IQ4XSTile::kHalves> low;
    LaneScales<kOne, std::uint8_t, std::uint32_t, IQ4XSTile::kBytes> high;
    SuperScales<std::uint32_t, IQ4XSTile::kD> d;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) {
        low.load_rest(at);
        high.load_rest(at);
        d.load_rest(at);
    }
    __device__ void fragment(int s, Fragment& a) const { q.template levels<kLevels4>(s, a); }
    __device__ float scale(int u, int sb) const {
        const std::uint32_t bits = low.of(sb) | static_cast<std::uint32_t>(high.of(sb)) << 16;
        const float six = small_to_float(bits >> (12 * u + sb % 2 * 6) & 63u);
        return multiply_rounded(half_of(d.v, u), add_rounded(six, -32.0f));
    }
};

template <bool kOne>
struct WeightUnit<BlockType::Q6_K, kOne> : PlainUnit {
    static constexpr int kOffset = 32;
    static constexpr bool kHalves = true;
    NibblePlane<kSuperTile> q;
    PairPlane<Q6KTile::kPairs> high;
    HalfScales<kOne, Q6KTile::kScales> scales;
    SuperScales<std::uint32_t, Q6KTile::kD> d;

    __device__ void load(int j, UnitAt at) {
        q.load(j, at);
        high.load(j, at);
    }
    __device__ void load_rest(UnitAt at) {
        scales.load_rest(at);
        d.load_rest(at);
    }
    __device__ void fragment(int s, Fragment& a) const {
        q.nibbles(s, a);
#pragma unroll
        for (int f = 0; f < 4; ++f)
            a[f] |= high.pairs(s, f, 4);
    }
    __device__ float scale(int u, int) const { return half_of(d.v, u); }
    __device__ float half_scale(int u, int sb, int half) const {
        // A signed byte, as a whole number above 0.
        return add_rounded(small_to_float(scales.byte(u, sb, half) ^ 0x80u), -128.0f);
    }
};

template <bool kOne>
struct WeightUnit<BlockType::Q3_K, kOne> : PlainUnit {
    static constexpr int kOffset = 4;
    static constexpr bool kHalves = true;
    PairPlane<0> q;
    BitPlane<Q3KTile::kBits> high;
    SixBitScales<kOne, Q3KTile::kWords, Q3KTile::kHalves> scales;
    SuperScales<std::uint32_t, Q3KTile::kD> d;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) {
        high.load_rest(at);
        scales.load_rest(at);
        d.load_rest(at);
    }
    __device__ void fragment(int s, Fragment& a) const {
#pragma unroll
        for (int f = 0; f < 4; ++f)
            a[f] = q.pairs(s, f, 0) | high.bits(s, f, 2);
    }
    __device__ float scale(int u, int) const { return half_of(d.v, u); }
    __device__ float half_scale(int u, int sb, int half) const {
        return add_rounded(scales.value(u, sb, half), -32.0f);
    }
};

template <bool kOne>
struct WeightUnit<BlockType::Q2_K, kOne> : PlainUnit {
    static constexpr bool kHalves = true, kMin = true;
    PairPlane<0> q;
    HalfScales<kOne, Q2KTile::kScales> scales;
    SuperScales<uint2, Q2KTile::kD> d;

    __device__ void load(int j, UnitAt at) { q.load(j, at); }
    __device__ void load_rest(UnitAt at) {
        scales.load_rest(at);
        d.load_rest(at);
    }
    __device__ void fragment(int s, Fragment& a) const {
#pragma unroll
        for (int f = 0; f < 4; ++f)
            a[f] = q.pairs(s, f, 0);
    }
    __device__ float scale(int u, int) const { return low_half(u == 0 ? d.v.x : d.v.y); }
    __device__ float half_scale(int u, int sb, int half) const {
        return small_to_float(scales.byte(u, sb, half) & 15u);
    }
    __device__ float half_min(int u, int sb, int half) const {
        return multiply_rounded(-high_half(u == 0 ? d.v.x : d.v.y),
                                small_to_float(scales.byte(u, sb, half) >> 4));
    }
};

} // namespace switchyard::cuda
