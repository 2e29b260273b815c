// Products of weights and activations: through the packed kernels, or exactly (rows decoded, sums in double).
#pragma once

#include "engine/backends/cpu/scratch.h"
#include "engine/run/backend.h"
#include "kernels/cpu/kernels.h"

#include <cstdint>

namespace switchyard::cpu {

/// How a slice's blocks lie.
enum class SliceLayout : std::uint8_t {
    Rows,  ///< as in the file, computed with exactly
    Panels ///< as the kernels want them
};
inline SliceLayout layout_of(const Slice& s) { return static_cast<SliceLayout>(s.layout); }
inline void set_layout(Slice& s, SliceLayout layout) { s.layout = static_cast<std::uint8_t>(layout); }

/// Rows of activations, in the formats the weights at hand need. Those in integers have the precision that
/// each row's dials say, all at the stride of 16 bits; `words` says how they are stored.
struct Rows {
    const float* f32 = nullptr;
    std::int64_t f32_stride = 0; ///< floats
    const std::byte* integers = nullptr;
    std::size_t integers_stride = 0;       ///< bytes
    bool words = false;                    ///< those of 8 bits stand as words (I16Blocks) too
    ProductObserver* observer = nullptr;   ///< sees the products with these rows; f32 is there then
    const BatchRow* batch = nullptr;       ///< null: none has other bits than 16
    const std::int32_t* origins = nullptr; ///< of each row in the batch; null: their own numbers

    int bits_of(std::int64_t row) const {
        return batch ? batch[origins ? origins[row] : row].dials.activation_bits : 16;
    }

    /// Without the rows in front of `row`.
    Rows from(std::int64_t row) const {
        Rows rest = *this;
        rest.f32 = f32 ? f32 + row * f32_stride : nullptr;
        rest.integers = integers ? integers + static_cast<std::size_t>(row) * integers_stride : nullptr;
        rest.origins = origins ? origins + row : nullptr;
        rest.batch = batch && !origins ? batch + row : batch;
        return rest;
    }
};

/// y[t * y_stride + row] (+)= W[row, :] . x(index ? index[t] : t) for the rows of panels [first_panel,
/// last_panel). Slices in SliceLayout::Rows are computed exactly, those in Panels by the kernels. `decoded`
/// is scratch for a row of W, needed where that is computed exactly.
void multiply(const Slice& weights, const Rows& x, const std::int32_t* index, int tokens,
              std::int64_t first_panel, std::int64_t last_panel, float* y, std::int64_t y_stride,
              bool accumulate, const Buffer& decoded);

/// What to give multiply() as y where the row `first` of the result is to come first in memory. As a number,
/// since a pointer before an array may not be formed.
inline float* with_first_row(float* memory, std::int64_t first) {
    return reinterpret_cast<float*>(reinterpret_cast<std::uintptr_t>(memory) -
                                    static_cast<std::uintptr_t>(first) * sizeof(float));
}

/// Whether a slice wants its activations in integers.
inline bool wants_integers(const Slice& s) {
    return layout_of(s) == SliceLayout::Panels && activation_format(s.type) != ActivationFormat::F32;
}

/// What the weights of a stage want of its input.
struct InputForms {
    bool f32 = false, integers = false;
    bool bytes = false; ///< some of them multiply 8-bit integers as bytes

    void look(const Slice& s) {
        (wants_integers(s) ? integers : f32) = true;
        bytes = bytes || (wants_integers(s) && takes_bytes(s.type));
    }
    /// Whether integers of 8 bits are better stored as words: a single row's are read once.
    bool words(int rows) const { return integers && !bytes && rows > 1; }
};

/// Columns [first, first + cols) of a row, which begins at `row`, to integers of `bits`; those of 8 bits as
/// words where `words`. `x`: of those columns.
inline void quantize_columns(int bits, bool words, const float* x, std::int64_t first, std::int64_t cols,
                             std::byte* row) {
    if (bits == 8 && !words)
        quantize_i8(x, cols, row + i8_row_bytes(first));
    else
        (bits == 8 ? quantize_i8_words : quantize_i16)(x, cols, row + i16_row_bytes(first));
}

} // namespace switchyard::cpu
