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

// Rows of one format at a time, which stand together: a row's product is its own, whoever it comes with.
static void multiply_by_bits(const MatmulArgs& all, const Rows& x) {
    const auto bits_of = [&](int t) { return x.words ? 16 : x.bits_of(all.index ? all.index[t] : t); };
    for (int first = 0, end = 0; first < all.tokens; first = end) {
        MatmulArgs args = all;
        args.activation_bits = bits_of(first);
        for (end = first + 1; end < all.tokens && bits_of(end) == args.activation_bits;)
            ++end;
        args.tokens = end - first;
        args.y = with_first_row(all.y, -first * all.y_stride);
        if (all.index)
            args.index = all.index + first;
        else
            args.activations = all.activations + static_cast<std::size_t>(first) * all.activation_stride;
        matmul(args);
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
    MatmulArgs args;
    args.weights = {w.type, w.rows, w.cols, w.data};
    args.first_panel = first_panel;
    args.last_panel = last_panel;
    args.index = index;
    args.tokens = tokens;
    args.y = y;
    args.y_stride = y_stride;
    args.accumulate = accumulate;
    if (wants_integers(w)) {
        args.activations = x.integers;
        args.activation_stride = x.integers_stride;
        multiply_by_bits(args, x);
    } else {
        args.activations = reinterpret_cast<const std::byte*>(x.f32);
        args.activation_stride = static_cast<std::size_t>(x.f32_stride) * sizeof(float);
        matmul(args);
    }
}

} // namespace switchyard::cpu
