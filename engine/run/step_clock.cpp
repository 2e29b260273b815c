#include "engine/run/step_clock.h"

#include <algorithm>

namespace switchyard {
namespace {

constexpr double kMore = 0.3;   // of the usual time: a median of 1.5 with something to spare
constexpr int kFirst = 16;      // rows while nothing is known
constexpr double kLearn = 0.25; // of what is new

void learn(double& known, double seen) { known = known > 0 ? known + kLearn * (seen - known) : seen; }

} // namespace

double StepClock::usual(int answers) const {
    const int at = std::clamp(answers, 0, kCounts - 1);
    for (int away = 0; away < kCounts; ++away)
        for (const int near : {at - away, at + away})
            if (near > 0 && near < kCounts && usual_[static_cast<std::size_t>(near)] > 0)
                return usual_[static_cast<std::size_t>(near)];
    return 0;
}

void StepClock::note(int answers, int reading, double seconds) {
    if (reading == 0 && answers > 0) {
        double& known = usual_[static_cast<std::size_t>(std::min(answers, kCounts - 1))];
        learn(known, known > 0 ? std::min(seconds, 2 * known) : seconds); // a single hitch says little
    } else if (reading > 0) {
        // Where nothing is known of answers, a step's fixed cost counts to its rows: rather fewer at first.
        const double more = seconds - (answers > 0 ? usual(answers) : 0);
        learn(row_, std::max(more, 0.05 * seconds) / reading);
    }
}

int StepClock::reading_rows(int answers, int most) const {
    if (answers == 0)
        return std::max(1, most);
    const double time = usual(answers);
    const int rows = time > 0 && row_ > 0 ? static_cast<int>(std::min(kMore * time / row_, 1e6)) : kFirst;
    return std::clamp(rows, 1, std::max(1, most));
}

} // namespace switchyard
