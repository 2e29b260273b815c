// Ridge regression from sums over many rows: y = W x. Without an intercept: the layouts of carved files have
// no place for one.
#pragma once

#include <cstddef>
#include <vector>

namespace switchyard {

/// Sums over rows x [inputs], y [outputs].
struct RidgeSums {
    int inputs = 0, outputs = 0;
    double rows = 0;
    std::vector<float> xx;  ///< [inputs, inputs]: sum x x^T
    std::vector<double> xy; ///< [outputs, inputs]: sum y x^T
};

/// Solves for many targets of the same inputs; the factorisation is done once.
class RidgeSolver {
  public:
    /// `ridge` is the share of the mean square of x that is added to each square.
    RidgeSolver(const RidgeSums& sums, double ridge);
    /// `sums` of the same rows x; their xx is not read. Returns W [outputs, inputs].
    std::vector<float> fit(const RidgeSums& sums) const;

  private:
    std::size_t inputs_;
    std::vector<double> factor_; ///< [inputs, inputs]: lower Cholesky factor
};

} // namespace switchyard
