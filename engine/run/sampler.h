// Draws the next token from logits. Randomness derives from (seed, position) alone, so a token is the same
// whatever else is in the batch and however often it is drawn.
#pragma once

#include "engine/run/tuning.h"
#include "kernels/candidates.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace switchyard {

struct SampledToken {
    std::int32_t id = 0;
    double probability = 0; ///< softmax of the logits as they came, before the samplers
};

/// How a draw uses its randomness. A record names it, so that an answer is drawn again as it was.
enum class DrawVersion : std::uint8_t {
    Cumulative = 1, ///< one uniform number along the weights, in the order of the ids or of the candidates
    Race = 2        ///< a deviate an id (kernels/draw.h)
};
inline constexpr DrawVersion kDrawVersion = DrawVersion::Race; ///< of new answers

/// The chain: repetition penalty, temperature, top-k, top-p, min-p, draw. Holds only scratch; one a thread.
class Sampler {
  public:
    /// `history`: the tokens of the context so far, for the repetition penalty. `position`: where the new
    /// token will stand. Of equal logits the lower id counts as the better. Throws Error where no logit is a
    /// number.
    SampledToken sample(std::span<const float> logits, const SequenceTuning& tuning,
                        std::span<const std::int32_t> history, std::uint64_t position,
                        DrawVersion version = kDrawVersion);

    /// What sample() needs of a row's logits; nullopt: all of them, because nothing is cut away.
    static std::optional<CandidateWish> wish(const SequenceTuning& tuning,
                                             std::span<const std::int32_t> history);
    /// The same draw from what was wished; nullopt where it does not prove which tokens the samplers keep.
    /// Throws Error where no logit is a number.
    std::optional<SampledToken> sample(const Candidates& candidates, const CandidateWish& wish,
                                       const SequenceTuning& tuning, std::uint64_t position);

  private:
    /// Tokens at the top of candidates_ that are the best of all, penalties included.
    std::size_t rank(const Candidates& candidates, const CandidateWish& wish, const SequenceTuning& tuning);
    std::optional<std::size_t> cut(const Candidates& candidates, const SequenceTuning& tuning,
                                   std::size_t ranked, bool all);
    struct Draw {
        DrawVersion version;
        std::uint64_t seed, position;
    };
    std::span<const float> penalised(std::span<const float> logits, const SequenceTuning& tuning,
                                     std::span<const std::int32_t> history);
    void keep_top_p(std::span<const float> logits, float best, const SequenceTuning& tuning);
    std::int32_t draw_from_all(std::span<const float> logits, float best, const SequenceTuning& tuning,
                               const Draw& draw);
    std::int32_t draw_from_best(std::size_t count, double kept, const Draw& draw) const;
    std::int32_t draw(std::span<const float> logits, float best, const SequenceTuning& tuning,
                      const Draw& draw);

    std::vector<float> penalised_;
    std::vector<Candidate> candidates_;
    std::vector<float> weights_;
};

/// In [0, 1), from a counter-based generator (the mixing function is splitmix64's: Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014).
double uniform_at(std::uint64_t seed, std::uint64_t position);

} // namespace switchyard
