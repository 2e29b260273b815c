// Packing and decoding of one block of each packed type, for panels.cpp.
#pragma once

#include "kernels/cpu/panels.h"

#include <cstdint>
#include <cstring>

namespace switchyard::cpu {

/// Puts a row's block into row `row` (0..7) of a panel's struct.
void pack(const BlockQ8_0& block, int row, PanelQ8_0& out);
void pack(const BlockQ4_0& block, int row, PanelQ4_0& out);
void pack(const BlockQ4_1& block, int row, PanelQ4_1& out);
void pack(const BlockQ5_0& block, int row, PanelQ5_0& out);
void pack(const BlockQ5_1& block, int row, PanelQ5_1& out);
void pack(const BlockIQ4_NL& block, int row, PanelIQ4_NL& out);
void pack(const BlockMXFP4& block, int row, PanelMXFP4& out);
void pack(const BlockFP8& block, int row, PanelFP8& out);
void pack(const BlockQ4_K& block, int row, PanelQ4_K& out);
void pack(const BlockQ5_K& block, int row, PanelQ5_K& out);
void pack(const BlockQ6_K& block, int row, PanelQ6_K& out);
void pack(const BlockQ3_K& block, int row, PanelQ3_K& out);
void pack(const BlockQ2_K& block, int row, PanelQ2_K& out);
void pack(const BlockIQ4_XS& block, int row, PanelIQ4_XS& out);

/// Columns [32 sub, 32 sub + 32) of row `row` of a panel's struct. `out` holds what decode_block() presets.
void decode(const PanelQ8_0& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ4_0& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ4_1& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ5_0& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ5_1& p, int sub, int row, DecodedBlock& out);
void decode(const PanelIQ4_NL& p, int sub, int row, DecodedBlock& out);
void decode(const PanelMXFP4& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ4_K& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ5_K& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ6_K& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ3_K& p, int sub, int row, DecodedBlock& out);
void decode(const PanelQ2_K& p, int sub, int row, DecodedBlock& out);
void decode(const PanelIQ4_XS& p, int sub, int row, DecodedBlock& out);

// Values are moved in groups of four, a byte each: the bytes of a word, none of which reaches another.

inline std::uint32_t load_group(const void* from) {
    std::uint32_t group;
    std::memcpy(&group, from, sizeof group);
    return group;
}
inline void store_group(std::uint32_t group, void* to) { std::memcpy(to, &group, sizeof group); }

/// Bits `shift` .. `shift` + kBits - 1 of each byte.
template <int kBits>
std::uint32_t bits_of(std::uint32_t group, int shift) {
    return group >> shift & 0x01010101u * ((1u << kBits) - 1);
}

/// Column i of 32 in nibbles.
inline int nibble(const PanelNibbles& q, int row, int i) {
    return q[i / 4 % 4][row][i % 4] >> (i / 16 * 4) & 15;
}

/// To nibbles, of 32 bytes, the values at bits `shift` .. `shift` + 3.
inline void pack_values(const std::uint8_t* bytes, int shift, int row, PanelNibbles& out) {
    for (int v = 0; v < 4; ++v) {
        const std::uint32_t low = bits_of<4>(load_group(bytes + 4 * v), shift);
        const std::uint32_t high = bits_of<4>(load_group(bytes + 16 + 4 * v), shift);
        store_group(low | high << 4, out[v][row]);
    }
}

/// A bit of each of 32 columns: bit g of bits[row][j] is that of column 4 g + j.
using PanelBits = std::uint8_t[kPanelRows][4];

inline int bit(const PanelBits& bits, int row, int i) { return bits[row][i % 4] >> (i / 4) & 1; }

/// `group(g)`: bytes of 0 or 1, those of columns 4 g .. 4 g + 3.
template <class Group>
void pack_bits(const Group& group, int row, PanelBits& out) {
    std::uint32_t bits = 0;
    for (int g = 0; g < 8; ++g) {
        bits |= group(g) << g;
    }
    store_group(bits, out[row]);
}

} // namespace switchyard::cpu
