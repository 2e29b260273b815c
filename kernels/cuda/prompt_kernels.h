// Products of many rows: prompts. Rows become F16 with a power of two each, weights become F16 fragments on
// their way into the product, with a power of two a matrix, and sums are floats. An output's bits depend on
// its row and the matrix alone; they are not those of product_kernels.h, so a row keeps to one of the two.
#pragma once

#include "kernels/cuda/input_kernels.h"
#include "kernels/cuda/product_kernels.h"
#include "kernels/cuda/step_data.h"
#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

/// Rows in F16.
struct HalfRows {
    std::uint16_t* values; ///< [rows][padded], zeros behind a row's width; aligned to 16 bytes
    float* scales;         ///< [rows]: powers of two that take them back
    std::int32_t padded;   ///< padded_columns of the width
};

/// Rows of a buffer, or each head of them, normed where there is a gain: as PrepareParams says. A block a
/// prepared row.
struct PreparePromptParams {
    const float* in;
    std::int64_t in_stride; ///< floats from row to row
    std::int32_t heads;     ///< of a row; at least 1
    std::int32_t head_stride;
    std::int32_t width;        ///< of what is prepared: a row, or one head
    const std::int32_t* count; ///< rows from here on are left alone; null: all are there
    const MatrixView* gain;    ///< RMS norm with these `width` floats; null: none
    float epsilon;             ///< of the norm
    HalfRows out;
    const std::int32_t* gather = nullptr; ///< as PrepareParams', without -1
    const float* weights = nullptr;       ///< [grid]: multiply the rows; null: nothing
};

// ---- How large weights are

/// A matrix is looked through by so many blocks; each says what it found.
inline constexpr int kRangeParts = 8;
inline constexpr int kRangeThreads = 64;

/// The largest magnitude of a table's matrices. What a matrix's weights are multiplied with follows from it,
/// so that no weight of any type leaves F16 or sinks to its end.
struct WeightRanges {
    const MatrixView* table;
    std::uint32_t* largest; ///< [entries of the table][kRangeParts]: a float's bits, NaN above all
};
/// Finds them. Grid: range_grid(entries).
struct FindRangesParams {
    WeightRanges ranges;
    const std::int32_t* entries; ///< [grid.x]: the matrices' places in the table
};
constexpr GridSize range_grid(int entries) { return {static_cast<unsigned>(entries), kRangeParts}; }

// ---- Products

// A block takes 128 rows of a matrix and 128 rows of the batch (called tokens here). A warp decodes 32 rows
// of the matrix into registers, and all read the tokens' columns from shared memory, where copies run ahead.
inline constexpr int kPromptThreads = 128;
inline constexpr int kPromptTileRows = 8; ///< tile rows of a block
inline constexpr int kPromptTokens = 128;
inline constexpr int kPromptStep = 32; ///< columns at a time
inline constexpr int kPromptStages = 4;
/// Token tiles that are at work on the same weights at about the same time.
inline constexpr int kPromptGroup = 8;

struct PromptShared {
    alignas(16) std::uint16_t tokens[kPromptStages][kPromptTokens * kPromptStep];
};

/// Targets as ProductParams' (product_kernels.h), with prepared row r * heads + h for head h of batch row r.
struct PromptProductParams {
    ProductTarget targets[kProductTargets];
    std::int32_t target_count;
    std::int32_t rows; ///< of the batch
    HalfRows in;
    const float* row_weights; ///< [rows]: what a row's sum and bias are multiplied with; null: nothing
    WeightRanges ranges;      ///< of the table that the targets' matrices stand in
};

SWITCHYARD_ANYWHERE constexpr int prompt_row_tiles(int matrix_rows) {
    return (tile_rows(matrix_rows) + kPromptTileRows - 1) / kPromptTileRows;
}
SWITCHYARD_ANYWHERE constexpr int prompt_token_tiles(int rows) {
    return (rows + kPromptTokens - 1) / kPromptTokens;
}
SWITCHYARD_ANYWHERE constexpr int prompt_items(const PromptProductParams& p) {
    int items = 0;
    for (int i = 0; i < p.target_count; ++i)
        items += p.targets[i].heads * prompt_row_tiles(p.targets[i].matrix_rows);
    return items;
}
constexpr GridSize prompt_product_grid(const PromptProductParams& p) {
    return {static_cast<unsigned>(prompt_items(p) * prompt_token_tiles(p.rows)), 1};
}

#define SWITCHYARD_PROMPT_KERNELS(X)                                                                         \
    X(PreparePrompt, prepare_prompt, PreparePromptParams, InputShared, kInputThreads, 2)                     \
    X(FindRanges, find_ranges, FindRangesParams, InputShared, kRangeThreads, 2)                              \
    X(PromptProduct, prompt_product, PromptProductParams, PromptShared, kPromptThreads, 2)

} // namespace switchyard::cuda
