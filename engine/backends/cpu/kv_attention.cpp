#include "engine/backends/cpu/kv_attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::cpu {

namespace {

// The reference: all scores of a query, softmax and the weighted sum in double.
void attend_exactly(StepRun& run, ThreadContext& w, const QueryGroup& g, int query, KvSource& source) {
    const int position = g.positions[query], from = g.sight.oldest(position);
    const float* q = g.q + std::int64_t{query} * g.key_dim;
    float* out = g.out + std::int64_t{query} * accumulator_floats(g.value_dim);
    double* scores = w.sums.get<double>(static_cast<std::size_t>(position + 1 - from + g.value_dim));
    double* sum = scores + (position + 1 - from);
    std::fill_n(sum, g.value_dim, 0.0);
    float* kv = w.scratch.get<float>(static_cast<std::size_t>(std::max(g.key_dim, g.value_dim)));
    double most = g.sinks ? g.sinks[query] : -std::numeric_limits<double>::infinity();
    for (int p = from; p <= position; ++p) {
        if (p % kKvBlockTokens == 0 && run.stopped())
            return;
        load_k(BlockType::F32, source.block(p / kKvBlockTokens).keys, g.key_dim, p % kKvBlockTokens, kv);
        double s = 0;
        for (int d = 0; d < g.key_dim; ++d)
            s += static_cast<double>(q[d]) * kv[d];
        scores[p - from] = s = g.cap > 0 ? g.cap * std::tanh(s / g.cap) : s;
        most = std::max(most, s);
    }
    double total = g.sinks ? std::exp(g.sinks[query] - most) : 0.0;
    for (int p = from; p <= position; ++p) {
        const double weight = std::exp(scores[p - from] - most);
        total += weight;
        const KvBlockView block = source.block(p / kKvBlockTokens);
        if (block.values)
            load_v(BlockType::F32, block.values, g.value_dim, p % kKvBlockTokens, kv);
        else
            load_k(BlockType::F32, block.keys, g.key_dim, p % kKvBlockTokens, kv);
        for (int d = 0; d < g.value_dim; ++d)
            sum[d] += weight * kv[d];
    }
    for (int d = 0; d < g.value_dim; ++d)
        out[d] = static_cast<float>(sum[d] / total);
}

} // namespace

void finish(const QueryGroup& g, const SoftmaxStates& all) {
    const std::int64_t width = accumulator_floats(g.value_dim);
    for (std::int64_t i = 0; i < g.count; ++i) {
        float* acc = all.acc + i * width;
        if (g.sinks) {
            float sink = g.sinks[i], one = 1.0f;
            merge_states({1, g.value_dim, {&sink, &one, nullptr}, {all.max + i, all.sum + i, acc}});
        }
        scale(1.0f / all.sum[i], acc, g.out + i * width, g.value_dim);
    }
}

KvBlockView CachedKv::block(int block) {
    const KvBlockId id = sequence_.blocks[static_cast<std::size_t>(block)];
    return {run_.kv.type(id), run_.kv.keys(id, layer_, kv_head_),
            values_in_keys_ ? nullptr : run_.kv.values(id, layer_, kv_head_)};
}

PieceRange pieces_of(int first_position, int last_position, Sight sight) {
    return {sight.oldest(first_position) / kPieceTokens, last_position / kPieceTokens};
}

std::size_t state_floats(int count, int value_dim) {
    return static_cast<std::size_t>(count) * static_cast<std::size_t>(2 + accumulator_floats(value_dim));
}

SoftmaxStates states_in(float* memory, int count) { return {memory, memory + count, memory + 2 * count}; }

void hold_attention(const StepShape& shape, int key_dim, int value_dim, int count, ScratchSizes& sizes) {
    ScratchSizes::hold<float>(sizes.scratch, attend_scratch_floats(key_dim, value_dim));
    // The merged states and those of a piece; the queries' ranges.
    ScratchSizes::hold<float>(sizes.state,
                              2 * state_floats(count, value_dim) + 2 * static_cast<std::size_t>(count));
    if (shape.exact)
        ScratchSizes::hold<double>(sizes.sums, static_cast<std::size_t>(shape.context + value_dim));
}

void attend_piece(StepRun& run, ThreadContext& w, const QueryGroup& g, KvSource& source, int piece,
                  const SoftmaxStates& state) {
    const int acc_width = accumulator_floats(g.value_dim);
    const auto count = static_cast<std::size_t>(g.count);
    const std::size_t states = 2 * state_floats(g.count, g.value_dim); // attend()'s
    auto* ranges = reinterpret_cast<KvRange*>(w.state.get<float>(states + 2 * count) + states);
    std::fill_n(state.max, count, -std::numeric_limits<float>::infinity());
    std::fill_n(state.sum, count, 0.0f);
    std::fill_n(state.acc, count * static_cast<std::size_t>(acc_width), 0.0f);
    constexpr int kBlocks = kPieceTokens / kKvBlockTokens;
    const int end = std::min((piece + 1) * kBlocks, g.positions[g.count - 1] / kKvBlockTokens + 1);
    for (int b = std::max(g.sight.oldest(g.positions[0]) / kKvBlockTokens, piece * kBlocks); b < end; ++b) {
        if (run.stopped())
            return;
        const int begin = b * kKvBlockTokens;
        // Those before the block see nothing of it.
        const std::int64_t first = std::lower_bound(g.positions, g.positions + g.count, begin) - g.positions;
        for (auto i = static_cast<std::size_t>(first); i < count; ++i)
            ranges[i] = {std::clamp(g.sight.oldest(g.positions[i]) - begin, 0, kKvBlockTokens),
                         std::clamp(g.positions[i] + 1 - begin, 0, kKvBlockTokens)};
        const KvBlockView block = source.block(b);
        AttendArgs args;
        args.type = block.type;
        args.head_dim = g.key_dim;
        args.value_dim = g.value_dim;
        args.k_block = block.keys;
        args.v_block = block.values;
        if (b + 1 < end) {
            const KvBlockView next = source.ahead(b + 1);
            args.next_keys = next.keys;
            args.next_values = next.values;
        }
        args.queries = g.count - static_cast<int>(first);
        args.q = g.q + first * g.key_dim;
        args.q_stride = g.key_dim;
        args.cap = g.cap;
        args.ranges = ranges + first;
        args.max = state.max + first;
        args.sum = state.sum + first;
        args.acc = state.acc + first * acc_width;
        args.acc_stride = acc_width;
        args.scratch = w.scratch.get<float>(attend_scratch_floats(g.key_dim, g.value_dim));
        attend_block(args);
    }
}

void attend(StepRun& run, ThreadContext& w, const QueryGroup& g, KvSource& source) {
    if (g.exact) {
        for (int i = 0; i < g.count; ++i)
            attend_exactly(run, w, g, i, source);
        return;
    }
    const std::size_t floats = state_floats(g.count, g.value_dim);
    float* const memory = w.state.get<float>(2 * floats);
    const SoftmaxStates all = states_in(memory, g.count), piece = states_in(memory + floats, g.count);
    const PieceRange pieces = pieces_of(g.positions[0], g.positions[g.count - 1], g.sight);
    attend_piece(run, w, g, source, pieces.first, all);
    for (int p = pieces.first + 1; p <= pieces.last && !run.stopped(); ++p) {
        attend_piece(run, w, g, source, p, piece);
        merge_states({g.count, g.value_dim, piece, all});
    }
    finish(g, all);
}

void group_rows(const Batch& batch, int most, int most_decompressed, std::vector<RowGroup>& groups) {
    groups.clear();
    for (int r = 0; r < static_cast<int>(batch.rows.size()); ++r) {
        const BatchRow& row = batch.rows[static_cast<std::size_t>(r)];
        const int limit = row.decompressed ? most_decompressed : most;
        const bool same = !groups.empty() && groups.back().count < limit &&
                          groups.back().decompressed == row.decompressed &&
                          batch.rows[static_cast<std::size_t>(groups.back().first)].sequence == row.sequence;
        if (same)
            ++groups.back().count;
        else
            groups.push_back({r, 1, row.decompressed});
    }
}

} // namespace switchyard::cpu
