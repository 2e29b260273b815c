// Floats as unsigned numbers of the same order, so that a warp's largest is one operation.
#pragma once

#include "kernels/cuda/device_code.h"

#include <limits>

namespace switchyard::cuda {

/// Unsigned numbers in the order of the floats, zeros alike. 0 is nobody's, and what is no number comes
/// before all that are.
__device__ inline std::uint32_t ranked(float x) {
    const std::uint32_t bits = float_bits(x + 0.0f);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return 1;
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}
/// Back; not of 0 and 1.
__device__ inline float ranked_value(std::uint32_t rank) {
    return bits_float(rank & 0x80000000u ? rank & 0x7fffffffu : ~rank);
}
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();
inline constexpr std::uint32_t kRankOfMinusInfinity = 0x007fffffu;

} // namespace switchyard::cuda
