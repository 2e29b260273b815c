// Packing and decoding of one block of each packed type, for panels.cpp.
#pragma once

#include "kernels/cpu/panels.h"

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

/// Column i of 32 in nibbles.
inline int nibble(const PanelNibbles& q, int row, int i) {
    return q[i / 4 % 4][row][i % 4] >> (i / 16 * 4) & 15;
}

/// 32 values below 16 to nibbles.
inline void pack_values(const std::uint8_t* values, int row, PanelNibbles& out) {
    for (int v = 0; v < 4; ++v) {
        for (int j = 0; j < 4; ++j) {
            out[v][row][j] = static_cast<std::uint8_t>(values[4 * v + j] | values[16 + 4 * v + j] << 4);
        }
    }
}

/// A bit of each of 32 columns: bit g of bits[row][j] is that of column 4 g + j.
using PanelBits = std::uint8_t[kPanelRows][4];

inline int bit(const PanelBits& bits, int row, int i) { return bits[row][i % 4] >> (i / 4) & 1; }

/// `value_bit(i)` is the bit of column i.
template <class ValueBit>
void pack_bits(const ValueBit& value_bit, int row, PanelBits& out) {
    for (int j = 0; j < 4; ++j) {
        out[row][j] = 0;
    }
    for (int i = 0; i < 32; ++i) {
        out[row][i % 4] |= static_cast<std::uint8_t>((value_bit(i) & 1) << (i / 4));
    }
}

} // namespace switchyard::cpu
