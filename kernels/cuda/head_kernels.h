// What a step tells of its logits, found where they are: the best of them, and what they weigh.
#pragma once

#include "kernels/candidates.h"
#include "kernels/cuda/device.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace switchyard::cuda {

inline constexpr int kMostBest = 1024; ///< candidates of a row
inline constexpr int kMostSought = 64; ///< rows of a step

/// A row of logits and what is wanted of it: a CandidateWish, as uploaded.
struct SoughtRow {
    std::int32_t logit_row; ///< -1: nothing is wanted, and nothing written
    std::int32_t best;      ///< at most CandidateParams::most
    float inverse_temperature;
    std::int32_t gather_first, gather_count; ///< in gather_ids and gathered; ids ascending, none twice
};

/// Of kCandidatePart ids of a row.
struct PartResult {
    float maximum;      ///< -infinity where none is a number
    std::int32_t count; ///< of its ids among its best
    LogitMass plain, own;
};

/// Logits are looked at twice, in two launches: the best of each part, then, with the row's maximum, its
/// masses and which of its best are the row's. Ids at or beyond the vocabulary are never seen.
struct CandidateParams {
    const float* logits;        ///< row r at r * logits_stride
    std::int64_t logits_stride; ///< floats
    std::int32_t vocabulary;
    std::int32_t most;       ///< room for the best of a row: at most kMostBest
    const SoughtRow* sought; ///< [rows of the grid]
    const std::int32_t* gather_ids;
    Candidate* part_best; ///< scratch: [rows][parts][most]
    PartResult* parts;    ///< [rows][parts]
    Candidate* best;      ///< [rows][most], the best first
    float* gathered;      ///< logits of gather_ids; -infinity beyond the vocabulary
};
inline constexpr int kCandidateThreads = 256;
constexpr std::int32_t candidate_part_count(std::int32_t vocabulary) {
    return static_cast<std::int32_t>((static_cast<std::size_t>(vocabulary) + kCandidatePart - 1) /
                                     kCandidatePart);
}
/// Of both launches.
constexpr GridSize candidate_grid(std::int32_t vocabulary, std::int32_t rows) {
    return {static_cast<unsigned>(candidate_part_count(vocabulary)), static_cast<unsigned>(rows)};
}

/// What find_candidates() would have found, from the row's own results on the host.
Candidates joined_candidates(const CandidateWish& wish, std::int32_t vocabulary,
                             std::span<const PartResult> parts, std::span<const Candidate> best,
                             std::span<const float> gathered);

inline constexpr int kCandidateWarps = kCandidateThreads / 32;

struct PartBestShared {
    std::uint64_t chosen[kMostBest]; ///< rank of the logit, then that of the id
    std::uint32_t counts[2][kCandidateWarps];
    std::uint32_t maxima[kCandidateWarps];
};
struct JoinBestShared {
    double runs[kCandidatePart / 64][4];         ///< sums of 64 ids: plain, its weighted, own, its weighted
    std::uint32_t gathered[kCandidatePart / 32]; ///< bits of the ids that masses leave out
};

#define SWITCHYARD_HEAD_KERNELS(X)                                                                           \
    X(PartBest, part_best, CandidateParams, PartBestShared, kCandidateThreads, 2)                            \
    X(JoinBest, join_best, CandidateParams, JoinBestShared, kCandidateThreads, 2)

} // namespace switchyard::cuda
