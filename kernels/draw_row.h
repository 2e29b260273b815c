// Draws a row's token from its logits, the same on every backend: repetition penalty, temperature, top-k,
// top-p, min-p, draw. Randomness derives from (seed, position) alone, so a token is the same whatever else is
// in the batch, whoever draws it and however often.
#pragma once

#include "kernels/candidates.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace switchyard {

/// Below this temperature the likeliest token is taken, as at 0: no draw differs from that, and the samplers
/// divide by the temperature.
inline constexpr double kLeastTemperature = 1e-6;

/// How a draw uses its randomness. A record names it, so that an answer is drawn again as it was.
enum class DrawVersion : std::uint8_t {
    Cumulative = 1, ///< one uniform number along the weights, in the order of the ids or of the candidates
    Race = 2        ///< a deviate an id (kernels/draw.h)
};
inline constexpr DrawVersion kDrawVersion = DrawVersion::Race; ///< of new answers

/// Sets of token ids: bit id % 64 of word id / 64.
using AllowedIds = std::vector<std::uint64_t>;

struct DrawWish {
    double temperature = 1;               ///< 0: greedy
    std::int32_t top_k = 0;               ///< 0: off
    double top_p = 1, min_p = 0;          ///< 1, 0: off
    double repetition_penalty = 1;        ///< 1: off
    std::uint64_t seed = 0, position = 0; ///< where the new token will stand
    std::vector<std::int32_t> penalised;  ///< ids that the penalty falls on, ascending, none twice
    bool penalises_own = false; ///< also the row's own token, where that is known only when it is computed
    DrawVersion version = kDrawVersion;
    std::shared_ptr<const AllowedIds> allowed = nullptr; ///< only these may be drawn; null: all

    /// Adds an id that the penalty falls on.
    void penalise(std::int32_t id);
};

struct Drawn {
    std::int32_t id = -1; ///< -1: no logit is a number, or of none that is allowed
    bool none_allowed = false;
    double probability = 0; ///< softmax of the logits as they came, before the samplers
};

/// Holds only scratch; one a thread. Of equal logits the lower id counts as the better.
class RowDrawer {
  public:
    /// draw() needs no memory then for rows of so many logits.
    void reserve(std::size_t logits);
    Drawn draw(std::span<const float> logits, const DrawWish& wish);

    /// What draw() needs of a row's logits; nullopt: all of them, because nothing is cut away.
    static std::optional<CandidateWish> candidates_for(const DrawWish& wish);
    /// The same draw from what was wished; nullopt where it does not prove which tokens the samplers keep.
    std::optional<Drawn> draw(const Candidates& candidates, const CandidateWish& gathered,
                              const DrawWish& wish);

  private:
    std::size_t rank(const Candidates& candidates, const CandidateWish& gathered, const DrawWish& wish);
    std::optional<std::size_t> cut(const Candidates& candidates, const DrawWish& wish, std::size_t ranked,
                                   bool all);
    std::span<const float> adjusted(std::span<const float> logits, const DrawWish& wish);
    void keep_top_p(std::span<const float> logits, float best, const DrawWish& wish);
    std::int32_t draw_from_all(std::span<const float> logits, float best, const DrawWish& wish);
    std::int32_t draw_from_best(std::size_t count, double kept, const DrawWish& wish) const;
    std::int32_t draw_cut(std::span<const float> logits, float best, const DrawWish& wish);

    std::vector<float> adjusted_;
    std::vector<Candidate> candidates_;
    std::vector<float> weights_;
};

/// In [0, 1), from a counter-based generator (kernels/splitmix.h).
double uniform_at(std::uint64_t seed, std::uint64_t position);

} // namespace switchyard
