#include "engine/carve/ridge.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace switchyard {

// Lower Cholesky factor of a symmetric positive definite matrix, in place.
static void factorise(std::vector<double>& a, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j <= i; ++j) {
            double sum = a[i * n + j];
            for (std::size_t k = 0; k < j; ++k)
                sum -= a[i * n + k] * a[j * n + k];
            a[i * n + j] = i == j ? std::sqrt(std::max(sum, 1e-30)) : sum / a[j * n + j];
        }
}

static void substitute(const std::vector<double>& l, std::size_t n, double* b) {
    for (std::size_t i = 0; i < n; ++i) {
        for (std::size_t k = 0; k < i; ++k)
            b[i] -= l[i * n + k] * b[k];
        b[i] /= l[i * n + i];
    }
    for (std::size_t i = n; i-- > 0;) {
        for (std::size_t k = i + 1; k < n; ++k)
            b[i] -= l[k * n + i] * b[k];
        b[i] /= l[i * n + i];
    }
}

RidgeSolver::RidgeSolver(const RidgeSums& s, double ridge) : inputs_(static_cast<std::size_t>(s.inputs)) {
    const std::size_t n = inputs_;
    factor_.resize(n * n);
    double trace = 0;
    for (std::size_t i = 0; i < n; ++i)
        for (std::size_t j = 0; j < n; ++j) {
            factor_[i * n + j] = s.xx[i * n + j];
            trace += i == j ? factor_[i * n + j] : 0.0;
        }
    for (std::size_t i = 0; i < n; ++i)
        factor_[i * n + i] += ridge * trace / static_cast<double>(n);
    factorise(factor_, n);
}

std::vector<float> RidgeSolver::fit(const RidgeSums& s) const {
    const std::size_t n = inputs_, m = static_cast<std::size_t>(s.outputs);
    std::vector<float> weights(m * n);
    for (std::size_t o = 0; o < m; ++o) {
        const auto row = s.xy.begin() + static_cast<std::ptrdiff_t>(o * n);
        std::vector<double> b(row, row + static_cast<std::ptrdiff_t>(n));
        substitute(factor_, n, b.data());
        std::transform(b.begin(), b.end(), weights.begin() + static_cast<std::ptrdiff_t>(o * n),
                       [](double v) { return static_cast<float>(v); });
    }
    return weights;
}

} // namespace switchyard
