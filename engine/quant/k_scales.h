// The 12 bytes in which Q4_K and Q5_K pack eight 6-bit scales and eight 6-bit minima.
#pragma once

#include <cstdint>

namespace switchyard {

struct KScale {
    int scale, min; ///< 0..63 each
};

/// Pair `j` of 0..7. Pairs 0..3 lie in the low 6 bits of bytes j (scale) and j + 4 (min); pairs 4..7 have
/// their low 4 bits in byte j + 4 and their top 2 bits above pairs 0..3.
inline KScale k_scale(const std::uint8_t* packed, int j) {
    if (j < 4) {
        return {packed[j] & 63, packed[j + 4] & 63};
    }
    return {(packed[j + 4] & 15) | (packed[j - 4] >> 6) << 4, packed[j + 4] >> 4 | (packed[j] >> 6) << 4};
}

/// Packs pair `j`; call with j = 0..7 in order on zeroed bytes.
inline void set_k_scale(std::uint8_t* packed, int j, KScale s) {
    if (j < 4) {
        packed[j] = static_cast<std::uint8_t>(s.scale);
        packed[j + 4] = static_cast<std::uint8_t>(s.min);
        return;
    }
    packed[j + 4] = static_cast<std::uint8_t>((s.scale & 15) | (s.min & 15) << 4);
    packed[j - 4] = static_cast<std::uint8_t>(packed[j - 4] | (s.scale >> 4) << 6);
    packed[j] = static_cast<std::uint8_t>(packed[j] | (s.min >> 4) << 6);
}

} // namespace switchyard
