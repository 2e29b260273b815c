// Conversions between float and the two 16-bit formats, without branches: loops of them become vectors.
#pragma once

#include "kernels/cpu/half.h"

#include <bit>
#include <cstdint>

namespace switchyard {

inline float half_to_float(Half h) { return cpu::half_value(h); }

/// Rounds to nearest even; of NaN the top of the payload stays, made quiet.
inline Half float_to_half(float f) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(f), magnitude = bits & 0x7fffffffu;
    const std::uint32_t nan = 0x7e00u | (magnitude >> 13 & 0x3ffu);
    // Below 2^-14 adding 0.5 lets the float unit round to multiples of 2^-24.
    const std::uint32_t small =
        std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000u;
    const std::uint32_t usual = (magnitude - (112u << 23) + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    const std::uint32_t half = magnitude > 0x7f800000u    ? nan
                               : magnitude >= 0x477ff000u ? 0x7c00u // 65520 and above round to infinity
                               : magnitude < 0x38800000u  ? small
                                                          : usual;
    return static_cast<Half>((bits >> 16 & 0x8000u) | half);
}

inline float bf16_to_float(std::uint16_t b) { return cpu::bf16_value(b); }

/// Rounds to nearest even, keeps NaN.
inline std::uint16_t float_to_bf16(float f) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(f);
    const std::uint32_t nan = bits >> 16 | 0x40u, usual = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    return static_cast<std::uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? nan : usual);
}

} // namespace switchyard
