// What goes into products: rows of the embedding table, and rows prepared in the forms that weights want.
#pragma once

#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

inline constexpr int kInputThreads = 256;

/// out[row] = table[token of row] * scale; zeros for rows that only fill a batch. A block a row.
struct EmbedParams {
    const MatrixView* table; ///< any tiled type; read before the wait, as all views
    const RowInput* rows;    ///< [grid]
    float* out;              ///< [grid][out_stride], `width` of each are written
    std::int64_t out_stride; ///< floats
    std::int32_t width;
    float scale;
};

/// Rows of a buffer, or each head of them, normed where there is a gain, in the forms of `formats`: prepared
/// row r * heads + h is in[r * in_stride + h * head_stride .. + width). With `gather`, prepared row i (heads
/// is 1) is the buffer's row gather[i], and nothing is written for -1. A block a prepared row.
struct PrepareParams {
    const float* in;
    std::int64_t in_stride;         ///< floats from row to row
    std::int32_t heads;             ///< of a row; at least 1
    std::int32_t head_stride;       ///< floats from head to head
    std::int32_t width;             ///< of what is prepared: a row, or one head
    const std::int32_t* gather;     ///< [grid], or null
    const MatrixView* gain;         ///< RMS norm with these `width` floats; null: none
    float epsilon;                  ///< of the norm
    const std::uint32_t* formats;   ///< one set of InputFormat; the other forms' memory is not touched
    PreparedRows out;               ///< padded_columns(width) of each row are written, zeros behind the width
    const float* weights = nullptr; ///< [grid]: multiply the rows; null: nothing
    const std::int32_t* count = nullptr; ///< prepared rows from here on are left alone; null: all are there
};

/// For the sums and the maximum of a block's threads.
struct InputShared {
    float of_warp[kInputThreads / 32];
};

constexpr GridSize embed_grid(int rows) { return {static_cast<unsigned>(rows), 1}; }
constexpr GridSize prepare_grid(int rows, int heads) { return {static_cast<unsigned>(rows * heads), 1}; }

#define SWITCHYARD_INPUT_KERNELS(X)                                                                          \
    X(Embed, embed, EmbedParams, NoShared, kInputThreads, 2)                                                 \
    X(Prepare, prepare, PrepareParams, InputShared, kInputThreads, 2)

} // namespace switchyard::cuda
