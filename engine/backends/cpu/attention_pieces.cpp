#include "engine/backends/cpu/attention_pieces.h"

#include <algorithm>
#include <array>

namespace switchyard::cpu {

namespace {

constexpr int kTasksPerThread = 4;                               ///< with so many, pieces are not needed
constexpr std::size_t kMostFloats = std::size_t{4} << 20;        ///< that pieces leave for each other
constexpr std::size_t kFloatsPerThread = std::size_t{512} << 10; ///< or so many, where there are many threads

} // namespace

AttentionPieces::AttentionPieces(const Batch& batch, std::span<const RowGroup> groups, int heads, int queries,
                                 int value_dim, Sight sight, int threads, bool exact)
    : batch_(batch), groups_(groups), heads_(heads), queries_(queries), value_dim_(value_dim), sight_(sight) {
    const bool parts = std::ranges::any_of(groups, [&](const RowGroup& g) { return pieces(g).count() > 1; });
    split_ = parts && !exact && static_cast<int>(groups.size()) * heads < kTasksPerThread * threads &&
             all_floats() <= std::max(kMostFloats, kFloatsPerThread * static_cast<std::size_t>(threads));
}

PieceRange AttentionPieces::pieces(const RowGroup& group) const {
    const auto position = [&](int row) { return batch_.rows[static_cast<std::size_t>(row)].position; };
    return pieces_of(position(group.first), position(group.first + group.count - 1), sight_);
}

/// Of the states of one head.
std::size_t AttentionPieces::floats(const RowGroup& group) const {
    return static_cast<std::size_t>(pieces(group).count()) * state_floats(group.count * queries_, value_dim_);
}

std::size_t AttentionPieces::all_floats() const {
    std::size_t sum = 0;
    for (const RowGroup& group : groups_)
        sum += static_cast<std::size_t>(heads_) * floats(group);
    return sum;
}

void AttentionPieces::reserve(Shared& shared) const {
    const std::size_t contexts = split_ ? groups_.size() * static_cast<std::size_t>(heads_) : 0;
    shared.piece_states.reserve<float>(split_ ? all_floats() : 0);
    if (shared.pieces_done.size() < contexts)
        shared.pieces_done = std::vector<std::atomic<int>>(contexts);
    for (std::atomic<int>& done : shared.pieces_done) // a stopped step leaves them anyhow
        done.store(0, std::memory_order_relaxed);
}

int AttentionPieces::tasks() const {
    int sum = 0;
    for (const RowGroup& group : groups_)
        sum += tasks_of(group);
    return sum;
}

/// Last groups first: they see the longest context, and short tasks at the end share better.
PieceTask AttentionPieces::task(int index) const {
    std::size_t group = groups_.size() - 1;
    for (; index >= tasks_of(groups_[group]); --group)
        index -= tasks_of(groups_[group]);
    const RowGroup& rows = groups_[group];
    if (!split_)
        return {rows, static_cast<int>(group), index, PieceTask::kAll};
    const PieceRange range = pieces(rows);
    return {rows, static_cast<int>(group), index / range.count(), range.first + index % range.count()};
}

bool AttentionPieces::attend(StepRun& run, ThreadContext& w, const QueryGroup& queries, KvSource& source,
                             const PieceTask& task) const {
    const PieceRange range = pieces(task.rows);
    if (task.piece == PieceTask::kAll || range.count() == 1) {
        cpu::attend(run, w, queries, source);
        return true;
    }
    std::size_t begin = 0;
    for (int g = 0; g < task.group; ++g)
        begin += static_cast<std::size_t>(heads_) * floats(groups_[static_cast<std::size_t>(g)]);
    begin += static_cast<std::size_t>(task.head) * floats(task.rows);
    float* const memory = run.shared.piece_states.data<float>() + begin;
    const std::size_t step = state_floats(queries.count, value_dim_);
    const auto state = [&](int piece) {
        return states_in(memory + static_cast<std::size_t>(piece - range.first) * step, queries.count);
    };
    attend_piece(run, w, queries, source, task.piece, state(task.piece));
    std::atomic<int>& done =
        run.shared.pieces_done[static_cast<std::size_t>(task.group * heads_ + task.head)];
    if (done.fetch_add(1, std::memory_order_acq_rel) + 1 < range.count())
        return false;
    done.store(0, std::memory_order_relaxed); // for the next layer
    for (int piece = range.first + 1; piece <= range.last; ++piece)
        merge_states({queries.count, value_dim_, state(piece), state(range.first)});
    finish(queries, state(range.first));
    return true;
}

bool groups_are_apart(const Batch& batch, std::span<const RowGroup> groups) {
    for (std::size_t i = 1; i < groups.size(); ++i)
        if (batch.rows[static_cast<std::size_t>(groups[i].first)].sequence ==
            batch.rows[static_cast<std::size_t>(groups[i - 1].first)].sequence)
            return false;
    return true;
}

} // namespace switchyard::cpu
