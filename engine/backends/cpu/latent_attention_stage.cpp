// Attention over a latent cache (MLA), in both its forms.
#include "engine/backends/cpu/attention_pieces.h"
#include "engine/backends/cpu/decompressed_kv.h"
#include "engine/backends/cpu/stages.h"

#include <algorithm>

namespace switchyard::cpu {

namespace {

constexpr int kHeads = 4, kRows = 8; ///< heads and rows of a task in the absorbed form
/// Rows of a task in the decompressed form, which has one head: all of them share each decompressed block.
constexpr int kDecompressedRows = 512;

/// Some heads of some rows.
struct Task {
    RowGroup rows;
    int first_head, heads;
};

int heads_at_once(const RowGroup& group) { return group.decompressed ? 1 : kHeads; }

int tasks_of(const RowGroup& group, int heads) {
    return (heads + heads_at_once(group) - 1) / heads_at_once(group);
}

int task_count(std::span<const RowGroup> groups, int heads) {
    int count = 0;
    for (const RowGroup& group : groups)
        count += tasks_of(group, heads);
    return count;
}

/// Last rows first: they see the longest context, and short tasks at the end share better.
Task task_at(std::span<const RowGroup> groups, int heads, int index) {
    auto group = groups.rbegin();
    for (; index >= tasks_of(*group, heads); ++group)
        index -= tasks_of(*group, heads);
    const int step = heads_at_once(*group), head = index * step;
    return {*group, head, std::min(step, heads - head)};
}

} // namespace

void LatentAttentionStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    if (step_.choice != kNoChoice) {
        reserve_chosen(shape, shared, sizes);
        return;
    }
    group_rows(shape.batch, kRows, kDecompressedRows, shared.latent_groups);
    int rows = 1; // of the largest group
    for (const RowGroup& group : shared.latent_groups)
        rows = std::max(rows, std::min(group.count, kRows));
    const int count = rows * (all_heads(shape) ? step_.heads : std::min(kHeads, step_.heads));
    ScratchSizes::hold<float>(sizes.queries, query_floats(count, true));
    hold_attention(shape, step_.latent_dim + step_.rope, step_.latent_dim, count, sizes);
    for (const int width : {step_.nope, step_.latent_dim}) { // of k_b and v_b
        sizes.hold_decoded(width);
        sizes.hold_rows(all_heads(shape) ? shape.rows() : rows, width);
    }
    if (all_heads(shape)) {
        const auto heads = static_cast<std::size_t>(shape.rows()) * static_cast<std::size_t>(step_.heads);
        shared.latent_queries.reserve<float>(heads * static_cast<std::size_t>(key_dim()));
        shared.latent_values.reserve<float>(heads *
                                            static_cast<std::size_t>(accumulator_floats(step_.latent_dim)));
        pieces(shape.batch, shared, shape.threads, shape.exact).reserve(shared);
    }
    if (!shape.decompressed)
        return;
    const int many = std::min(shape.rows(), kDecompressedRows);
    ScratchSizes::hold<float>(sizes.queries, query_floats(many, false));
    hold_attention(shape, step_.nope + step_.rope, step_.value_dim, many, sizes);
    DecompressedKv::hold(step_, shape, sizes);
}

/// Of `count` queries: themselves, what comes of them, and positions.
std::size_t LatentAttentionStage::query_floats(int count, bool absorbed) const {
    const int key_dim = (absorbed ? step_.latent_dim : step_.nope) + step_.rope,
              width = accumulator_floats(absorbed ? step_.latent_dim : step_.value_dim);
    return static_cast<std::size_t>(count) * static_cast<std::size_t>(width + key_dim + 1);
}

/// A row's vector of the cache, to its block.
void LatentAttentionStage::store(StepRun& run, int row) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const KvBlockId block = run.batch.sequences[static_cast<std::size_t>(b.sequence)]
                                .blocks[static_cast<std::size_t>(b.position / kKvBlockTokens)];
    store_k(run.kv.type(block), run.value(step_.latent) + std::int64_t{row} * key_dim(), key_dim(),
            b.position % kKvBlockTokens, run.kv.keys(block, layer_, 0));
}

void LatentAttentionStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    if (step_.choice != kNoChoice)
        return attend_chosen(run, w);
    if (all_heads(run.shape)) {
        attend_all_heads(run, w);
        return;
    }
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        store(run, r);
    });
    run.meet(w);

    const std::span<const RowGroup> groups = run.shared.latent_groups;
    run.parallel(w, task_count(groups, step_.heads), [&](int i) {
        const Task task = task_at(groups, step_.heads, i);
        const auto first = static_cast<std::size_t>(task.rows.first);
        const BatchSequence& sequence =
            run.batch.sequences[static_cast<std::size_t>(run.batch.rows[first].sequence)];
        if (task.rows.decompressed)
            attend_decompressed(run, w, sequence, task.rows.first, task.rows.count, task.first_head);
        else
            attend_absorbed(run, w, sequence, task.rows.first, task.rows.count, task.first_head, task.heads);
    });
    run.meet(w);
}

// With few rows, all heads share each block of the cache, which is decoded for them, and k_b and v_b of a
// head meet all rows at once.

bool LatentAttentionStage::all_heads(const StepShape& shape) const {
    return shape.rows() <= StepShape::kStreamedRows && !shape.decompressed &&
           row_steps_.by_head(step_.q, step_.nope + step_.rope);
}

/// Parts that the heads come in: as few as give each thread one of so many tasks.
int LatentAttentionStage::head_parts(int tasks, int threads) const {
    int parts = 1;
    while (tasks * parts < threads && step_.heads % (2 * parts) == 0 && step_.heads / parts > kHeads)
        parts *= 2;
    return parts;
}

AttentionPieces LatentAttentionStage::pieces(const Batch& batch, const Shared& shared, int threads,
                                             bool exact) const {
    const auto in_parts = [&](int parts) {
        return AttentionPieces(batch, shared.latent_groups, parts, step_.heads / parts, step_.latent_dim, {},
                               threads, exact);
    };
    int tasks = 0;
    for (const RowGroup& group : shared.latent_groups) {
        const auto last = static_cast<std::size_t>(group.first + group.count - 1);
        tasks += batch.rows[last].position / kPieceTokens + 1;
    }
    const AttentionPieces split = in_parts(head_parts(tasks, threads));
    if (split.split())
        return split;
    return in_parts(head_parts(static_cast<int>(shared.latent_groups.size()), threads));
}

void LatentAttentionStage::attend_all_heads(StepRun& run, ThreadContext& w) const {
    const int acc_width = accumulator_floats(step_.latent_dim);
    float* values = run.shared.latent_values.data<float>();
    run.parallel(w, step_.heads + run.rows(), [&](int task) {
        if (task < step_.heads)
            return query_latents(run, w, task);
        row_steps_.apply_to(run, task - step_.heads, step_.latent);
        store(run, task - step_.heads);
    });
    run.meet(w);
    const AttentionPieces shared_out = pieces(run.batch, run.shared, run.threads(), run.shape.exact);
    run.parallel(w, shared_out.tasks(),
                 [&](int i) { attend_piece_of_heads(run, w, shared_out, shared_out.task(i)); });
    run.meet(w);
    run.parallel(w, step_.heads, [&](int h) {
        w.project(run.slice(step_.v_b, static_cast<std::size_t>(h)), values + std::int64_t{h} * acc_width,
                  std::int64_t{step_.heads} * acc_width, run.rows(),
                  run.value(step_.out) + std::int64_t{h} * step_.value_dim, run.width(step_.out));
    });
    run.meet(w);
}

/// A head's queries of all rows, into the latent space. Query (row, head) is at row * heads + head.
void LatentAttentionStage::query_latents(StepRun& run, ThreadContext& w, int head) const {
    const std::int64_t to_stride = std::int64_t{step_.heads} * key_dim(), from_stride = run.width(step_.q);
    float* to = run.shared.latent_queries.data<float>() + std::int64_t{head} * key_dim();
    float* from = run.value(step_.q) + std::int64_t{head} * (step_.nope + step_.rope);
    for (int r = 0; r < run.rows(); ++r)
        row_steps_.apply_to_head(run, r, step_.q, head, from + r * from_stride);
    w.project(run.slice(step_.k_b, static_cast<std::size_t>(head)), from, from_stride, run.rows(), to,
              to_stride);
    for (int r = 0; r < run.rows(); ++r) {
        std::copy_n(from + r * from_stride + step_.nope, step_.rope, to + r * to_stride + step_.latent_dim);
        scale(step_.scale * step_.temperature.at(run.batch.rows[static_cast<std::size_t>(r)].position),
              to + r * to_stride, to + r * to_stride, key_dim());
    }
}

void LatentAttentionStage::attend_piece_of_heads(StepRun& run, ThreadContext& w,
                                                 const AttentionPieces& shared_out,
                                                 const PieceTask& task) const {
    const int heads = step_.heads / shared_out.parts(), count = task.rows.count * heads;
    const int acc_width = accumulator_floats(step_.latent_dim);
    float* q = w.queries.get<float>(query_floats(count, true));
    float* out = q + std::int64_t{count} * key_dim();
    auto* positions = reinterpret_cast<std::int32_t*>(out + std::int64_t{count} * acc_width);
    const auto place = [&](int r) {
        return (std::int64_t{task.rows.first} + r) * step_.heads + task.head * heads;
    };
    for (int r = 0; r < task.rows.count; ++r) {
        std::copy_n(run.shared.latent_queries.data<float>() + place(r) * key_dim(), heads * key_dim(),
                    q + std::int64_t{r} * heads * key_dim());
        std::fill_n(positions + r * heads, heads,
                    run.batch.rows[static_cast<std::size_t>(task.rows.first + r)].position);
    }
    const BatchSequence& sequence = run.batch.sequences[static_cast<std::size_t>(
        run.batch.rows[static_cast<std::size_t>(task.rows.first)].sequence)];
    w.meter.count(run.cached_bytes(sequence, task.tokens(positions[count - 1] + 1)), 0);
    CachedKv source(run, sequence, layer_, 0, true);
    const QueryGroup group{key_dim(), step_.latent_dim, {},      0.0f, exact_cache(run, sequence), count,
                           q,         positions,        nullptr, out};
    if (!shared_out.attend(run, w, group, source, task))
        return;
    for (int r = 0; r < task.rows.count; ++r)
        std::copy_n(out + std::int64_t{r} * heads * acc_width, heads * acc_width,
                    run.shared.latent_values.data<float>() + place(r) * acc_width);
}

// For each head: the query into the latent space, attention there, and out of it again.
void LatentAttentionStage::attend_absorbed(StepRun& run, ThreadContext& w, const BatchSequence& sequence,
                                           int first_row, int rows, int first_head, int heads) const {
    const int key_dim = this->key_dim(), q_dim = step_.nope + step_.rope, count = rows * heads;
    const int acc_width = accumulator_floats(step_.latent_dim);
    float* q = w.queries.get<float>(query_floats(count, true));
    float* out = q + std::int64_t{count} * key_dim;
    auto* positions = reinterpret_cast<std::int32_t*>(out + std::int64_t{count} * acc_width);
    const std::int64_t q_width = run.width(step_.q), out_width = run.width(step_.out);
    const float* queries = run.value(step_.q) + first_row * q_width;
    for (int h = 0; h < heads; ++h) {
        const float* from = queries + std::int64_t{first_head + h} * q_dim;
        // Query (row, head) is at row * heads + head, so that positions ascend.
        w.project(run.slice(step_.k_b, static_cast<std::size_t>(first_head + h)), from, q_width, rows,
                  q + std::int64_t{h} * key_dim, std::int64_t{heads} * key_dim);
        for (int r = 0; r < rows; ++r)
            std::copy_n(from + r * q_width + step_.nope, step_.rope,
                        q + (std::int64_t{r} * heads + h) * key_dim + step_.latent_dim);
    }
    for (int i = 0; i < count; ++i) {
        positions[i] = run.batch.rows[static_cast<std::size_t>(first_row + i / heads)].position;
        float* query = q + std::int64_t{i} * key_dim;
        scale(step_.scale * step_.temperature.at(positions[i]), query, query, key_dim);
    }
    w.meter.count(run.cached_bytes(sequence, positions[count - 1] + 1), 0);
    CachedKv source(run, sequence, layer_, 0, true);
    attend(
        run, w,
        {key_dim, step_.latent_dim, {}, 0.0f, exact_cache(run, sequence), count, q, positions, nullptr, out},
        source);
    for (int h = 0; h < heads; ++h)
        w.project(run.slice(step_.v_b, static_cast<std::size_t>(first_head + h)),
                  out + std::int64_t{h} * acc_width, std::int64_t{heads} * acc_width, rows,
                  run.value(step_.out) + first_row * out_width +
                      std::int64_t{first_head + h} * step_.value_dim,
                  out_width);
}

// One head: plain attention over the keys and values that the latent cache stands for.
void LatentAttentionStage::attend_decompressed(StepRun& run, ThreadContext& w, const BatchSequence& sequence,
                                               int first_row, int rows, int head) const {
    const int key_dim = step_.nope + step_.rope, acc_width = accumulator_floats(step_.value_dim);
    float* q = w.queries.get<float>(query_floats(rows, false));
    float* out = q + std::int64_t{rows} * key_dim;
    auto* positions = reinterpret_cast<std::int32_t*>(out + std::int64_t{rows} * acc_width);
    for (std::int64_t r = 0; r < rows; ++r) {
        positions[r] = run.batch.rows[static_cast<std::size_t>(first_row + r)].position;
        scale(step_.scale * step_.temperature.at(positions[r]),
              run.value(step_.q) + (first_row + r) * run.width(step_.q) + head * key_dim, q + r * key_dim,
              key_dim);
    }
    const bool exact = exact_cache(run, sequence);
    DecompressedKv source(run, w, layer_, step_, sequence, head, positions[rows - 1] / kKvBlockTokens + 1,
                          exact);
    attend(run, w, {key_dim, step_.value_dim, {}, 0.0f, exact, rows, q, positions, nullptr, out}, source);
    for (std::int64_t r = 0; r < rows; ++r)
        std::copy_n(out + r * acc_width, step_.value_dim,
                    run.value(step_.out) + (first_row + r) * run.width(step_.out) + head * step_.value_dim);
}

} // namespace switchyard::cpu
