#include "engine/backends/cpu/kv_attention.h"
#include "engine/backends/cpu/stages.h"

namespace switchyard::cpu {

namespace {

constexpr int kQueryRows = 16; ///< rows of a prefill task: a KV block is decoded once for all of them
constexpr int kLatentHeads = 4, kLatentRows = 8; ///< heads and rows of a task over a latent cache

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
        const RopeTable& table = run.shared.ropes[step.rope_table];
        const float* cosines = table.cosines.data<float>() + std::int64_t{row} * (r.dims / 2);
        const float* sines = table.sines.data<float>() + std::int64_t{row} * (r.dims / 2);
        for (int h = 0; h < r.heads; ++h)
            rope(x + std::int64_t{h} * r.head_dim + r.offset, r.dims, cosines, sines, pairs_of(r.style));
    }
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
        store_k(type, k + h * step_.head_dim, step_.head_dim, token, run.kv.keys(block, step_.layer, h));
        store_v(type, v + h * step_.value_dim, step_.value_dim, token, run.kv.values(block, step_.layer, h));
    }
}

void AttentionStage::run(StepRun& run, Worker& w) const {
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        store(run, r);
    });
    run.meet();

    const std::vector<RowGroup> groups = row_groups(run.batch, kQueryRows);
    // Last groups first: they see the longest context, and short tasks at the end share better.
    const int tasks = static_cast<int>(groups.size()) * step_.kv_heads;
    run.parallel(w, tasks, [&](int task) {
        const RowGroup& g = groups[groups.size() - 1 - static_cast<std::size_t>(task / step_.kv_heads)];
        attend_rows(run, w, g.first, g.count, task % step_.kv_heads);
    });
    run.meet();
}

void AttentionStage::attend_rows(StepRun& run, Worker& w, int first_row, int rows, int kv_head) const {
    const int heads = step_.heads / step_.kv_heads, count = rows * heads; // of this KV head
    const int acc_width = accumulator_floats(step_.value_dim), width = step_.head_dim;
    float* q = w.queries.get<float>(static_cast<std::size_t>(count) *
                                    static_cast<std::size_t>(acc_width + width + 2));
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
    const auto sequence =
        static_cast<std::size_t>(run.batch.rows[static_cast<std::size_t>(first_row)].sequence);
    attend(run, w,
           {&run.batch.sequences[sequence], step_.layer, kv_head, step_.head_dim, step_.value_dim, false,
            step_.window, count, q, positions, sink ? sinks : nullptr, out});
    for (int i = 0; i < count; ++i) {
        const std::int64_t row = first_row + i / heads, head = kv_head * heads + i % heads;
        std::copy_n(out + std::int64_t{i} * acc_width, step_.value_dim,
                    run.value(step_.out) + row * run.width(step_.out) + head * step_.value_dim);
    }
}

void LatentAttentionStage::run(StepRun& run, Worker& w) const {
    const int key_dim = step_.latent_dim + step_.rope;
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        const BatchRow& b = run.batch.rows[static_cast<std::size_t>(r)];
        const KvBlockId block = run.batch.sequences[static_cast<std::size_t>(b.sequence)]
                                    .blocks[static_cast<std::size_t>(b.position / kKvBlockTokens)];
        store_k(run.kv.type(block), run.value(step_.latent) + std::int64_t{r} * key_dim, key_dim,
                b.position % kKvBlockTokens, run.kv.keys(block, step_.layer, 0));
    });
    run.meet();

    const std::vector<RowGroup> groups = row_groups(run.batch, kLatentRows);
    const int parts = (step_.heads + kLatentHeads - 1) / kLatentHeads;
    run.parallel(w, static_cast<int>(groups.size()) * parts, [&](int task) {
        const RowGroup& g = groups[groups.size() - 1 - static_cast<std::size_t>(task / parts)];
        const int head = task % parts * kLatentHeads;
        attend_heads(run, w, g.first, g.count, head, std::min(kLatentHeads, step_.heads - head));
    });
    run.meet();
}

// For each head: the query into the latent space, attention there, and out of it again.
void LatentAttentionStage::attend_heads(StepRun& run, Worker& w, int first_row, int rows, int first_head,
                                        int heads) const {
    const int key_dim = step_.latent_dim + step_.rope, q_dim = step_.nope + step_.rope, count = rows * heads;
    const int acc_width = accumulator_floats(step_.latent_dim);
    float* q = w.queries.get<float>(static_cast<std::size_t>(count) *
                                    static_cast<std::size_t>(acc_width + key_dim + 1));
    float* out = q + std::int64_t{count} * key_dim;
    auto* positions = reinterpret_cast<std::int32_t*>(out + std::int64_t{count} * acc_width);
    const std::int64_t q_width = run.width(step_.q), out_width = run.width(step_.out);
    const float* queries = run.value(step_.q) + first_row * q_width;
    for (int h = 0; h < heads; ++h) {
        const float* from = queries + std::int64_t{first_head + h} * q_dim;
        // Query (row, head) is at row * heads + head, so that positions ascend.
        project_head(w, run.slice(step_.k_b, static_cast<std::size_t>(first_head + h)), from, q_width, rows,
                     q + std::int64_t{h} * key_dim, std::int64_t{heads} * key_dim);
        for (int r = 0; r < rows; ++r)
            std::copy_n(from + r * q_width + step_.nope, step_.rope,
                        q + (std::int64_t{r} * heads + h) * key_dim + step_.latent_dim);
    }
    scale(step_.scale, q, q, count * key_dim);
    for (int i = 0; i < count; ++i)
        positions[i] = run.batch.rows[static_cast<std::size_t>(first_row + i / heads)].position;
    const auto sequence =
        static_cast<std::size_t>(run.batch.rows[static_cast<std::size_t>(first_row)].sequence);
    attend(run, w,
           {&run.batch.sequences[sequence], step_.layer, 0, key_dim, step_.latent_dim, true, 0, count, q,
            positions, nullptr, out});
    for (int h = 0; h < heads; ++h)
        project_head(w, run.slice(step_.v_b, static_cast<std::size_t>(first_head + h)),
                     out + std::int64_t{h} * acc_width, std::int64_t{heads} * acc_width, rows,
                     run.value(step_.out) + first_row * out_width +
                         std::int64_t{first_head + h} * step_.value_dim,
                     out_width);
}

// y[t] = W x[t] for one head's matrix; strides in floats.
void LatentAttentionStage::project_head(Worker& w, const Slice& weight, const float* x, std::int64_t x_stride,
                                        int rows, float* y, std::int64_t y_stride) {
    Rows in{x, x_stride, nullptr, 0};
    if (wants_i16(weight)) {
        in.i16_stride = i16_row_bytes(weight.cols);
        std::byte* i16 = w.i16.get<std::byte>(static_cast<std::size_t>(rows) * in.i16_stride);
        for (int r = 0; r < rows; ++r)
            quantize_i16(x + r * x_stride, weight.cols, i16 + static_cast<std::size_t>(r) * in.i16_stride);
        in.i16 = i16;
    }
    multiply(weight, in, nullptr, rows, 0, panels(weight.rows), y, y_stride, false, w.decoded);
}

} // namespace switchyard::cpu
