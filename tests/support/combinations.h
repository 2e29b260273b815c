// Choices of several options at a time.
#pragma once

#include <cstdlib>
#include <vector>

namespace switchyard::test {

/// Whether tests try everything, as `tests/run.sh --all` asks for.
inline bool tries_everything() { return std::getenv("SWITCHYARD_TEST_ALL") != nullptr; }

/// All combinations: one choice of each option, which has so many.
inline std::vector<std::vector<int>> all_combinations(const std::vector<int>& choices) {
    std::vector<std::vector<int>> all(1);
    for (const int count : choices) {
        std::vector<std::vector<int>> longer;
        for (const std::vector<int>& one : all)
            for (int choice = 0; choice < count; ++choice) {
                longer.push_back(one);
                longer.back().push_back(choice);
            }
        all = std::move(longer);
    }
    return all;
}

/// So few that every choice of an option meets every choice of each other one.
inline std::vector<std::vector<int>> pairwise_combinations(const std::vector<int>& choices) {
    const std::size_t options = choices.size();
    const auto all = all_combinations(choices);
    // Which pairs are still to be met: [option][option][choice][choice].
    std::vector<std::vector<std::vector<std::vector<bool>>>> open(options);
    for (std::size_t a = 0; a < options; ++a) {
        open[a].resize(options);
        for (std::size_t b = a + 1; b < options; ++b)
            open[a][b].assign(static_cast<std::size_t>(choices[a]),
                              std::vector<bool>(static_cast<std::size_t>(choices[b]), true));
    }
    const auto visit = [&](const std::vector<int>& one, bool meet) {
        int gain = 0;
        for (std::size_t a = 0; a < options; ++a)
            for (std::size_t b = a + 1; b < options; ++b) {
                auto pair = open[a][b][static_cast<std::size_t>(one[a])].begin() + one[b];
                gain += *pair;
                *pair = *pair && !meet;
            }
        return gain;
    };
    std::vector<std::vector<int>> few;
    for (;;) {
        int most = 0;
        const std::vector<int>* best = nullptr;
        for (const std::vector<int>& one : all)
            if (const int gain = visit(one, false); gain > most) {
                most = gain;
                best = &one;
            }
        if (!best)
            return few;
        visit(*best, true);
        few.push_back(*best);
    }
}

} // namespace switchyard::test
