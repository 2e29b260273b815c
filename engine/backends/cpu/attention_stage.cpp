#include "engine/backends/cpu/stages.h"

#include <algorithm>

namespace switchyard::cpu {

namespace {

constexpr int kQueryRows = 16; ///< rows of a prefill task: a KV block is decoded once for all of them

RopePairs pairs_of(RopeStyle style) {
    return style == RopeStyle::Interleaved ? RopePairs::Interleaved : RopePairs::HalfSplit;
}

} // namespace

void RowSteps::apply(StepRun& run, int row) const {
    for (const RowStep& step : steps_)
        apply_step(run, row, step);
}

void RowSteps::apply_to(StepRun& run, int row, ValueId value) const {
    for (const RowStep& step : steps_)
        if (step.value() == value)
            apply_step(run, row, step);
}

void RowSteps::apply_step(StepRun& run, int row, const RowStep& step) {
    const int width = run.width(step.value());
    float* x = run.value(step.value()) + std::int64_t{row} * width;
    if (step.norm) {
        const int count = step.norm->count > 0 ? step.norm->count : width;
        for (int i = 0; i < count; i += step.norm->group)
            run.normalise(*step.norm, x + i, step.norm->group, x + i);
        return;
    }
    for (int h = 0; h < step.rope->heads; ++h)
        rotate(run, row, step, x + std::int64_t{h} * step.rope->head_dim);
}

bool RowSteps::by_head(ValueId value, int head_dim) const {
    return std::ranges::all_of(steps_, [&](const RowStep& step) {
        return step.value() != value || (step.norm ? step.norm->group : step.rope->head_dim) == head_dim;
    });
}

void RowSteps::apply_to_head(StepRun& run, int row, ValueId value, int head, float* x) const {
    for (const RowStep& step : steps_) {
        if (step.value() != value)
            continue;
        if (!step.norm) {
            if (head < step.rope->heads)
                rotate(run, row, step, x);
        } else if (step.norm->count <= 0 || head * step.norm->group < step.norm->count) {
            run.normalise(*step.norm, x, step.norm->group, x);
        }
    }
}

/// Rotates the head at `x` of a row.
void RowSteps::rotate(StepRun& run, int row, const RowStep& step, float* x) {
    const RopeStep& r = *step.rope;
    const RopeTable& table = run.shared.ropes[step.ropes];
    const float* cosines = table.cosines.data<float>() + std::int64_t{row} * (r.dims / 2);
    const float* sines = table.sines.data<float>() + std::int64_t{row} * (r.dims / 2);
    rope(x + r.offset, r.dims, cosines, sines, pairs_of(r.style));
}

void AttentionStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    if (step_.choice != kNoChoice) {
        reserve_chosen(shape, shared, sizes);
        return;
    }
    group_rows(shape.batch, kQueryRows, kQueryRows, shared.groups);
    const int count = std::min(shape.rows(), kQueryRows) * queries();
    ScratchSizes::hold<float>(sizes.queries, query_floats(count));
    hold_attention(shape, step_.head_dim, step_.value_dim, count, sizes);
    pieces(shape.batch, shared, shape.threads, shape.exact).reserve(shared);
}

AttentionPieces AttentionStage::pieces(const Batch& batch, const Shared& shared, int threads,
                                       bool exact) const {
    return {batch, shared.groups, step_.kv_heads, queries(), step_.value_dim, step_.sight(), threads, exact};
}

/// Of `count` queries: themselves, what comes of them, sinks and positions.
std::size_t AttentionStage::query_floats(int count) const {
    return static_cast<std::size_t>(count) *
           static_cast<std::size_t>(accumulator_floats(step_.value_dim) + step_.head_dim + 2);
}

float* AttentionStage::head_of(StepRun& run, ValueId value, std::int64_t row, std::int64_t head, int dim) {
    return run.value(value) + row * run.width(value) + head * dim;
}

/// Key and value of one KV head of a row, to its block.
void AttentionStage::store(StepRun& run, int row, int head) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const auto& blocks = run.batch.sequences[static_cast<std::size_t>(b.sequence)].blocks;
    const KvBlockId block = blocks[static_cast<std::size_t>(b.position / kKvBlockTokens)];
    const int token = b.position % kKvBlockTokens;
    const BlockType type = run.kv.type(block);
    store_k(type, head_of(run, step_.k, row, head, step_.head_dim), step_.head_dim, token,
            run.kv.keys(block, layer_, head));
    store_v(type, head_of(run, step_.v, row, head, step_.value_dim), step_.value_dim, token,
            run.kv.values(block, layer_, head));
}

/// Whether each task can prepare its own queries, keys and values: no group sees what another stores, and no
/// norm spans heads.
bool AttentionStage::apart(const StepRun& run) const {
    return groups_are_apart(run.batch, run.shared.groups) && row_steps_.by_head(step_.q, step_.head_dim) &&
           row_steps_.by_head(step_.k, step_.head_dim) && row_steps_.by_head(step_.v, step_.value_dim);
}

void AttentionStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    if (step_.choice != kNoChoice)
        return attend_chosen(run, w);
    const bool own = apart(run);
    if (!own) {
        run.parallel(w, run.rows(), [&](int r) {
            row_steps_.apply(run, r);
            for (int h = 0; h < (borrows() ? 0 : step_.kv_heads); ++h)
                store(run, r, h);
        });
        run.meet(w);
    }
    const AttentionPieces shared_out = pieces(run.batch, run.shared, run.threads(), run.shape.exact);
    run.parallel(w, shared_out.tasks(), [&](int i) {
        const PieceTask task = shared_out.task(i);
        if (own && !borrows())
            store_own(run, task);
        attend_task(run, w, shared_out, task, own);
    });
    run.meet(w);
}

/// What a task's part of the cache gets of its rows.
void AttentionStage::store_own(StepRun& run, const PieceTask& task) const {
    for (int row = task.rows.first; row < task.rows.first + task.rows.count; ++row) {
        if (!task.stores(run.batch.rows[static_cast<std::size_t>(row)].position))
            continue;
        row_steps_.apply_to_head(run, row, step_.k, task.head,
                                 head_of(run, step_.k, row, task.head, step_.head_dim));
        if (step_.v != step_.k)
            row_steps_.apply_to_head(run, row, step_.v, task.head,
                                     head_of(run, step_.v, row, task.head, step_.value_dim));
        store(run, row, task.head);
    }
}

/// `own`: queries are still as the projection left them.
void AttentionStage::attend_task(StepRun& run, ThreadContext& w, const AttentionPieces& shared_out,
                                 const PieceTask& task, bool own) const {
    const int heads = queries(), count = task.rows.count * heads, width = step_.head_dim;
    const int acc_width = accumulator_floats(step_.value_dim);
    float* q = w.queries.get<float>(query_floats(count));
    float *out = q + std::int64_t{count} * width, *sinks = out + std::int64_t{count} * acc_width;
    auto* positions = reinterpret_cast<std::int32_t*>(sinks + count);
    const float* sink = run.vector(step_.sinks);
    for (int i = 0; i < count; ++i) {
        const int row = task.rows.first + i / heads, head = task.head * heads + i % heads;
        float* query = q + std::int64_t{i} * width;
        std::copy_n(head_of(run, step_.q, row, head, width), width, query);
        if (own)
            row_steps_.apply_to_head(run, row, step_.q, head, query);
        positions[i] = run.batch.rows[static_cast<std::size_t>(row)].position;
        sinks[i] = sink ? sink[head] : 0.0f;
        scale(step_.scale * step_.temperature.at(positions[i]), query, query, width);
    }
    const BatchSequence& sequence = run.batch.sequences[static_cast<std::size_t>(
        run.batch.rows[static_cast<std::size_t>(task.rows.first)].sequence)];
    CachedKv source(run, sequence, layer_, task.head, false);
    w.meter.count(run.cached_bytes(sequence, task.tokens(positions[count - 1] + 1)) /
                      static_cast<std::uint64_t>(step_.kv_heads),
                  0);
    const QueryGroup group{step_.head_dim,
                           step_.value_dim,
                           step_.sight(),
                           step_.cap,
                           exact_cache(run, sequence),
                           count,
                           q,
                           positions,
                           sink ? sinks : nullptr,
                           out};
    if (!shared_out.attend(run, w, group, source, task))
        return;
    for (int i = 0; i < count; ++i)
        scale(step_.value_scale, out + std::int64_t{i} * acc_width,
              head_of(run, step_.out, task.rows.first + i / heads, task.head * heads + i % heads,
                      step_.value_dim),
              step_.value_dim);
}

} // namespace switchyard::cpu
