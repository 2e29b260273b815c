// What a step tells of a row's logits, so that most draws need not see them all.
#pragma once

#include "kernels/anywhere.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace switchyard {

/// What is wanted of a row's logits.
struct CandidateWish {
    std::int32_t best = 1;            ///< how many of the best
    float inverse_temperature = 1.0f; ///< the row's own
    std::vector<std::int32_t> gather; ///< ids whose logits are wanted, ascending, none twice
    bool own_mass = true;             ///< whether Candidates::own is wanted; else it may be left at nothing
};

struct Candidate {
    float logit;
    std::int32_t id;

    bool operator==(const Candidate&) const = default;
};

/// Of equal logits the lower id is the better.
SWITCHYARD_ANYWHERE inline bool better(const Candidate& a, const Candidate& b) {
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// Sums over the ids that were not gathered, whose logits may be changed before they are added. With
/// x = (logit - maximum) / temperature:
struct LogitMass {
    double sum = 0;      ///< of e^x
    double weighted = 0; ///< of x e^x
};

struct Candidates {
    float maximum = 0; ///< of all logits; -infinity where none is a number
    LogitMass plain;   ///< at temperature 1
    LogitMass own;     ///< at the row's
    float inverse_temperature = 1.0f;
    std::vector<Candidate> best; ///< best first; as many as wished, or as there are
    std::vector<float> gathered; ///< in the order of the wish
    std::int32_t vocabulary = 0;

    /// log of the sum of e^(logit / temperature) over all ids.
    double log_sum_exp(bool own_temperature = false) const;
    /// Of the softmax, in nats.
    double entropy(bool own_temperature = false) const;
};

/// Logits are looked at in parts of so many ids: parts may be computed side by side, and their sums are added
/// in order, so that the bits do not depend on who computes them.
inline constexpr std::size_t kCandidatePart = 4096;

struct CandidatePart {
    LogitMass plain, own;
    std::vector<Candidate> best;
};

/// The `count` best of all logits, best first. One pass with a heap: few logits beat its worst.
std::vector<Candidate> best_candidates(std::span<const float> logits, std::size_t count);

/// The largest logit of a row, and one that the `count` best are not below: so few others reach it that parts
/// need not rank all that they have.
struct LogitBounds {
    float largest, least_best; ///< -infinity: none is a number; so many are wanted that all must be looked at
};
LogitBounds bound_logits(std::span<const float> logits, std::size_t count);
/// Room in `parts` and `result` for what a row of `logits` logits may give: then what follows allocates
/// nothing.
void reserve_candidates(std::size_t logits, const CandidateWish& wish, std::span<CandidatePart> parts,
                        Candidates& result);
/// Of part `part` of a row's logits.
void candidate_part(std::span<const float> logits, std::size_t part, const LogitBounds& bounds,
                    const CandidateWish& wish, CandidatePart& result);
void join_parts(std::span<const float> logits, float maximum, const CandidateWish& wish,
                std::span<const CandidatePart> parts, Candidates& result);
inline std::size_t candidate_parts(std::size_t logits) {
    return (logits + kCandidatePart - 1) / kCandidatePart;
}

/// All of it, one part after another.
Candidates find_candidates(std::span<const float> logits, const CandidateWish& wish);

} // namespace switchyard
