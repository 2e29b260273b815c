#include "kernels/cuda/draw_next_kernels.h"

#include "kernels/draw_row.h"

namespace switchyard::cuda {

DrawRow draw_row_of(const DrawWish& wish, const CandidateWish& candidates) {
    return {.seed = wish.seed,
            .position = wish.position,
            .top_p = wish.top_p,
            .min_p = static_cast<float>(wish.min_p),
            .penalty = static_cast<float>(wish.repetition_penalty),
            .top_k = wish.top_k,
            .greedy = !(wish.temperature >= kLeastTemperature),
            .best = candidates.best - static_cast<std::int32_t>(candidates.gather.size()),
            .penalises_own = wish.penalises_own};
}

bool draws_on_device(const DrawWish& wish, const CandidateWish& candidates) {
    const std::size_t gathered = candidates.gather.size() + (wish.penalises_own ? 1 : 0);
    return static_cast<std::size_t>(draw_row_of(wish, candidates).best) + 2 * gathered <= kMostDrawn;
}

} // namespace switchyard::cuda
