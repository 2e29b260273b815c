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
/// Throws Error where nothing could be drawn: no logit was a number, or of none that the wish allows.
SampledToken sampled(const Drawn& drawn);

} // namespace switchyard
