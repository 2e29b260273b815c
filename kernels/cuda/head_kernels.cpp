#include "kernels/cuda/head_kernels.h"

#include <algorithm>
#include <limits>

namespace switchyard::cuda {

Candidates joined_candidates(const CandidateWish& wish, std::int32_t vocabulary,
                             std::span<const PartResult> parts, std::span<const Candidate> best,
                             std::span<const float> gathered) {
    Candidates found;
    found.maximum = -std::numeric_limits<float>::infinity();
    found.inverse_temperature = wish.inverse_temperature;
    found.vocabulary = vocabulary;
    std::size_t count = 0;
    for (const PartResult& part : parts) { // in order: the bits are find_candidates()'s
        found.maximum = std::max(found.maximum, part.maximum);
        found.plain.sum += part.plain.sum;
        found.plain.weighted += part.plain.weighted;
        found.own.sum += part.own.sum;
        found.own.weighted += part.own.weighted;
        count += static_cast<std::size_t>(part.count);
    }
    count = std::min(count, static_cast<std::size_t>(std::max(wish.best, 0)));
    found.best.assign(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(count));
    found.gathered.assign(gathered.begin(), gathered.end());
    return found;
}

} // namespace switchyard::cuda
