// Draws the next token from logits as the dials say: kernels/draw_row.h in the engine's words.
#pragma once

#include "engine/run/tuning.h"
#include "kernels/draw_row.h"

namespace switchyard {

struct SampledToken {
    std::int32_t id = 0;
    double probability = 0; ///< softmax of the logits as they came, before the samplers
};

/// `history`: the tokens of the context so far, for the repetition penalty. `position`: where the new token
/// will stand. `last_unknown`: behind them one more, which the step before draws.
DrawWish draw_wish(const SequenceTuning& tuning, std::span<const std::int32_t> history,
                   std::uint64_t position, DrawVersion version = kDrawVersion, bool last_unknown = false);
/// Throws Error where no logit was a number.
SampledToken sampled(const Drawn& drawn);

/// Holds only scratch; one a thread. All throw Error where no logit is a number.
class Sampler {
  public:
    SampledToken sample(std::span<const float> logits, const SequenceTuning& tuning,
                        std::span<const std::int32_t> history, std::uint64_t position,
                        DrawVersion version = kDrawVersion);

    /// What sample() needs of a row's logits; nullopt: all of them, because nothing is cut away.
    static std::optional<CandidateWish> wish(const SequenceTuning& tuning,
                                             std::span<const std::int32_t> history);
    /// The same draw from what was wished; nullopt where it does not prove which tokens the samplers keep.
    std::optional<SampledToken> sample(const Candidates& candidates, const CandidateWish& wish,
                                       const SequenceTuning& tuning, std::uint64_t position);

  private:
    RowDrawer drawer_;
};

} // namespace switchyard
