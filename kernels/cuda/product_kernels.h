// Products of placed matrices with prepared rows: out (+)= W x (+ bias).
#pragma once

#include "kernels/cuda/input_kernels.h"
#include "kernels/cuda/step_data.h"
#include "kernels/cuda/tile_layout.h"

namespace switchyard::cuda {

inline constexpr int kProductTargets = 4;

/// Matrices that are multiplied with the same prepared rows. With `heads` > 1 each head has a matrix and
/// prepared rows of its own: matrix h is entry h behind `matrices`, all of one shape, and batch row r's input
/// is prepared row r * heads + h.
struct ProductTarget {
    const MatrixView* matrices; ///< [heads], live: read at every launch, before the wait
    const MatrixView* bias;     ///< `matrix_rows` floats, added to each row; null: none; heads is 1 then
    float* out; ///< row m of matrix h for batch row r: out[r * out_stride + h * out_head_stride + m]
    std::int64_t out_stride; ///< floats
    std::int32_t out_head_stride;
    std::int32_t heads;       ///< at least 1
    std::int32_t matrix_rows; ///< rows of each matrix
    bool add;                 ///< to what `out` holds, instead of setting it
};

/// Up to four targets of one input. Every output's bits depend on the matrix and the prepared row alone, not
/// on which kernel, how many rows or which grid computed it.
struct ProductParams {
    ProductTarget targets[kProductTargets];
    std::int32_t target_count;
    std::int32_t rows; ///< of the batch
    PreparedRows in;   ///< in the form that each matrix' type wants (input_format)
};

// A block takes a tile row of a matrix at a time; its warps share the columns.
inline constexpr int kProductThreads = 256;
inline constexpr int kProductParts = kProductThreads / 32;

/// Partial sums of the warps for kRows rows.
template <int kRows>
struct ProductShared {
    float parts[2][kProductParts][kTileRows * kRows]; ///< in turns, so that one meeting a tile row is enough
};

/// Tile rows of all targets together.
SWITCHYARD_ANYWHERE constexpr int product_items(const ProductParams& p) {
    int items = 0;
    for (int i = 0; i < p.target_count; ++i)
        items += p.targets[i].heads * tile_rows(p.targets[i].matrix_rows);
    return items;
}

/// Products of one row that each block prepares for itself, with Prepare's bits: for a step of one row, where
/// a launch more would take longer.
struct RowProductParams {
    ProductParams product;  ///< rows is 1, heads are 1; `in` is not used
    const float* in;        ///< [width]
    const MatrixView* gain; ///< RMS norm with these `width` floats; null: none
    float epsilon;
    std::int32_t width; ///< at most kMostRowWidth
};
inline constexpr int kMostRowWidth = 8192;

struct RowProductShared {
    ProductShared<1> product;
    InputShared input;
    float factor; ///< of the norm
    float half_scales[kMostRowWidth / 32];
    alignas(16) std::byte values[kMostRowWidth * sizeof(float)]; ///< the row, in one form at a time
};

#define SWITCHYARD_PRODUCT_KERNELS(X)                                                                        \
    X(ProductRow, product_row, RowProductParams, RowProductShared, kProductThreads, 2)                       \
    X(ProductOne, product_one, ProductParams, ProductShared<1>, kProductThreads, 2)                          \
    X(ProductFew, product_few, ProductParams, ProductShared<8>, kProductThreads, 2)                          \
    X(ProductMany, product_many, ProductParams, ProductShared<32>, kProductThreads, 1)

} // namespace switchyard::cuda
