// The 12 bytes in which Q4_K and Q5_K pack eight 6-bit scales and eight 6-bit minima, and Q3_K sixteen 6-bit
// scales.
#pragma once

#include "kernels/anywhere.h"

#include <cstdint>

namespace switchyard {

struct KScale {
    int scale, min; ///< 0..63 each
};

/// Pair `j` of 0..7. Pairs 0..3 lie in the low 6 bits of bytes j (scale) and j + 4 (min); pairs 4..7 have
/// their low 4 bits in byte j + 4 and their top 2 bits above pairs 0..3.
SWITCHYARD_ANYWHERE inline KScale k_scale(const std::uint8_t* packed, int j) {
    if (j < 4) {
        return {packed[j] & 63, packed[j + 4] & 63};
    }
    return {(packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4, packed[j + 4] >> 4 | (packed[j] >> 6) << 4};
}

/// Packs pair `j`; call with j = 0..7 in order on zeroed bytes.
SWITCHYARD_ANYWHERE inline void set_k_scale(std::uint8_t* packed, int j, KScale s) {
    if (j < 4) {
        packed[j] = static_cast<std::uint8_t>(s.scale);
        packed[j + 4] = static_cast<std::uint8_t>(s.min);
        return;
    }
    packed[j + 4] = static_cast<std::uint8_t>((s.scale & 15) | (s.min & 15) << 4);
    packed[j - 4] = static_cast<std::uint8_t>(packed[j - 4] | (s.scale >> 4) << 6);
    packed[j] = static_cast<std::uint8_t>(packed[j] | (s.min >> 4) << 6);
}

/// Scale `j` of 0..15 of Q3_K, 0..63: low 4 bits as nibbles of bytes 0..7, top 2 bits in bytes 8..11.
SWITCHYARD_ANYWHERE inline int q3_scale(const std::uint8_t* packed, int j) {
    return (packed[j % 8] >> (j / 8 * 4) & 15) | (packed[8 + j % 4] >> (j / 4 * 2) & 3) << 4;
}

/// Packs scale `j` on zeroed bytes.
SWITCHYARD_ANYWHERE inline void set_q3_scale(std::uint8_t* packed, int j, int scale) {
    packed[j % 8] = static_cast<std::uint8_t>(packed[j % 8] | (scale & 15) << (j / 8 * 4));
    packed[8 + j % 4] = static_cast<std::uint8_t>(packed[8 + j % 4] | (scale >> 4) << (j / 4 * 2));
}

} // namespace switchyard
