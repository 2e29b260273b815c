// Draws the next token from logits. Randomness derives from (seed, position) alone, so a token is the same
// whatever else is in the batch and however often it is drawn.
#pragma once

#include "engine/run/tuning.h"

#include <cstdint>
#include <span>
#include <vector>

namespace switchyard {

struct SampledToken {
    std::int32_t id = 0;
    double probability = 0; ///< softmax of the logits as they came, before the samplers
};

/// The chain: repetition penalty, temperature, top-k, top-p, min-p, draw. Holds only scratch; one a thread.
class Sampler {
  public:
    /// `history`: the tokens of the context so far, for the repetition penalty. `position`: where the new
    /// token will stand. Of equal logits the lower id counts as the better. Throws Error where no logit is a
    /// number.
    SampledToken sample(std::span<const float> logits, const SequenceTuning& tuning,
                        std::span<const std::int32_t> history, std::uint64_t position);

  private:
    struct Candidate {
        float logit;
        std::int32_t id;
    };
    static bool better(const Candidate& a, const Candidate& b) {
        return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
    }
    std::span<const float> penalised(std::span<const float> logits, const SequenceTuning& tuning,
                                     std::span<const std::int32_t> history);
    void keep_best(std::span<const float> logits, std::size_t count);
    void keep_top_p(std::span<const float> logits, float best, const SequenceTuning& tuning);
    std::int32_t draw_from_all(std::span<const float> logits, float best, const SequenceTuning& tuning,
                               double uniform);
    std::int32_t draw(std::span<const float> logits, float best, const SequenceTuning& tuning,
                      double uniform);

    std::vector<float> penalised_;
    std::vector<std::int32_t> recent_;
    std::vector<Candidate> candidates_;
    std::vector<float> weights_;
};

/// In [0, 1), from a counter-based generator (the mixing function is splitmix64's: Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014).
double uniform_at(std::uint64_t seed, std::uint64_t position);

} // namespace switchyard
