// How packed weights lie in memory. A panel is 8 rows; along the columns it is a sequence of the structs
// below (32 or 256 columns each). Quantized values stand in groups of 4 columns: group g of a row is the 4
// bytes [row] of vector g, so a 32-byte vector is 8 rows x 4 columns and a 32-bit lane is a row.
//
// A new block type gets: its struct here, pack() and decode() in panels.cpp, and its unpacking in formats.h.
#pragma once

#include "kernels/blocks.h"
#include "kernels/cpu/kernels.h"

#include <cstdint>

namespace switchyard::cpu {

/// Nibbles of 32 columns: vector v holds group v in its low halves and group v + 4 in its high halves.
using PanelNibbles = std::uint8_t[4][kPanelRows][4];

struct PanelQ8_0 {
    std::int8_t q[8][kPanelRows][4];
    Half d[kPanelRows];
};
struct PanelQ4_0 {
    PanelNibbles q;
    Half d[kPanelRows];
};
struct PanelQ4_1 {
    PanelNibbles q;
    Half d[kPanelRows], m[kPanelRows];
};
/// Bit g of high[row][j] is bit 4 of column 4 g + j.
struct PanelQ5_0 {
    PanelNibbles q;
    std::uint8_t high[kPanelRows][4];
    Half d[kPanelRows];
};
struct PanelQ5_1 {
    PanelNibbles q;
    std::uint8_t high[kPanelRows][4];
    Half d[kPanelRows], m[kPanelRows];
};
/// 256 columns; scales and mins as bytes: value = d * scale * q - m * min.
struct PanelQ4_K {
    Half d[kPanelRows], m[kPanelRows];
    struct Sub {
        PanelNibbles q;
        std::uint8_t scale[kPanelRows], min[kPanelRows];
    } sub[8];
};
/// 256 columns. Bits 2 i, 2 i + 1 of high[h][row][j] are bits 4, 5 of column 4 (4 h + i) + j; one scale per
/// 16 columns.
struct PanelQ6_K {
    Half d[kPanelRows];
    struct Sub {
        PanelNibbles q;
        std::uint8_t high[2][kPanelRows][4];
        std::int8_t scale[2][kPanelRows];
    } sub[8];
};
static_assert(sizeof(PanelQ8_0) == 272 && sizeof(PanelQ4_0) == 144 && sizeof(PanelQ4_1) == 160);
static_assert(sizeof(PanelQ5_0) == 176 && sizeof(PanelQ5_1) == 192);
static_assert(sizeof(PanelQ4_K) == 1184 && sizeof(PanelQ6_K) == 1680);

/// Columns and bytes of a panel's struct; F32, F16 and BF16 panels are [column][row].
struct PanelShape {
    int values;
    int bytes;
};
PanelShape panel_shape(BlockType type);

/// Bytes of one panel of `cols` columns.
std::size_t panel_bytes(BlockType type, std::int64_t cols);

/// 32 columns of one row: value i = d * scale[i / 16] * q[i] + m.
struct DecodedBlock {
    std::int32_t q[32];
    float d, m;
    bool halves; ///< a scale of its own for each 16 columns; else scale is 1
    float scale[2];
};

/// Columns [32 block, 32 block + 32) of row `row` (0..7) of the panel at `panel`. PRECOND: a type of
/// integers.
void decode_block(BlockType type, const std::byte* panel, std::int64_t block, int row, DecodedBlock& out);

/// Column `k` of row `row` of an F32, F16 or BF16 panel.
float decode_float(BlockType type, const std::byte* panel, std::int64_t k, int row);

} // namespace switchyard::cpu
