// Narrow floats without the processor's help, for the scalar kernels and for packing.
#pragma once

#include "kernels/blocks.h"

#include <bit>
#include <cstdint>

namespace switchyard::cpu {

inline float half_value(Half h) {
    const std::uint32_t sign = std::uint32_t{h & 0x8000u} << 16;
    // Moved to a float's place the exponent is 112 too small; the product is exact, subnormals included.
    std::uint32_t bits = std::bit_cast<std::uint32_t>(std::bit_cast<float>((h & 0x7fffu) << 13) * 0x1p112f);
    if ((h & 0x7c00u) == 0x7c00u) {
        bits |= 0x7f800000u;
    }
    return std::bit_cast<float>(bits | sign);
}

/// Rounds to nearest even.
inline Half half_bits(float f) {
    const std::uint32_t bits = std::bit_cast<std::uint32_t>(f);
    const auto sign = static_cast<Half>((bits >> 16) & 0x8000u);
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) {
        return static_cast<Half>(sign | 0x7e00u);
    }
    if (magnitude >= 0x477ff000u) { // 65520 rounds to infinity
        return static_cast<Half>(sign | 0x7c00u);
    }
    if (magnitude < 0x38800000u) { // below 2^-14: adding 0.5 rounds to multiples of 2^-24, the subnormal step
        const std::uint32_t sum = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f);
        return static_cast<Half>(sign | (sum - 0x3f000000u));
    }
    const std::uint32_t rounded = magnitude + 0xfffu + ((magnitude >> 13) & 1u);
    return static_cast<Half>(sign | ((rounded >> 13) - (112u << 10)));
}

/// E4M3 without infinities (OCP 8-bit floating point, 1.0): 0x7f and 0xff are NaN, the largest value is 448.
constexpr float e4m3_value(std::uint8_t bits) {
    const std::uint32_t sign = std::uint32_t{bits & 0x80u} << 24, magnitude = bits & 0x7fu;
    if (magnitude == 0x7f) {
        return std::bit_cast<float>(sign | 0x7fc00000u);
    }
    if (magnitude < 8) { // subnormal: multiples of 2^-9
        const float value = static_cast<float>(magnitude) * 0x1p-9f;
        return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | ((magnitude << 20) + (120u << 23)));
}

inline float bf16_value(std::uint16_t b) { return std::bit_cast<float>(std::uint32_t{b} << 16); }

} // namespace switchyard::cpu
