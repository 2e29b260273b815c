// What a step computes: rows of sequences, what is wanted of them, and what comes back.
#pragma once

#include "engine/model/router.h"
#include "engine/run/stage_use.h"
#include "kernels/draw_row.h"

#include <cstdint>
#include <span>
#include <vector>

namespace switchyard {

/// A KV block holds kKvBlockTokens tokens of every layer, at positions [n * kKvBlockTokens, (n + 1) *
/// kKvBlockTokens).
inline constexpr int kKvBlockTokens = 32;
using KvBlockId = std::int32_t;
/// How many blocks so many tokens take.
constexpr std::size_t blocks_for(int tokens) {
    return static_cast<std::size_t>((tokens + kKvBlockTokens - 1) / kKvBlockTokens);
}

/// The states of all layers that have one, of one sequence at one position, are a block of their own kind.
inline constexpr KvBlockId kNoState = -1;

/// The dials that a row is computed with. Plain values, so that a device reads them from memory in the middle
/// of a captured graph. Those at rest change nothing.
struct RowDials {
    std::int32_t experts = 0;          ///< active routed experts; 0: as the plan says
    float gate_threshold = 0.0f;       ///< experts below this share of the best one's weight are left out
    float routing_mass = 1.0f;         ///< the fewest best experts with this share of the weights
    std::int32_t pool = 0;             ///< only the first `pool` experts of a layer are chosen from; 0: all
    std::int32_t off_mask = -1;        ///< which experts are switched off: a mask of the batch; -1: none
    std::int32_t attention_window = 0; ///< tokens that attention sees at most; 0: as the plan says
    std::int32_t adapter = -1;         ///< added to the weights; -1: none
    std::int32_t activation_bits = 16; ///< 16 or 8: of quantized products' activations

    bool operator==(const RowDials&) const = default;
};

enum class RowWish : std::uint8_t {
    Nothing,    ///< keys and values only
    Logits,     ///< all of them
    Candidates, ///< the best of them, and what they weigh among all
    Draw        ///< the next token, drawn; where `candidates` says which, also those
};

struct BatchRow {
    std::int32_t token = 0;
    /// From 0 on: instead the token that this row of the step started before draws.
    std::int32_t drawn_by = -1;
    std::int32_t position = 0;
    std::int32_t sequence = 0; ///< index into Batch::sequences
    RowDials dials = {};
    RowWish wish = RowWish::Nothing;
    std::int32_t candidates = -1; ///< index into Batch::candidate_wishes, where they are wished
    std::int32_t draw = -1;       ///< index into Batch::draw_wishes, where a draw is wished
    bool routing = false;         ///< tells which experts it chose
    /// Latent attention in its decompressed form; else in the absorbed one. They agree to rounding, so the
    /// form is the row's own and never the batch's: results do not depend on what is computed together.
    bool decompressed = false;
    /// One of many rows of a prompt, where the backend has a path for those (Executor::prompt_rows()). The
    /// paths agree to rounding; as the form above, it is the row's own. They stand behind all other rows.
    bool prompt = false;
    /// Of those: no product of it is a library's (Executor::prompt_library()), though there is one. They
    /// stand before those that are.
    bool own_products = false;
};

/// The memory of a sequence. Where a plan has states of a fixed size, a step reads one and writes others: it
/// changes none, so that a step that is stopped, or rows that are taken back, spoil nothing.
struct BatchSequence {
    /// By position / kKvBlockTokens; they must exist for every position in the batch.
    std::vector<KvBlockId> blocks;
    /// States before its first row in the batch; kNoState: those of an empty sequence.
    KvBlockId state = kNoState;
    struct StateAfter {
        int rows = 0; ///< of this sequence in the batch
        KvBlockId state = kNoState;
        bool operator==(const StateAfter&) const = default;
    };
    std::vector<StateAfter> states_after = {}; ///< which are kept, ascending
    bool long_text = false; ///< more tokens than Plan::short_text, all of which are computed so
};

/// Rows of one sequence are in ascending order of position and stand together.
struct Batch {
    std::vector<BatchRow> rows;
    std::vector<BatchSequence> sequences;
    std::vector<CandidateWish> candidate_wishes;
    std::vector<DrawWish> draw_wishes;
    /// Experts switched off (RowDials::off_mask): a set of expert_set_words() for each router of the plan,
    /// one behind the other.
    std::vector<std::vector<std::uint32_t>> off_masks = {};
};

/// Puts the tokens that the rows of the step before drew into a batch, and lets penalties fall on them.
/// `drawn`: by row, -1 where none was. False: one is missing.
inline bool take_drawn(Batch& batch, std::span<const std::int32_t> drawn) {
    for (BatchRow& row : batch.rows) {
        if (row.drawn_by < 0)
            continue;
        const auto from = static_cast<std::size_t>(row.drawn_by);
        if (from >= drawn.size() || drawn[from] < 0)
            return false;
        row.token = drawn[from];
        DrawWish* wish =
            row.wish == RowWish::Draw ? &batch.draw_wishes[static_cast<std::size_t>(row.draw)] : nullptr;
        if (wish && wish->penalises_own)
            wish->penalise(row.token);
    }
    return true;
}

/// The experts that some rows chose, best first: [routers][rows that asked][most], flat. Behind a row's last
/// expert the number is -1.
struct RoutingTable {
    int routers = 0, rows = 0, most = 0;
    std::vector<RouteChoice> choices;

    void shape(int routers_, int rows_, int most_) {
        routers = routers_;
        rows = rows_;
        most = most_;
        choices.assign(at(routers, 0), RouteChoice{-1, 0.0f});
    }
    std::span<RouteChoice> of(int router, int row) {
        return std::span(choices).subspan(at(router, row), static_cast<std::size_t>(most));
    }
    std::span<const RouteChoice> of(int router, int row) const {
        return std::span(choices).subspan(at(router, row), static_cast<std::size_t>(most));
    }

  private:
    std::size_t at(int router, int row) const {
        return (static_cast<std::size_t>(router) * static_cast<std::size_t>(rows) +
                static_cast<std::size_t>(row)) *
               static_cast<std::size_t>(most);
    }
};

/// What became of the experts that layers' rows needed, where not all are on the device.
struct ExpertTraffic {
    std::uint64_t hits = 0, misses = 0; ///< those that were there, and that were fetched
    std::uint64_t bytes = 0;            ///< fetched

    double hit_rate() const {
        return hits + misses > 0 ? static_cast<double>(hits) / static_cast<double>(hits + misses) : 0;
    }
    ExpertTraffic& operator+=(const ExpertTraffic& other) {
        hits += other.hits;
        misses += other.misses;
        bytes += other.bytes;
        return *this;
    }
    ExpertTraffic operator-(const ExpertTraffic& other) const {
        return {hits - other.hits, misses - other.misses, bytes - other.bytes};
    }
    bool operator==(const ExpertTraffic&) const = default;
};

struct StepResult {
    std::vector<float> logits;          ///< [rows that want them, vocabulary], in row order
    std::vector<Candidates> candidates; ///< of the rows that want them, in row order
    std::vector<Drawn> drawn;           ///< of the rows that want a draw, in row order
    RoutingTable routing;               ///< of the rows that asked, in row order
    StageTable stages;                  ///< where the step's time went
    ExpertTraffic experts{};            ///< of all its rows
    /// Stopped between tiles, or the step whose draws it needs was: KV contents at the batch's positions are
    /// undefined.
    bool cancelled = false;
};

} // namespace switchyard
