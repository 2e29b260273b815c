// Ridge regression from sums over many rows: y = W x + intercept.
#pragma once

#include <vector>

namespace switchyard {

/// Sums over rows x [inputs], y [outputs].
struct RidgeSums {
    int inputs = 0, outputs = 0;
    double rows = 0;
    std::vector<float> xx;    ///< [inputs, inputs]: sum x x^T
    std::vector<double> xy;   ///< [outputs, inputs]: sum y x^T
    std::vector<double> x, y; ///< sums
};

struct RidgeFit {
    std::vector<float> weights;   ///< [outputs, inputs]
    std::vector<float> intercept; ///< [outputs]
};

/// `ridge` is the share of the mean variance of x that is added to each variance.
RidgeFit solve_ridge(const RidgeSums& sums, double ridge);

} // namespace switchyard
