// Logits and ids that tests of the head draw.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace switchyard::cuda {

struct RandomLogits {
    std::mt19937 random{11};

    std::vector<float> normals(std::size_t n, float spread) {
        std::normal_distribution<float> normal(0, spread);
        std::vector<float> values(n);
        for (float& v : values)
            v = normal(random);
        return values;
    }
    /// Ascending, none twice.
    std::vector<std::int32_t> some_ids(std::size_t count, std::int32_t below) {
        std::set<std::int32_t> ids;
        while (ids.size() < count)
            ids.insert(static_cast<std::int32_t>(random() % static_cast<unsigned>(below)));
        return {ids.begin(), ids.end()};
    }
};

} // namespace switchyard::cuda
