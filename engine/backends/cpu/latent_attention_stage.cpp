// Attention over a latent cache (MLA), in both its forms.
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

/// Last rows first: they see the longest context, and short tasks at the end share better.
std::vector<Task> tasks_of(const Batch& batch, int heads) {
    std::vector<RowGroup> groups = row_groups(batch, kRows, kDecompressedRows);
    std::vector<Task> tasks;
    for (auto g = groups.rbegin(); g != groups.rend(); ++g) {
        const int step = g->decompressed ? 1 : kHeads;
        for (int head = 0; head < heads; head += step)
            tasks.push_back({*g, head, std::min(step, heads - head)});
    }
    return tasks;
}

} // namespace

void LatentAttentionStage::run(StepRun& run, Worker& w) const {
    const int key_dim = step_.latent_dim + step_.rope;
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        const BatchRow& b = run.batch.rows[static_cast<std::size_t>(r)];
        const KvBlockId block = run.batch.sequences[static_cast<std::size_t>(b.sequence)]
                                    .blocks[static_cast<std::size_t>(b.position / kKvBlockTokens)];
        store_k(run.kv.type(block), run.value(step_.latent) + std::int64_t{r} * key_dim, key_dim,
                b.position % kKvBlockTokens, run.kv.keys(block, layer_, 0));
    });
    run.meet();

    const std::vector<Task> tasks = tasks_of(run.batch, step_.heads);
    run.parallel(w, static_cast<int>(tasks.size()), [&](int i) {
        const Task& task = tasks[static_cast<std::size_t>(i)];
        const auto first = static_cast<std::size_t>(task.rows.first);
        const BatchSequence& sequence =
            run.batch.sequences[static_cast<std::size_t>(run.batch.rows[first].sequence)];
        if (task.rows.decompressed)
            attend_decompressed(run, w, sequence, task.rows.first, task.rows.count, task.first_head);
        else
            attend_absorbed(run, w, sequence, task.rows.first, task.rows.count, task.first_head, task.heads);
    });
    run.meet();
}

// For each head: the query into the latent space, attention there, and out of it again.
void LatentAttentionStage::attend_absorbed(StepRun& run, Worker& w, const BatchSequence& sequence,
                                           int first_row, int rows, int first_head, int heads) const {
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
        w.project(run.slice(step_.k_b, static_cast<std::size_t>(first_head + h)), from, q_width, rows,
                  q + std::int64_t{h} * key_dim, std::int64_t{heads} * key_dim);
        for (int r = 0; r < rows; ++r)
            std::copy_n(from + r * q_width + step_.nope, step_.rope,
                        q + (std::int64_t{r} * heads + h) * key_dim + step_.latent_dim);
    }
    scale(step_.scale, q, q, count * key_dim);
    for (int i = 0; i < count; ++i)
        positions[i] = run.batch.rows[static_cast<std::size_t>(first_row + i / heads)].position;
    CachedKv source(run, sequence, layer_, 0, true);
    attend(w, {key_dim, step_.latent_dim, 0, exact_cache(run, sequence), count, q, positions, nullptr, out},
           source);
    for (int h = 0; h < heads; ++h)
        w.project(run.slice(step_.v_b, static_cast<std::size_t>(first_head + h)),
                  out + std::int64_t{h} * acc_width, std::int64_t{heads} * acc_width, rows,
                  run.value(step_.out) + first_row * out_width +
                      std::int64_t{first_head + h} * step_.value_dim,
                  out_width);
}

// One head: plain attention over the keys and values that the latent cache stands for.
void LatentAttentionStage::attend_decompressed(StepRun& run, Worker& w, const BatchSequence& sequence,
                                               int first_row, int rows, int head) const {
    const int key_dim = step_.nope + step_.rope, acc_width = accumulator_floats(step_.value_dim);
    float* q = w.queries.get<float>(static_cast<std::size_t>(rows) *
                                    static_cast<std::size_t>(acc_width + key_dim + 1));
    float* out = q + std::int64_t{rows} * key_dim;
    auto* positions = reinterpret_cast<std::int32_t*>(out + std::int64_t{rows} * acc_width);
    for (std::int64_t r = 0; r < rows; ++r) {
        scale(step_.scale, run.value(step_.q) + (first_row + r) * run.width(step_.q) + head * key_dim,
              q + r * key_dim, key_dim);
        positions[r] = run.batch.rows[static_cast<std::size_t>(first_row + r)].position;
    }
    const bool exact = exact_cache(run, sequence);
    DecompressedKv source(run, w, layer_, step_, sequence, head, positions[rows - 1] / kKvBlockTokens + 1,
                          exact);
    attend(w, {key_dim, step_.value_dim, 0, exact, rows, q, positions, nullptr, out}, source);
    for (std::int64_t r = 0; r < rows; ++r)
        std::copy_n(out + r * acc_width, step_.value_dim,
                    run.value(step_.out) + (first_row + r) * run.width(step_.out) + head * step_.value_dim);
}

} // namespace switchyard::cpu
