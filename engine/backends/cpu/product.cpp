#include "engine/backends/cpu/product.h"

#include "engine/quant/quant.h"

#include <algorithm>

namespace switchyard::cpu {

// The reference: slow and simple, and as near to the real number as doubles bring it.
static void multiply_exactly(const Slice& w, const Rows& x, const std::int32_t* index, int tokens,
                             std::int64_t first_row, std::int64_t last_row, float* y, std::int64_t y_stride,
                             bool accumulate, const Buffer& scratch) {
    const std::span decoded(scratch.get<float>(static_cast<std::size_t>(w.cols)),
                            static_cast<std::size_t>(w.cols));
    const std::size_t bytes = row_bytes(w.type, w.cols);
    for (std::int64_t row = first_row; row < last_row; ++row) {
        decode_row(w.type, w.data + static_cast<std::size_t>(row) * bytes, decoded);
        for (int t = 0; t < tokens; ++t) {
            const float* in = x.f32 + (index ? index[t] : t) * x.f32_stride;
            double sums[8] = {};
            std::int64_t i = 0;
            for (; i + 8 <= w.cols; i += 8)
                for (int j = 0; j < 8; ++j)
                    sums[j] += static_cast<double>(decoded[static_cast<std::size_t>(i + j)]) * in[i + j];
            for (; i < w.cols; ++i)
                sums[0] += static_cast<double>(decoded[static_cast<std::size_t>(i)]) * in[i];
            const double sum =
                ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
            float& out = y[t * y_stride + row];
            out = static_cast<float>(accumulate ? out + sum : sum);
        }
    }
}

void multiply(const Slice& w, const Rows& x, const std::int32_t* index, int tokens, std::int64_t first_panel,
              std::int64_t last_panel, float* y, std::int64_t y_stride, bool accumulate,
              const Buffer& decoded) {
    if (x.observer && first_panel == 0)
        x.observer->observe(w, x.f32, x.f32_stride, index, tokens);
    if (layout_of(w) == SliceLayout::Rows) {
        multiply_exactly(w, x, index, tokens, first_panel * kPanelRows,
                         std::min(last_panel * kPanelRows, w.rows), y, y_stride, accumulate, decoded);
        return;
    }
    const bool i16 = wants_i16(w);
    MatmulArgs args;
    args.weights = {w.type, w.rows, w.cols, w.data};
    args.first_panel = first_panel;
    args.last_panel = last_panel;
    args.activations = i16 ? x.i16 : reinterpret_cast<const std::byte*>(x.f32);
    args.activation_stride = i16 ? x.i16_stride : static_cast<std::size_t>(x.f32_stride) * sizeof(float);
    args.index = index;
    args.tokens = tokens;
    args.y = y;
    args.y_stride = y_stride;
    args.accumulate = accumulate;
    matmul(args);
}

} // namespace switchyard::cpu
