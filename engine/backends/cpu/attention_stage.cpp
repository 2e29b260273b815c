#include "engine/backends/cpu/kv_attention.h"
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
    for (const RowStep& step : steps_) {
        const int width = run.width(step.value());
        float* x = run.value(step.value()) + std::int64_t{row} * width;
        if (step.norm) {
            const int count = step.norm->count > 0 ? step.norm->count : width;
            for (int i = 0; i < count; i += step.norm->group)
                rms_norm(x + i, run.vector(step.norm->gain), step.norm->epsilon, step.norm->group, x + i);
            continue;
        }
        const RopeStep& r = *step.rope;
        const RopeTable& table = run.shared.ropes[step.ropes];
        const float* cosines = table.cosines.data<float>() + std::int64_t{row} * (r.dims / 2);
        const float* sines = table.sines.data<float>() + std::int64_t{row} * (r.dims / 2);
        for (int h = 0; h < r.heads; ++h)
            rope(x + std::int64_t{h} * r.head_dim + r.offset, r.dims, cosines, sines, pairs_of(r.style));
    }
}

void AttentionStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    group_rows(shape.batch, kQueryRows, kQueryRows, shared.groups);
    const int count = std::min(shape.rows(), kQueryRows) * (step_.heads / step_.kv_heads);
    ScratchSizes::hold<float>(sizes.queries, query_floats(count));
    hold_attention(shape, step_.head_dim, step_.value_dim, count, sizes);
}

/// Of `count` queries: themselves, what comes of them, sinks and positions.
std::size_t AttentionStage::query_floats(int count) const {
    return static_cast<std::size_t>(count) *
           static_cast<std::size_t>(accumulator_floats(step_.value_dim) + step_.head_dim + 2);
}

void AttentionStage::store(StepRun& run, int row) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const auto& blocks = run.batch.sequences[static_cast<std::size_t>(b.sequence)].blocks;
    const KvBlockId block = blocks[static_cast<std::size_t>(b.position / kKvBlockTokens)];
    const int token = b.position % kKvBlockTokens;
    const BlockType type = run.kv.type(block);
    const float* k = run.value(step_.k) + std::int64_t{row} * run.width(step_.k);
    const float* v = run.value(step_.v) + std::int64_t{row} * run.width(step_.v);
    for (int h = 0; h < step_.kv_heads; ++h) {
        store_k(type, k + h * step_.head_dim, step_.head_dim, token, run.kv.keys(block, layer_, h));
        store_v(type, v + h * step_.value_dim, step_.value_dim, token, run.kv.values(block, layer_, h));
    }
}

void AttentionStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        store(run, r);
    });
    run.meet(w);

    const std::vector<RowGroup>& groups = run.shared.groups;
    // Last groups first: they see the longest context, and short tasks at the end share better.
    const int tasks = static_cast<int>(groups.size()) * step_.kv_heads;
    run.parallel(w, tasks, [&](int task) {
        const RowGroup& g = groups[groups.size() - 1 - static_cast<std::size_t>(task / step_.kv_heads)];
        attend_rows(run, w, g.first, g.count, task % step_.kv_heads);
    });
    run.meet(w);
}

void AttentionStage::attend_rows(StepRun& run, ThreadContext& w, int first_row, int rows, int kv_head) const {
    const int heads = step_.heads / step_.kv_heads, count = rows * heads; // of this KV head
    const int acc_width = accumulator_floats(step_.value_dim), width = step_.head_dim;
    float* q = w.queries.get<float>(query_floats(count));
    float *out = q + std::int64_t{count} * width, *sinks = out + std::int64_t{count} * acc_width;
    auto* positions = reinterpret_cast<std::int32_t*>(sinks + count);
    const float* sink = run.vector(step_.sinks);
    for (int i = 0; i < count; ++i) {
        const std::int64_t row = first_row + i / heads, head = kv_head * heads + i % heads;
        scale(step_.scale, run.value(step_.q) + row * run.width(step_.q) + head * width,
              q + std::int64_t{i} * width, width);
        positions[i] = run.batch.rows[static_cast<std::size_t>(row)].position;
        sinks[i] = sink ? sink[head] : 0.0f;
    }
    const BatchSequence& sequence = run.batch.sequences[static_cast<std::size_t>(
        run.batch.rows[static_cast<std::size_t>(first_row)].sequence)];
    CachedKv source(run, sequence, layer_, kv_head, false);
    w.meter.count(
        run.cached_bytes(sequence, positions[count - 1] + 1) / static_cast<std::uint64_t>(step_.kv_heads), 0);
    attend(run, w,
           {step_.head_dim, step_.value_dim, step_.window, exact_cache(run, sequence), count, q, positions,
            sink ? sinks : nullptr, out},
           source);
    for (int i = 0; i < count; ++i) {
        const std::int64_t row = first_row + i / heads, head = kv_head * heads + i % heads;
        std::copy_n(out + std::int64_t{i} * acc_width, step_.value_dim,
                    run.value(step_.out) + row * run.width(step_.out) + head * step_.value_dim);
    }
}

} // namespace switchyard::cpu
