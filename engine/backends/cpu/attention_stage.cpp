#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace switchyard::cpu {

namespace {

constexpr int kQueryRows = 16; ///< rows of a prefill task: a KV block is decoded once for all of them

// Rows of one sequence that stand together.
struct RowGroup {
    int first, count;
};

std::vector<RowGroup> query_groups(const Batch& batch) {
    std::vector<RowGroup> groups;
    for (int r = 0; r < static_cast<int>(batch.rows.size()); ++r) {
        const bool same = !groups.empty() && groups.back().count < kQueryRows &&
                          batch.rows[static_cast<std::size_t>(r)].sequence ==
                              batch.rows[static_cast<std::size_t>(groups.back().first)].sequence;
        if (same)
            ++groups.back().count;
        else
            groups.push_back({r, 1});
    }
    return groups;
}

} // namespace

void AttentionStage::prepare_row(StepRun& run, int row) const {
    for (const RowStep& step : row_steps_) {
        float* x = run.value(step.value()) + std::int64_t{row} * run.width(step.value());
        if (step.norm) {
            for (int i = 0; i < run.width(step.value()); i += step.norm->group)
                rms_norm(x + i, run.vector(step.norm->gain), step.norm->epsilon, step.norm->group, x + i);
            continue;
        }
        const RopeStep& r = *step.rope;
        const RopeTable& table = run.shared.ropes[step.rope_table];
        const float* cosines = table.cosines.data<float>() + std::int64_t{row} * (r.dims / 2);
        const float* sines = table.sines.data<float>() + std::int64_t{row} * (r.dims / 2);
        const RopePairs pairs =
            r.style == RopeStyle::Interleaved ? RopePairs::Interleaved : RopePairs::HalfSplit;
        for (int h = 0; h < r.heads; ++h)
            rope(x + std::int64_t{h} * r.head_dim + r.offset, r.dims, cosines, sines, pairs);
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
        prepare_row(run, r);
        store(run, r);
    });
    run.meet();

    const std::vector<RowGroup> groups = query_groups(run.batch);
    // Last groups first: they see the longest context, and short tasks at the end share better.
    const int tasks = static_cast<int>(groups.size()) * step_.kv_heads;
    run.parallel(w, tasks, [&](int task) {
        const RowGroup& g = groups[groups.size() - 1 - static_cast<std::size_t>(task / step_.kv_heads)];
        attend(run, w, g.first, g.count, task % step_.kv_heads);
    });
    run.meet();
}

void AttentionStage::attend(StepRun& run, Worker& w, int first_row, int rows, int kv_head) const {
    const BatchRow& last = run.batch.rows[static_cast<std::size_t>(first_row + rows - 1)];
    const auto& blocks = run.batch.sequences[static_cast<std::size_t>(last.sequence)].blocks;
    if (run.kv.type(blocks[0]) == BlockType::F32) {
        for (int r = first_row; r < first_row + rows; ++r)
            attend_exactly(run, w, r, kv_head);
        return;
    }
    const int group = step_.heads / step_.kv_heads, queries = rows * group;
    const int acc_width = accumulator_floats(step_.value_dim), qw = step_.head_dim;
    float* state =
        w.state.get<float>(static_cast<std::size_t>(queries) * static_cast<std::size_t>(acc_width + qw + 4));
    float *acc = state, *q = acc + std::int64_t{queries} * acc_width, *max = q + std::int64_t{queries} * qw;
    float* sum = max + queries;
    auto* ranges = reinterpret_cast<KvRange*>(sum + queries);
    const float* sinks = run.vector(step_.sinks);

    std::fill(acc, acc + std::int64_t{queries} * acc_width, 0.0f);
    for (int i = 0; i < queries; ++i) {
        const int head = kv_head * group + i % group;
        scale(step_.scale,
              run.value(step_.q) + std::int64_t{first_row + i / group} * run.width(step_.q) +
                  std::int64_t{head} * qw,
              q + std::int64_t{i} * qw, qw);
        max[i] = sinks ? sinks[head] : -std::numeric_limits<float>::infinity();
        sum[i] = sinks ? 1.0f : 0.0f;
    }
    const int first_position = run.batch.rows[static_cast<std::size_t>(first_row)].position;
    const int oldest = step_.window > 0 ? std::max(0, first_position - step_.window + 1) : 0;
    for (int b = oldest / kKvBlockTokens; b <= last.position / kKvBlockTokens; ++b) {
        for (int i = 0; i < queries; ++i) {
            const int position = run.batch.rows[static_cast<std::size_t>(first_row + i / group)].position;
            const int from = step_.window > 0 ? std::max(0, position - step_.window + 1) : 0;
            ranges[i] = {std::clamp(from - b * kKvBlockTokens, 0, kKvBlockTokens),
                         std::clamp(position + 1 - b * kKvBlockTokens, 0, kKvBlockTokens)};
        }
        const KvBlockId block = blocks[static_cast<std::size_t>(b)];
        AttendArgs args;
        args.type = run.kv.type(block);
        args.head_dim = step_.head_dim;
        args.value_dim = step_.value_dim;
        args.k_block = run.kv.keys(block, step_.layer, kv_head);
        args.v_block = run.kv.values(block, step_.layer, kv_head);
        args.queries = queries;
        args.q = q;
        args.q_stride = qw;
        args.ranges = ranges;
        args.max = max;
        args.sum = sum;
        args.acc = acc;
        args.acc_stride = acc_width;
        args.scratch = w.scratch.get<float>(attend_scratch_floats(step_.head_dim, step_.value_dim));
        attend_block(args);
    }
    for (int i = 0; i < queries; ++i)
        scale(1.0f / sum[i], acc + std::int64_t{i} * acc_width,
              run.value(step_.out) + std::int64_t{first_row + i / group} * run.width(step_.out) +
                  std::int64_t{kv_head * group + i % group} * step_.value_dim,
              step_.value_dim);
}

// The reference: all scores of a query, softmax and the weighted sum in double.
void AttentionStage::attend_exactly(StepRun& run, Worker& w, int row, int kv_head) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const auto& blocks = run.batch.sequences[static_cast<std::size_t>(b.sequence)].blocks;
    const int from = step_.window > 0 ? std::max(0, b.position - step_.window + 1) : 0;
    const int group = step_.heads / step_.kv_heads;
    std::vector<double> scores(static_cast<std::size_t>(b.position + 1 - from));
    std::vector<double> out(static_cast<std::size_t>(step_.value_dim));
    float* kv = w.scratch.get<float>(static_cast<std::size_t>(std::max(step_.head_dim, step_.value_dim)));
    const float* sinks = run.vector(step_.sinks);
    const auto block_at = [&](int p) { return blocks[static_cast<std::size_t>(p / kKvBlockTokens)]; };

    for (int head = kv_head * group; head < (kv_head + 1) * group; ++head) {
        const float* q =
            run.value(step_.q) + std::int64_t{row} * run.width(step_.q) + std::int64_t{head} * step_.head_dim;
        double most = sinks ? sinks[head] : -std::numeric_limits<double>::infinity();
        for (int p = from; p <= b.position; ++p) {
            load_k(BlockType::F32, run.kv.keys(block_at(p), step_.layer, kv_head), step_.head_dim,
                   p % kKvBlockTokens, kv);
            double s = 0;
            for (int d = 0; d < step_.head_dim; ++d)
                s += static_cast<double>(q[d]) * kv[d];
            scores[static_cast<std::size_t>(p - from)] = s * step_.scale;
            most = std::max(most, s * step_.scale);
        }
        double sum = sinks ? std::exp(sinks[head] - most) : 0.0;
        std::fill(out.begin(), out.end(), 0.0);
        for (int p = from; p <= b.position; ++p) {
            const double weight = std::exp(scores[static_cast<std::size_t>(p - from)] - most);
            sum += weight;
            load_v(BlockType::F32, run.kv.values(block_at(p), step_.layer, kv_head), step_.value_dim,
                   p % kKvBlockTokens, kv);
            for (int d = 0; d < step_.value_dim; ++d)
                out[static_cast<std::size_t>(d)] += weight * kv[d];
        }
        float* y = run.value(step_.out) + std::int64_t{row} * run.width(step_.out) +
                   std::int64_t{head} * step_.value_dim;
        for (int d = 0; d < step_.value_dim; ++d)
            y[d] = static_cast<float>(out[static_cast<std::size_t>(d)] / sum);
    }
}

} // namespace switchyard::cpu
