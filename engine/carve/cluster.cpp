#include "engine/carve/cluster.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace switchyard {

namespace {

constexpr int kRounds = 20;

float dot(const float* a, const float* b, int n) {
    float sums[8] = {};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; ++j)
            sums[j] += a[i + j] * b[i + j];
    for (; i < n; ++i)
        sums[0] += a[i] * b[i];
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

void normalise(float* v, int n) {
    const float length = std::sqrt(dot(v, v, n));
    for (int i = 0; length > 0 && i < n; ++i)
        v[i] /= length;
}

// Each next centre is the vector least like all centres so far.
std::vector<float> spread_centres(const std::vector<float>& vectors, int count, int size, int groups) {
    const auto row = [&](int i) { return vectors.data() + static_cast<std::ptrdiff_t>(i) * size; };
    std::vector<float> centres(row(0), row(0) + size), likeness(static_cast<std::size_t>(count), -2.0f);
    for (int g = 1; g < groups; ++g) {
        const float* last = centres.data() + static_cast<std::ptrdiff_t>(g - 1) * size;
        for (int i = 0; i < count; ++i)
            likeness[static_cast<std::size_t>(i)] =
                std::max(likeness[static_cast<std::size_t>(i)], dot(row(i), last, size));
        const auto next = std::min_element(likeness.begin(), likeness.end()) - likeness.begin();
        centres.insert(centres.end(), row(static_cast<int>(next)), row(static_cast<int>(next)) + size);
    }
    return centres;
}

struct Pair {
    float likeness;
    int vector, group;
};

} // namespace

std::vector<std::uint8_t> balanced_groups(std::vector<float> vectors, int count, int size, int groups) {
    const auto row = [&](int i) { return vectors.data() + static_cast<std::ptrdiff_t>(i) * size; };
    for (int i = 0; i < count; ++i)
        normalise(row(i), size);
    std::vector<float> centres = spread_centres(vectors, count, size, groups);
    std::vector<std::uint8_t> group(static_cast<std::size_t>(count));
    std::vector<Pair> pairs(static_cast<std::size_t>(count) * static_cast<std::size_t>(groups));
    for (int round = 0; round < kRounds; ++round) {
        for (int i = 0; i < count; ++i)
            for (int g = 0; g < groups; ++g)
                pairs[static_cast<std::size_t>(i * groups + g)] = {
                    dot(row(i), centres.data() + static_cast<std::ptrdiff_t>(g) * size, size), i, g};
        std::stable_sort(pairs.begin(), pairs.end(),
                         [](const Pair& a, const Pair& b) { return a.likeness > b.likeness; });
        std::vector<int> room(static_cast<std::size_t>(groups), count / groups);
        std::vector<std::uint8_t> next(group.size(), 255);
        for (const Pair& p : pairs) {
            auto& place = next[static_cast<std::size_t>(p.vector)];
            if (place == 255 && room[static_cast<std::size_t>(p.group)] > 0) {
                place = static_cast<std::uint8_t>(p.group);
                --room[static_cast<std::size_t>(p.group)];
            }
        }
        const bool settled = next == group && round > 0;
        group = std::move(next);
        if (settled)
            break;
        std::fill(centres.begin(), centres.end(), 0.0f);
        for (int i = 0; i < count; ++i) {
            float* c =
                centres.data() + static_cast<std::ptrdiff_t>(group[static_cast<std::size_t>(i)]) * size;
            for (int j = 0; j < size; ++j)
                c[j] += row(i)[j];
        }
        for (int g = 0; g < groups; ++g)
            normalise(centres.data() + static_cast<std::ptrdiff_t>(g) * size, size);
    }
    return group;
}

} // namespace switchyard
