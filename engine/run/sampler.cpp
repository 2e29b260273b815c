#include "engine/run/sampler.h"

#include "engine/base/error.h"
#include "engine/run/failure.h"

#include <algorithm>
#include <iterator>

namespace switchyard {

DrawWish draw_wish(const SequenceTuning& tuning, std::span<const std::int32_t> history,
                   std::uint64_t position, DrawVersion version, bool last_unknown) {
    DrawWish wish;
    wish.temperature = tuning.temperature;
    wish.top_k = tuning.top_k;
    wish.top_p = tuning.top_p;
    wish.min_p = tuning.min_p;
    wish.repetition_penalty = tuning.repetition_penalty;
    wish.seed = tuning.seed;
    wish.position = position;
    wish.version = version;
    if (tuning.repetition_penalty == 1.0)
        return wish;
    wish.penalises_own = last_unknown && tuning.repetition_window > 0;
    const int known = std::max(tuning.repetition_window - (last_unknown ? 1 : 0), 0);
    const auto recent = history.last(std::min(history.size(), static_cast<std::size_t>(known)));
    std::ranges::copy_if(recent, std::back_inserter(wish.penalised), [](std::int32_t id) { return id >= 0; });
    std::ranges::sort(wish.penalised);
    const auto repeated = std::ranges::unique(wish.penalised);
    wish.penalised.erase(repeated.begin(), repeated.end());
    return wish;
}

SampledToken sampled(const Drawn& drawn) {
    if (drawn.none_allowed)
        throw Error("no token may follow what was said so far: the required form of the answer leaves none");
    if (drawn.id < 0)
        refuse_logits();
    return {drawn.id, drawn.probability};
}

} // namespace switchyard
