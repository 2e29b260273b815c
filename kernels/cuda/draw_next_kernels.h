// The next token of answers' rows, drawn where their candidates lie, so that the step behind begins without
// the host: kernels/draw_row.h's draw from candidates, operation by operation. The host draws the same again.
#pragma once

#include "kernels/cuda/head_kernels.h"
#include "kernels/cuda/step_data.h"

namespace switchyard {
struct DrawWish;
}

namespace switchyard::cuda {

/// Candidates of a draw and, once more, the gathered ids among them.
inline constexpr int kMostDrawn = 1024;
inline constexpr int kDrawThreads = 256;

/// How the row of a SoughtRow is drawn: a DrawWish, as uploaded.
struct DrawRow {
    std::uint64_t seed, position;
    double top_p; ///< 1: off
    float min_p;
    float penalty;              ///< of the gathered ids
    std::int32_t top_k;         ///< 0: off
    std::int32_t greedy;        ///< the likeliest is taken
    std::int32_t best;          ///< candidates that are wanted beside one a gathered id
    std::int32_t penalises_own; ///< the row's own token, which the step before draws, is gathered as well
};

/// `candidates`: RowDrawer::candidates_for(wish).
DrawRow draw_row_of(const DrawWish& wish, const CandidateWish& candidates);
/// Whether the device can draw so: with the row's own token among what is gathered, if that is penalised.
bool draws_on_device(const DrawWish& wish, const CandidateWish& candidates);

/// A row of a step, whose token the step before draws.
struct FollowRow {
    std::int32_t row;  ///< of the step's inputs
    std::int32_t from; ///< its draw among what the step before sought
    std::int32_t to;   ///< its own draw among what its step seeks
};

/// What a step sought, and how its rows are drawn.
struct SoughtRows {
    SoughtRow* sought;
    const DrawRow* draws;     ///< beside each
    std::int32_t* gather_ids; ///< with room for a row's own token, where its draw penalises that
    std::int32_t most;        ///< CandidateParams::most
};

/// A block a row that follows. Where candidates do not prove what the samplers keep, the row gets token 0 and
/// `drawn` says -1.
struct DrawNextParams {
    std::int32_t vocabulary, part_count;
    SoughtRows before; ///< with what was found:
    const PartResult* parts;
    const Candidate* best;
    const float* gathered;
    const FollowRow* follow; ///< [grid]
    RowInput* rows;          ///< of the step that follows: their tokens are written
    SoughtRows next;         ///< what it seeks: its rows' own tokens are put among their gathered ids
    std::int32_t* drawn;     ///< [grid]
};

struct DrawNextShared {
    Candidate listed[kMostDrawn], sorted[kMostDrawn];
    float weights[kMostDrawn], terms[kMostDrawn];
    std::int32_t ids[kMostDrawn];
    double sums[kDrawThreads];
    std::uint32_t counts[3][kDrawThreads / 32];
    float arrivals[kDrawThreads / 32];
    std::int32_t leaders[kDrawThreads / 32];
    std::int32_t kept;
};

constexpr GridSize draw_next_grid(int rows) { return {static_cast<unsigned>(rows), 1}; }

#define SWITCHYARD_DRAW_NEXT_KERNELS(X)                                                                      \
    X(DrawNext, draw_next, DrawNextParams, DrawNextShared, kDrawThreads, 2)

} // namespace switchyard::cuda
