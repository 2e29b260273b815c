// How much of the time between two steps re-encoding gets.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>

namespace switchyard {

/// Steps are followed by windows of a share of what steps usually take. A window that took longer than it
/// should makes the next ones shorter, so that the share holds over some tokens, too.
class RecodePace {
  public:
    using Duration = std::chrono::steady_clock::duration;
    static constexpr int kShare = 35; ///< percent
    static constexpr Duration kMost = std::chrono::seconds(1);

    /// The window after a step of this length; none where it is zero.
    Duration window(Duration step) {
        steps_[next_++ % steps_.size()] = step;
        // One that others held up is no measure.
        usual_ = *std::ranges::min_element(steps_.begin(), steps_.begin() + std::min(next_, steps_.size()));
        const Duration share = std::min(share_of(usual_), kMost), wanted = share - over_;
        over_ = std::max(over_ - share, Duration::zero());
        window_ = wanted < share / 8 ? Duration::zero() : wanted; // one so short is all beginning and end
        return window_;
    }
    /// What the window took in the end.
    void took(Duration time) {
        over_ = std::min(over_ + std::max(time - window_, Duration::zero()), 4 * share_of(usual_));
    }

  private:
    static Duration share_of(Duration step) { return step * kShare / 100; }
    std::array<Duration, 8> steps_{};
    std::size_t next_ = 0; ///< steps so far
    Duration usual_{}, window_{}, over_{};
};

} // namespace switchyard
