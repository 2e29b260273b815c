// How many rows of prompts a step may read beside rows of answers, so that these hardly wait.
#pragma once

#include <array>

namespace switchyard {

/// Learns from the last steps what rows cost.
class StepClock {
  public:
    /// A step has ended that computed so many rows of answers and of prompts.
    void note(int answers, int reading, double seconds);
    /// Rows of prompts for a step that computes `answers` rows of answers: it may take half as long again as
    /// usual. At least 1, at most `most`.
    int reading_rows(int answers, int most) const;

  private:
    static constexpr int kCounts = 64;
    double usual(int answers) const; ///< seconds; 0: not known

    std::array<double, kCounts> usual_{}; ///< by the rows of answers, where nothing else was computed
    double row_ = 0;                      ///< what one more row of a prompt takes
};

} // namespace switchyard
