// Which of two ways of computing the same is the quicker one here, found in use.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

namespace switchyard::cuda {

/// The ways take turns until each was timed some times; from then on it is the one whose best time was less.
class QuickerWay {
  public:
    static constexpr int kTimes = 8; ///< of each

    bool found() const { return told_[0] == kTimes && told_[1] == kTimes; }
    /// The way of the next step, 0 or 1.
    std::size_t next() const {
        return found() ? (best_[1] < best_[0] ? 1 : 0) : (told_[1] < told_[0] ? 1 : 0);
    }
    /// A way's best time so far, in seconds; 0: it has none.
    double best(std::size_t way) const { return told_[way] > 0 ? best_[way] : 0; }
    /// How long a step took on a way.
    void tell(std::size_t way, double seconds) {
        if (told_[way] == kTimes)
            return;
        best_[way] = std::min(best_[way], seconds);
        ++told_[way];
    }

  private:
    std::array<int, 2> told_ = {};
    std::array<double, 2> best_ = {std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::infinity()};
};

} // namespace switchyard::cuda
