// Keys and values of the cache as fragments of mma_half, 32 dimensions or values at a time. A warp's lane is
// 4g + t as in mma_half.
#pragma once

#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/device_code.h"

namespace switchyard::cuda {

struct alignas(16) FragmentWords {
    std::uint32_t word[4];
};
struct alignas(8) TwoWords {
    std::uint32_t word[2];
};

/// A number of 4 or 8 bits as an F16 number: 1024 + q, less what makes it signed.
inline constexpr std::uint32_t kHalf1024 = 0x64006400, kHalf1032 = 0x64086408, kHalf1152 = 0x64806480;

__device__ inline std::uint32_t biased_bytes_to_halves(std::uint32_t bytes, std::uint32_t selector) {
    return subtract_halves(permute_bytes(bytes, kHalf1024 | kHalf1024 >> 8, selector), kHalf1152);
}
__device__ inline std::uint32_t nibbles_to_halves(std::uint32_t word, int shift) {
    return subtract_halves((word >> shift & 0x000f000fu) | kHalf1024, kHalf1032);
}

/// Dimensions 8t .. 8t + 7 of a key's 32 at `from`: a pair of F16 numbers a word, for two products.
template <CacheType kType>
__device__ inline FragmentWords key_words(const std::byte* from, int t) {
    FragmentWords b;
    if constexpr (kType == CacheType::F16) {
        b = reinterpret_cast<const FragmentWords*>(from)[t];
    } else if constexpr (kType == CacheType::Q4_0) {
        const std::uint32_t q = reinterpret_cast<const std::uint32_t*>(from)[t];
        for (int i = 0; i < 4; ++i)
            b.word[i] = nibbles_to_halves(q, 4 * i);
    } else {
        const TwoWords q = reinterpret_cast<const TwoWords*>(from)[t];
        for (int i = 0; i < 2; ++i) {
            if constexpr (kType == CacheType::Q8_0) {
                const std::uint32_t biased = q.word[i] ^ 0x80808080u;
                b.word[2 * i] = biased_bytes_to_halves(biased, 0x4140);
                b.word[2 * i + 1] = biased_bytes_to_halves(biased, 0x4342);
            } else {
                b.word[2 * i] = e4m3_to_halves(q.word[i] & 0xffffu);
                b.word[2 * i + 1] = e4m3_to_halves(q.word[i] >> 16);
            }
        }
    }
    return b;
}

/// Values 4g .. 4g + 3 of a token's 32 at `from`, as they are stored.
template <CacheType kType>
__device__ inline TwoWords value_words(const std::byte* from, int g) {
    if constexpr (kType == CacheType::F16)
        return reinterpret_cast<const TwoWords*>(from)[g];
    else if constexpr (kType == CacheType::Q4_0)
        return {{reinterpret_cast<const std::uint32_t*>(from)[g / 2] >> (g % 2 * 8), 0}};
    else
        return {{reinterpret_cast<const std::uint32_t*>(from)[g], 0}};
}

/// Value j of two tokens, as a pair of F16 numbers.
template <CacheType kType>
__device__ inline std::uint32_t value_pair(const TwoWords& a, const TwoWords& b, int j) {
    if constexpr (kType == CacheType::F16)
        return permute_bytes(a.word[j / 2], b.word[j / 2], j % 2 ? 0x7632 : 0x5410);
    if constexpr (kType == CacheType::Q4_0)
        return nibbles_to_halves(permute_bytes(a.word[0], b.word[0], j % 2 ? 0x7632 : 0x5410), j / 2 * 4);
    const std::uint32_t two =
        permute_bytes(a.word[0], b.word[0], static_cast<std::uint32_t>(j | (4 + j) << 4));
    if constexpr (kType == CacheType::Q8_0)
        return biased_bytes_to_halves(two ^ 0x8080u, 0x4140);
    return e4m3_to_halves(two & 0xffffu);
}

/// x as first + second in F16 numbers, two at a time.
struct HalfPairs {
    std::uint32_t first, second;
};
__device__ inline HalfPairs split_halves(float x, float y) {
    const std::uint32_t first = pack_halves(x, y);
    const float x_rest = x - half_to_float(static_cast<std::uint16_t>(first));
    const float y_rest = y - half_to_float(static_cast<std::uint16_t>(first >> 16));
    return {first, pack_halves(x_rest, y_rest)};
}

} // namespace switchyard::cuda
