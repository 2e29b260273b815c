#include "kernels/cuda/emulation/dense_product.h"

#include "kernels/cuda/emulation/block.h"

#include <algorithm>
#include <vector>

namespace switchyard::cuda::emulation {

namespace {

constexpr int kRows = 16; ///< of a matrix at a time: a vector

std::vector<float> all_halves() {
    std::vector<float> values(1 << 16);
    for (std::size_t bits = 0; bits < values.size(); ++bits)
        values[bits] = half_value(static_cast<std::uint16_t>(bits));
    return values;
}

} // namespace

void multiply_dense(const DenseProduct& p) {
    static const std::vector<float> halves = all_halves();
    std::vector<float> weights(static_cast<std::size_t>(p.cols) * kRows);
    for (int first = 0; first < p.rows; first += kRows) {
        for (int c = 0; c < p.cols; ++c)
            for (int r = 0; r < kRows; ++r)
                weights[static_cast<std::size_t>(c * kRows + r)] =
                    halves[p.weights[std::int64_t{first + r} * p.cols + c]];
        for (int t = 0; t < p.tokens; ++t) {
            float sums[kRows] = {};
            const std::uint16_t* x = p.in + std::int64_t{t} * p.cols;
            for (int c = 0; c < p.cols; ++c)
                for (int r = 0; r < kRows; ++r)
                    sums[r] += halves[x[c]] * weights[static_cast<std::size_t>(c * kRows + r)];
            std::copy(sums, sums + kRows, p.out + std::int64_t{t} * p.rows + first);
        }
    }
}

} // namespace switchyard::cuda::emulation
