// How packed weights lie in memory. A panel is 8 rows; along the columns it is a sequence of the structs
// below (32 or 256 columns each). Quantized values stand in groups of 4 columns: group g of a row is the 4
// bytes [row] of vector g, so a 32-byte vector is 8 rows x 4 columns and a 32-bit lane is a row.
//
// A new block type gets: its struct here, pack() and decode() in panel_blocks.h, and its unpacking in
// formats.h.
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
/// 256 columns: Q4_K's layout with Q5_1's fifth bits.
struct PanelQ5_K {
    Half d[kPanelRows], m[kPanelRows];
    struct Sub {
        PanelNibbles q;
        std::uint8_t high[kPanelRows][4];
        std::uint8_t scale[kPanelRows], min[kPanelRows];
    } sub[8];
};
/// Bits 2 i, 2 i + 1 of pairs[h][row][j] are bits 0, 1 of column 4 (4 h + i) + j.
using PanelPairs = std::uint8_t[2][kPanelRows][4];

/// 256 columns. Bit g of high[row][j] is bit 2 of column 4 g + j; one scale per 16 columns.
struct PanelQ3_K {
    Half d[kPanelRows];
    struct Sub {
        PanelPairs q;
        std::uint8_t high[kPanelRows][4];
        std::int8_t scale[2][kPanelRows];
    } sub[8];
};
/// 256 columns; one scale (low half) and minimum (high half) per 16 columns.
struct PanelQ2_K {
    Half d[kPanelRows], m[kPanelRows];
    struct Sub {
        PanelPairs q;
        std::uint8_t scale_min[2][kPanelRows];
    } sub[8];
};
/// 256 columns of nibbles that stand for levels.
struct PanelIQ4_XS {
    Half d[kPanelRows];
    struct Sub {
        PanelNibbles q;
        std::int8_t scale[kPanelRows];
    } sub[8];
};
/// 64 columns as E4M3, a float type: [column][row].
struct PanelFP8 {
    float scale[kPanelRows]; ///< NaN where a value is
    std::uint8_t q[64][kPanelRows];
};
struct PanelIQ4_NL { // nibbles that stand for levels
    PanelNibbles q;
    Half d[kPanelRows];
};
/// Nibbles that stand for levels; e as in the file.
struct PanelMXFP4 {
    PanelNibbles q;
    std::uint8_t e[kPanelRows];
};
static_assert(sizeof(PanelQ8_0) == 272 && sizeof(PanelQ4_0) == 144 && sizeof(PanelQ4_1) == 160);
static_assert(sizeof(PanelQ5_0) == 176 && sizeof(PanelQ5_1) == 192);
static_assert(sizeof(PanelQ4_K) == 1184 && sizeof(PanelQ6_K) == 1680);
static_assert(sizeof(PanelQ5_K) == 1440 && sizeof(PanelQ3_K) == 912 && sizeof(PanelQ2_K) == 672);
static_assert(sizeof(PanelIQ4_XS) == 1104 && sizeof(PanelMXFP4) == 136 && sizeof(PanelFP8) == 544);

/// Columns and bytes of a panel's struct; F32, F16 and BF16 panels are [column][row].
struct PanelShape {
    int values;
    int bytes;
};
PanelShape panel_shape(BlockType type);

/// Bytes of one panel of `cols` columns.
std::size_t panel_bytes(BlockType type, std::int64_t cols);

/// 32 columns of one row: value i = d * scale[i / 16] * q[i] + m[i / 16].
struct DecodedBlock {
    std::int32_t q[32];
    bool
        halves; ///< each 16 columns have a scale and a minimum of their own; else scale is 1 and m[0] for all
    bool whole; ///< scales are whole numbers, sums of integers with them are below 2^31, and m adds nothing
    float d;
    float scale[2], m[2];
};

/// Where a row's values are: row `row` (0..7) of a panel, or row 0 of the file's blocks for streamed types.
struct PanelRow {
    const std::byte* panel;
    int row;
};
PanelRow panel_row(const PackedMatrix& matrix, std::int64_t row);

/// Columns [32 block, 32 block + 32) of a row that panel_row() found. PRECOND: a type of integers.
void decode_block(BlockType type, const std::byte* panel, std::int64_t block, int row, DecodedBlock& out);

/// Column `k` of a row of an F32, F16, BF16 or FP8 matrix.
float decode_float(BlockType type, const std::byte* panel, std::int64_t k, int row);

} // namespace switchyard::cpu
