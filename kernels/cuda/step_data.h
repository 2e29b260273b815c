// What kernels and the host share of a step: matrices, prepared inputs, rows. Plain structs, in device
// memory.
#pragma once

#include "kernels/anywhere.h"
#include "kernels/blocks.h"
#include "kernels/cuda/device.h"

#include <cstddef>
#include <cstdint>

namespace switchyard::cuda {

struct NoShared {}; ///< of kernels without shared memory

/// A placed matrix: tiles of matrix_tiles.h, or for vectors (norm gains, biases) plain floats. Kernels get
/// the address of an entry in the table of all slices and read it there, so that a slice may be exchanged
/// between steps while graphs stay as they are.
struct MatrixView {
    const std::byte* data;
    std::int32_t rows, cols;
    BlockType type;
};

// ---- Inputs of products

/// In which forms a product wants its input; bits of a set.
enum InputFormat : std::uint32_t {
    kInputF32 = 1,    ///< floats, for F32 weights and for routers
    kInputBytes = 2,  ///< 16-bit integers as two planes of bytes, for quantized weights
    kInputBfloat = 4, ///< a pair of BF16 numbers a value, for BF16 weights
    kInputHalf = 8    ///< a pair of F16 numbers a value and a power of two each 32, for F16 and FP8 weights
};

SWITCHYARD_ANYWHERE constexpr std::uint32_t input_format(BlockType weight) {
    switch (weight) {
    case BlockType::F32:
        return kInputF32;
    case BlockType::BF16:
        return kInputBfloat;
    case BlockType::F16:
    case BlockType::FP8:
        return kInputHalf;
    default:
        return kInputBytes;
    }
}

/// Columns of a prepared row: whole tiles of 64, zeros behind the matrix's own.
SWITCHYARD_ANYWHERE constexpr std::int32_t padded_columns(std::int32_t cols) { return (cols + 63) / 64 * 64; }

/// 32 activations: value i = scale * (256 * high[i] + low[i]), high signed and low not, the integers those of
/// the CPU's I16Block. Bytes stand as lanes of a warp want them for mma_bytes: 16 for each t = lane % 4,
/// being high[4t .. 4t + 3], high[16 + 4t ..], low[4t ..], low[16 + 4t ..].
struct alignas(16) ByteBlock {
    std::uint8_t bytes[64];
    float scale;
    float sum;                 ///< scale * the sum of the integers
    std::int32_t integers;     ///< the sum of the integers
    std::int32_t integers_low; ///< of the first 16
};
static_assert(sizeof(ByteBlock) == 80);

/// 16 activations, each as first + second in 16-bit floats (times the power of two of its 32 with F16): 16
/// bytes for each t = lane % 4, being first[2t, 2t + 1], first[8 + 2t ..], second[2t ..], second[8 + 2t ..].
struct alignas(16) PairBlock {
    std::uint16_t values[32];
};
static_assert(sizeof(PairBlock) == 64);

/// Prepared rows of one width, in the formats that somebody wants; the others' memory is not written. Row r
/// of a format begins at its pointer + r * the bytes of a row.
struct PreparedRows {
    float* floats;      ///< [rows][padded_columns]
    ByteBlock* bytes;   ///< [rows][padded_columns / 32]
    PairBlock* bfloats; ///< [rows][padded_columns / 16]
    PairBlock* halves;  ///< [rows][padded_columns / 16]
    /// [rows][padded_columns / 32]: powers of two that the halves' products over 32 columns are multiplied
    /// with. Not one a row: who writes hidden neurons sees 32 of them.
    float* half_scales;
    std::int32_t padded; ///< padded_columns of a row

    /// Without the first rows; of one width alone.
    SWITCHYARD_ANYWHERE PreparedRows from(std::int64_t row) const {
        const std::int64_t columns = row * padded;
        return {floats + columns,      bytes + columns / 32,       bfloats + columns / 16,
                halves + columns / 16, half_scales + columns / 32, padded};
    }
};

// ---- Rows

/// How many columns a tile of tokens has in a product.
inline constexpr int kTokenTile = 8;

/// A row of the batch, as uploaded at a step's start.
struct RowInput {
    std::int32_t token;
    std::int32_t position;     ///< -1: a row that only fills a graph's batch: nothing is written for it
    std::int32_t first_block;  ///< of its sequence, in the step's table of KV blocks
    std::int32_t decompressed; ///< latent attention in that form
    std::int32_t experts;      ///< active; 0: as the plan says
    float gate_threshold, routing_mass;
    std::int32_t pool;
    std::int32_t off_mask; ///< which mask of the step; -1: none
    std::int32_t window;   ///< tokens that attention sees at most; 0: as the plan says
    std::int32_t prompt;   ///< one of many rows of its sequence: attention takes it in its form for those
    std::int32_t in_long;  ///< of a long text: it rotates as such texts do (RopeTable::long_frequencies)
};

/// Types that a KV cache's blocks may have.
enum class CacheType : std::int32_t { F16, Q8_0, Q4_0, FP8 };
inline constexpr int kCacheTypes = 4;

struct KvBlockRef {
    std::byte* data;
    CacheType type;
    std::int32_t unused;
};

} // namespace switchyard::cuda
