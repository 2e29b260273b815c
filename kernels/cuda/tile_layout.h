// How a matrix lies in device memory: one layout a type, for products of any batch. A tile row is 16 rows of
// the matrix; along the columns it is a sequence of groups (of 64 columns, or a K type's 256), and a group
// holds exactly the bytes that its 16 rows have in the file. Missing rows and columns are zeros.
//
// Within a group values stand as the lanes of a warp want them for a product of 16 rows with 32 columns
// (mma_bytes in device_code.h). Column c of a block of 32 has half = c / 16, t = c % 16 / 4, i = c % 4; row r
// of the tile has g = r % 8, upper = r / 8. Lane 4 g + t reads vectors of 16 bytes, [lane][4 words]:
//   bytes        a vector a block: word upper + 2 half, byte i
//   nibbles      a vector two blocks: word 2 (block % 2) + upper, byte i, the low nibble for half 0
//   levels       nibbles that stand for levels: nibble 4 half + i of that word, so that 16 bits choose four
//   pairs        two bits a value, a vector four blocks: word block % 4, byte i, bits 2 (upper + 2 half)
//   bits         a bit a value, a word two blocks: byte i, bit 4 (block % 2) + upper + 2 half
//   halves       16-bit floats, a vector 16 columns: word upper + 2 (c / 8 % 2), value c % 2, t = c % 8 / 2
//   eighths      FP8, a vector 32 columns: the same in bytes, 8 for each 16 columns
//   floats       a vector 16 columns of 8 rows: [c / 16][upper][lane][c % 4]
// Scales follow, as one lane of a product wants them: see the offsets.
#pragma once

#include "kernels/blocks.h"
#include "kernels/cuda/step_data.h"
#include "kernels/grids.h"

#include <cstddef>
#include <cstdint>

namespace switchyard::cuda {

inline constexpr int kTileRows = 16;

SWITCHYARD_ANYWHERE constexpr int tile_rows(int rows) { return (rows + kTileRows - 1) / kTileRows; }

/// Columns and bytes of a group. 0: the type has no tiles.
struct TileGroup {
    int columns, bytes;
};

SWITCHYARD_ANYWHERE constexpr TileGroup tile_group(BlockType type) {
    switch (type) {
    case BlockType::F32:
        return {64, 4096};
    case BlockType::F16:
    case BlockType::BF16:
        return {64, 2048};
    case BlockType::FP8:
    case BlockType::Q8_0:
        return {64, 1088};
    case BlockType::Q4_0:
    case BlockType::IQ4_NL:
        return {64, 576};
    case BlockType::Q4_1:
        return {64, 640};
    case BlockType::Q5_0:
        return {64, 704};
    case BlockType::Q5_1:
        return {64, 768};
    case BlockType::MXFP4:
        return {64, 544};
    case BlockType::Q4_K:
        return {256, 2304};
    case BlockType::Q5_K:
        return {256, 2816};
    case BlockType::Q6_K:
        return {256, 3360};
    case BlockType::Q3_K:
        return {256, 1760};
    case BlockType::Q2_K:
        return {256, 1344};
    case BlockType::IQ4_XS:
        return {256, 2176};
    default:
        return {0, 0};
    }
}

SWITCHYARD_ANYWHERE constexpr int tile_groups(BlockType type, int cols) {
    const int columns = tile_group(type).columns;
    return (cols + columns - 1) / columns;
}
/// From one tile row to the next.
SWITCHYARD_ANYWHERE constexpr std::size_t tile_row_bytes(BlockType type, int cols) {
    return static_cast<std::size_t>(tile_groups(type, cols)) *
           static_cast<std::size_t>(tile_group(type).bytes);
}

/// Levels 4 k .. 4 k + 3 of a table, a byte each.
template <const std::int8_t (&kTable)[16], int k>
inline constexpr std::uint32_t
    level_word = static_cast<std::uint8_t>(kTable[4 * k]) |
                 static_cast<std::uint32_t>(static_cast<std::uint8_t>(kTable[4 * k + 1])) << 8 |
                 static_cast<std::uint32_t>(static_cast<std::uint8_t>(kTable[4 * k + 2])) << 16 |
                 static_cast<std::uint32_t>(static_cast<std::uint8_t>(kTable[4 * k + 3])) << 24;

// ---- Offsets within a group

/// Planes of further bits and of scales. Scales of blocks of 32: [g][upper][block], halves (MXFP4: a byte;
/// FP8: floats, [g][upper]); Q4_1 and Q5_1: [g][scale or minimum][upper][block].
struct Q8Tile {
    static constexpr int kScales = 1024;
};
struct Q4Tile { // Q4_0, Q4_1, IQ4_NL, MXFP4
    static constexpr int kScales = 512;
};
struct Q5Tile { // Q5_0, Q5_1; bits: a word a lane
    static constexpr int kBits = 512, kScales = 640;
};
/// The 6-bit scales of the K types, for t = 0..3 those of blocks 2 t and 2 t + 1: 24 bits a row, scale,
/// minimum, scale, minimum from the low bits up (Q3_K: the four scales of 16 columns in order). Word [g][t]
/// holds those of row g and the low 8 bits of row g + 8's, half word [g][t] the other 16.
struct Q4KTile {
    static constexpr int kWords = 2048, kHalves = 2176, kD = 2240; // d: [g][upper]{d, dmin}
};
struct Q5KTile { // bits: [lane][word two blocks]
    static constexpr int kBits = 2048, kWords = 2560, kHalves = 2688, kD = 2752;
};
struct Q3KTile { // pairs first; bits as Q5_K's
    static constexpr int kBits = 1024, kWords = 1536, kHalves = 1664, kD = 1728; // d: [g][upper]
};
struct Q6KTile { // nibbles, pairs of their high bits, scales [g][t][upper][block % 2][half]
    static constexpr int kPairs = 2048, kScales = 3072, kD = 3328; // d: [g][upper]
};
struct Q2KTile { // pairs first; scale and minimum nibbles [g][t][upper][block % 2][half]
    static constexpr int kScales = 1024, kD = 1280; // d: [g][upper]{d, dmin}
};
/// 12 bits a row for each t: the scales of blocks 2 t and 2 t + 1, row g's below row g + 8's: 16 bits [g][t],
/// then the other 8 [g][t].
struct IQ4XSTile {
    static constexpr int kHalves = 2048, kBytes = 2112, kD = 2144; // d: [g][upper]
};

} // namespace switchyard::cuda
