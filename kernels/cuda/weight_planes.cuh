// What quantized weights are made of in a warp's registers: planes of values and scales of a unit of 256
// columns, read by 16-byte vectors and given as fragments of 8-bit integers. See weight_units.cuh.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

inline constexpr int kSuperTile = 512; ///< from tile to tile of a K type's nibbles

/// Where a unit lies, how many tiles of 64 columns it has (fewer than 4 at a row's end, 0 for none), and the
/// lane that reads it.
struct UnitAt {
    const std::uint8_t* p = nullptr;
    int tiles = 0;
    int lane = 0;

    /// Whether it has tile j. K types have all four or nothing.
    template <int kTileBytes>
    __device__ bool has(int j) const {
        return kTileBytes == kSuperTile ? tiles > 0 : j < tiles;
    }
};

using Fragment = std::uint32_t[4];

/// A whole number below 2^23, without the slow conversion.
__device__ inline float small_to_float(std::uint32_t x) {
    return add_rounded(bits_float(x | 0x4b000000u), -8388608.0f);
}
__device__ inline float low_half(std::uint32_t word) {
    return half_to_float(static_cast<std::uint16_t>(word));
}
__device__ inline float high_half(std::uint32_t word) {
    return half_to_float(static_cast<std::uint16_t>(word >> 16));
}
__device__ inline float half_of(std::uint32_t word, int which) {
    return which == 0 ? low_half(word) : high_half(word);
}
__device__ inline std::uint32_t word_of(const uint4& v, int i) {
    return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w;
}
/// Moves bit `from` of each byte to bit `to`; the others are anything.
__device__ inline std::uint32_t move_bits(std::uint32_t word, int from, int to) {
    return from < to ? word << (to - from) : word >> (from - to);
}

// ---- Planes of values

/// Nibbles, kStride bytes from the vector of one tile to the next one's.
template <int kStride>
struct NibblePlane {
    uint4 q[4];

    __device__ void load(int j, UnitAt at) {
        if (at.has<kStride>(j))
            q[j] = load_weights(at.p + j * kStride + 16 * at.lane);
    }
    __device__ std::uint32_t word(int s, int upper) const { return word_of(q[s / 2], s % 2 * 2 + upper); }
    __device__ void nibbles(int s, Fragment& a) const {
#pragma unroll
        for (int upper = 0; upper < 2; ++upper) {
            a[upper] = word(s, upper) & 0x0f0f0f0fu;
            a[upper + 2] = word(s, upper) >> 4 & 0x0f0f0f0fu;
        }
    }
    /// What four levels the nibbles stand for.
    template <const std::int8_t (&kTable)[16]>
    __device__ void levels(int s, Fragment& a) const {
#pragma unroll
        for (int upper = 0; upper < 2; ++upper) {
            const std::uint32_t w = word(s, upper), index = w & 0x77777777u;
            const std::uint32_t which = (w >> 1 & 0x44444444u) | 0x32103210u;
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const std::uint32_t at = index >> (16 * half);
                const std::uint32_t low = permute_bytes(level_word<kTable, 0>, level_word<kTable, 1>, at);
                const std::uint32_t high = permute_bytes(level_word<kTable, 2>, level_word<kTable, 3>, at);
                a[upper + 2 * half] = permute_bytes(low, high, which >> (16 * half));
            }
        }
    }
};

/// Two bits a value at kOffset of a K type's group.
template <int kOffset>
struct PairPlane {
    uint4 q[2];

    __device__ void load(int j, UnitAt at) { // with the second tile of the two that share a vector
        if (j % 2 == 1 && at.tiles > 0)
            q[j / 2] = load_weights(at.p + kOffset + j / 2 * 512 + 16 * at.lane);
    }
    /// Those of fragment word f, from bit `to` on in each byte.
    __device__ std::uint32_t pairs(int s, int f, int to) const {
        return move_bits(word_of(q[s / 4], s % 4), 2 * f, to) & (0x03030303u << to);
    }
};

/// A bit a value at kOffset of a K type's group.
template <int kOffset>
struct BitPlane {
    uint4 q;

    __device__ void load_rest(UnitAt at) {
        if (at.tiles > 0)
            q = load_weights(at.p + kOffset + 16 * at.lane);
    }
    __device__ std::uint32_t bits(int s, int f, int to) const {
        return move_bits(word_of(q, s / 2), s % 2 * 4 + f, to) & (0x01010101u << to);
    }
};

// ---- Scales

/// One entry a tile, T at kOffset + g * sizeof(T): the lane's own tile, or all four.
template <bool kOne, typename T, int kStride, int kOffset>
struct TileScales {
    T v[kOne ? 1 : 4];

    __device__ void load_rest(UnitAt at) {
        const std::uint8_t* p = at.p + kOffset + at.lane / 4 * static_cast<int>(sizeof(T));
        if constexpr (kOne) {
            if (at.lane % 4 < at.tiles)
                v[0] = load_scales<T>(p + at.lane % 4 * kStride);
        } else {
#pragma unroll
            for (int j = 0; j < 4; ++j)
                if (j < at.tiles)
                    v[j] = load_scales<T>(p + j * kStride);
        }
    }
    __device__ const T& of(int sb) const { return v[kOne ? 0 : sb / 2]; }
};

/// One entry for each t at kOffset + (4 g + t) * sizeof(Word): the lane's own, or all four as one Vector.
template <bool kOne, typename Word, typename Vector, int kOffset>
struct LaneScales {
    Word v[kOne ? 1 : 4];

    __device__ void load_rest(UnitAt at) {
        constexpr int kBytes = static_cast<int>(sizeof(Word));
        if (at.tiles == 0)
            return;
        if constexpr (kOne) {
            v[0] = load_scales<Word>(at.p + kOffset + at.lane * kBytes);
        } else {
            const auto all = load_scales<Vector>(at.p + kOffset + at.lane / 4 * 4 * kBytes);
            split(all);
        }
    }
    __device__ Word of(int sb) const { return v[kOne ? 0 : sb / 2]; }

  private:
    __device__ void split(const uint4& all) { v[0] = all.x, v[1] = all.y, v[2] = all.z, v[3] = all.w; }
    __device__ void split(const uint2& all) {
        v[0] = static_cast<Word>(all.x), v[1] = static_cast<Word>(all.x >> 16);
        v[2] = static_cast<Word>(all.y), v[3] = static_cast<Word>(all.y >> 16);
    }
    __device__ void split(std::uint32_t all) {
#pragma unroll
        for (int i = 0; i < 4; ++i)
            v[i] = static_cast<Word>(all >> (8 * i));
    }
};

/// Eight bytes for each t, [upper] words of the scales of 16 columns each.
template <bool kOne, int kOffset>
struct HalfScales {
    uint2 v[kOne ? 1 : 4];

    __device__ void load_rest(UnitAt at) {
        if (at.tiles == 0)
            return;
        if constexpr (kOne) {
            v[0] = load_scales<uint2>(at.p + kOffset + at.lane * 8);
        } else {
            const std::uint8_t* p = at.p + kOffset + at.lane / 4 * 32;
            const uint4 first = load_scales<uint4>(p), second = load_scales<uint4>(p + 16);
            v[0] = {first.x, first.y}, v[1] = {first.z, first.w};
            v[2] = {second.x, second.y}, v[3] = {second.z, second.w};
        }
    }
    __device__ std::uint32_t byte(int u, int sb, int half) const {
        const uint2& both = v[kOne ? 0 : sb / 2];
        return (u == 0 ? both.x : both.y) >> (sb % 2 * 16 + half * 8) & 0xffu;
    }
};

/// The 6-bit scales of the K types.
template <bool kOne, int kWords, int kHalves>
struct SixBitScales {
    LaneScales<kOne, std::uint32_t, uint4, kWords> words;
    LaneScales<kOne, std::uint16_t, uint2, kHalves> halves;

    __device__ void load_rest(UnitAt at) {
        words.load_rest(at);
        halves.load_rest(at);
    }
    /// Of four, two to a block.
    __device__ float value(int u, int sb, int i) const {
        const std::uint32_t word = words.of(sb);
        const std::uint32_t bits =
            u == 0 ? word : word >> 24 | static_cast<std::uint32_t>(halves.of(sb)) << 8;
        return small_to_float(bits >> (sb % 2 * 12 + i * 6) & 63u);
    }
};

/// The scales of rows g and g + 8 of a K type: halves of one word, or of two with the minima.
template <typename T, int kOffset>
struct SuperScales {
    T v;
    __device__ void load_rest(UnitAt at) {
        if (at.tiles > 0)
            v = load_scales<T>(at.p + kOffset + at.lane / 4 * static_cast<int>(sizeof(T)));
    }
};

} // namespace switchyard::cuda
