// How a step's attention is shared out among threads: groups of rows, the KV heads of each and, where that
// leaves threads without work, the pieces of what they see.
#pragma once

#include "engine/backends/cpu/kv_attention.h"

namespace switchyard::cpu {

/// Some heads of a group of rows over one piece of their context, or over all of it.
struct PieceTask {
    static constexpr int kAll = -1;

    RowGroup rows;
    int group; ///< its number
    int head;  ///< KV head, or part of the heads
    int piece; ///< or kAll

    /// Whether it is this task that writes what the cache keeps of a token.
    bool stores(int position) const { return piece == kAll || position / kPieceTokens == piece; }
    /// Tokens that it reads of a context.
    int tokens(int context) const {
        return piece == kAll ? context : std::min(context - piece * kPieceTokens, kPieceTokens);
    }
};

/// The tasks of one attention stage. Made anew by each thread: all come to the same.
class AttentionPieces {
  public:
    /// `heads`: parts that a group's heads come in. `queries`: of each row in such a part.
    AttentionPieces(const Batch& batch, std::span<const RowGroup> groups, int heads, int queries,
                    int value_dim, Sight sight, int threads, bool exact);

    /// Whether contexts come in pieces; else a task is all of one.
    bool split() const { return split_; }
    int parts() const { return heads_; }
    /// Room for what the pieces of a task leave for each other.
    void reserve(Shared& shared) const;
    int tasks() const;
    PieceTask task(int index) const;
    /// attend() of a task. Of tasks that share a context, whoever ends last merges what all found: false is
    /// returned to the others, and their queries' `out` is nothing.
    bool attend(StepRun& run, ThreadContext& w, const QueryGroup& queries, KvSource& source,
                const PieceTask& task) const;

  private:
    PieceRange pieces(const RowGroup& group) const;
    std::size_t floats(const RowGroup& group) const;
    std::size_t all_floats() const;
    int tasks_of(const RowGroup& group) const { return heads_ * (split_ ? pieces(group).count() : 1); }

    const Batch& batch_;
    std::span<const RowGroup> groups_;
    int heads_, queries_, value_dim_;
    Sight sight_;
    bool split_ = false;
};

/// Whether no group's rows see what another group's rows add to the cache.
bool groups_are_apart(const Batch& batch, std::span<const RowGroup> groups);

} // namespace switchyard::cpu
