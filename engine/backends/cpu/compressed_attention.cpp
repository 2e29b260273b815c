// DeepSeek-V4's attention: rows of compressed tokens, and the attention over them and a window of tokens.
#include "engine/backends/cpu/chosen_kv.h"
#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace switchyard::cpu {

namespace {

/// Running softmaxes of channels: the largest logit, the sum of the weights and of the weighted values.
struct Windows {
    float *largest, *sum, *weighted; ///< [dim] each

    Windows(float* state, int part, int dim)
        : largest(state + std::ptrdiff_t{3} * part * dim), sum(largest + dim), weighted(sum + dim) {}
    void clear(int dim) const {
        std::fill_n(largest, dim, -std::numeric_limits<float>::infinity());
        std::fill_n(sum, dim, 0.0f);
        std::fill_n(weighted, dim, 0.0f);
    }
    void add(const float* kv, const float* gate, const float* bias, int dim) const {
        for (int d = 0; d < dim; ++d) {
            const float logit = gate[d] + bias[d], most = std::max(largest[d], logit);
            const float kept = std::exp(largest[d] - most), weight = std::exp(logit - most);
            sum[d] = sum[d] * kept + weight;
            weighted[d] = weighted[d] * kept + weight * kv[d];
            largest[d] = most;
        }
    }
};

enum Part { kThis, kNext, kLast }; ///< of CompressStep::state

} // namespace

void CompressStage::reserve(const StepShape&, Shared&, ScratchSizes& sizes) const {
    ScratchSizes::hold<float>(sizes.state,
                              static_cast<std::size_t>(CompressStep::state_values(step_.dim, step_.overlaps) +
                                                       step_.dim + step_.rope_dims));
}

void CompressStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    run.parallel(w, static_cast<int>(run.batch.sequences.size()), [&](int s) { advance(run, w, s); });
    run.meet(w);
}

void CompressStage::advance(StepRun& run, ThreadContext& w, int sequence) const {
    const int size = CompressStep::state_values(step_.dim, step_.overlaps);
    const BatchSequence& own = run.batch.sequences[static_cast<std::size_t>(sequence)];
    float* state = w.state.get<float>(static_cast<std::size_t>(size + step_.dim + step_.rope_dims));
    if (own.state == kNoState)
        for (int part = 0; part < (step_.overlaps ? 3 : 1); ++part)
            Windows(state, part, step_.dim).clear(step_.dim);
    else
        std::copy_n(run.kv.state(own.state, step_.state), size, state);
    run.follow(
        sequence,
        [&](std::int64_t r) {
            const int position = run.batch.rows[static_cast<std::size_t>(r)].position;
            take(run, r, position, state);
            if ((position + 1) % step_.ratio == 0)
                keep(run, own, position, state, state + size);
        },
        [&](KvBlockId kept) { std::copy_n(state, size, run.kv.state(kept, step_.state)); });
}

/// A token's part in the windows.
void CompressStage::take(StepRun& run, std::int64_t row, int position, float* state) const {
    const int dim = step_.dim, width = run.width(step_.kv), place = position % step_.ratio;
    const float *kv = run.value(step_.kv) + row * width, *gate = run.value(step_.gate) + row * width,
                *bias = run.vector(step_.position_bias) + place * width;
    if (place == 0) {
        Windows(state, kThis, dim).clear(dim);
        if (step_.overlaps) {
            std::copy_n(Windows(state, kNext, dim).largest, 3 * dim, Windows(state, kLast, dim).largest);
            Windows(state, kNext, dim).clear(dim);
        }
    }
    if (!step_.overlaps) {
        Windows(state, kThis, dim).add(kv, gate, bias, dim);
        return;
    }
    Windows(state, kNext, dim).add(kv, gate, bias, dim);
    Windows(state, kThis, dim).add(kv + dim, gate + dim, bias + dim, dim);
}

/// The row of the window that ends at `position`. out [dim + rope_dims]: the row, and room
void CompressStage::keep(StepRun& run, const BatchSequence& sequence, int position, const float* state,
                         float* out) const {
    const int dim = step_.dim;
    const Windows own(const_cast<float*>(state), kThis, dim);
    for (int d = 0; d < dim; ++d) {
        float sum = own.sum[d], weighted = own.weighted[d];
        if (step_.overlaps) {
            const Windows last(const_cast<float*>(state), kLast, dim);
            const float most = std::max(own.largest[d], last.largest[d]),
                        kept = std::exp(own.largest[d] - most), before = std::exp(last.largest[d] - most);
            sum = sum * kept + last.sum[d] * before;
            weighted = weighted * kept + last.weighted[d] * before;
        }
        out[d] = weighted / sum;
    }
    rms_norm(out, run.vector(step_.gain), step_.epsilon, dim, out);
    const int half = step_.rope_dims / 2;
    float *cosines = out + dim, *sines = cosines + half;
    for (int i = 0; i < half; ++i) {
        const double angle = static_cast<float>(position - step_.ratio + 1) *
                             step_.inverse_frequencies[static_cast<std::size_t>(i)];
        cosines[i] = static_cast<float>(std::cos(angle)) * step_.magnitude;
        sines[i] = static_cast<float>(std::sin(angle)) * step_.magnitude;
    }
    rope(out + step_.rope_offset, step_.rope_dims, cosines, sines,
         step_.style == RopeStyle::Interleaved ? RopePairs::Interleaved : RopePairs::HalfSplit);
    run.kv.keep_row(sequence.blocks, step_.cache, position / step_.ratio, out);
}

std::size_t CompressedAttentionStage::query_floats() const {
    return static_cast<std::size_t>(step_.heads) *
           static_cast<std::size_t>(step_.dim + accumulator_floats(step_.dim) + 2);
}

int CompressedAttentionStage::most_tokens(const Plan& plan, const Shared& shared, int context) const {
    const int near = step_.window > 0 ? std::min(step_.window, context) : context;
    if (step_.rows < 0)
        return near;
    if (step_.choice != kNoChoice)
        return near + shared.choices[static_cast<std::size_t>(step_.choice)].most;
    return near + context / plan.kv[static_cast<std::size_t>(step_.rows)].row_tokens;
}

void CompressedAttentionStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    const int tokens = most_tokens(shape.plan, shared, shape.context);
    ScratchSizes::hold<float>(sizes.queries, query_floats());
    hold_attention(shape, step_.dim, step_.dim, step_.heads, sizes);
    if (shape.exact)
        ScratchSizes::hold<double>(sizes.sums, static_cast<std::size_t>(tokens + step_.dim));
    ScratchSizes::hold<float>(sizes.latent, ChosenKv::floats(tokens, step_.dim, 0));
    ScratchSizes::hold<float>(sizes.decoded, static_cast<std::size_t>(step_.dim));
}

void CompressedAttentionStage::store(StepRun& run, int row) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const KvBlockId block = run.batch.sequences[static_cast<std::size_t>(b.sequence)]
                                .blocks[static_cast<std::size_t>(b.position / kKvBlockTokens)];
    store_k(run.kv.type(block), run.value(step_.kv) + std::int64_t{row} * step_.dim, step_.dim,
            b.position % kKvBlockTokens, run.kv.keys(block, layer_, 0));
}

void CompressedAttentionStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        store(run, r);
    });
    run.meet(w);
    int parts = 1;
    while (run.rows() * parts < run.threads() && step_.heads % (2 * parts) == 0)
        parts *= 2;
    const int heads = step_.heads / parts;
    run.parallel(w, run.rows() * parts,
                 [&](int task) { attend_row(run, w, task / parts, task % parts * heads, heads); });
    run.meet(w);
    run.parallel(w, run.rows(), [&](int r) { back_.apply(run, r); });
    run.meet(w);
}

/// The window's tokens, then rows, in the order of their positions.
void CompressedAttentionStage::gather(StepRun& run, ThreadContext& w, int row, ChosenKv& to) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const auto& blocks = run.batch.sequences[static_cast<std::size_t>(b.sequence)].blocks;
    float* key = w.decoded.get<float>(static_cast<std::size_t>(step_.dim));
    for (int t = step_.window > 0 ? std::max(b.position - step_.window + 1, 0) : 0; t <= b.position; ++t) {
        const KvBlockId block = blocks[static_cast<std::size_t>(t / kKvBlockTokens)];
        load_k(run.kv.type(block), run.kv.keys(block, layer_, 0), step_.dim, t % kKvBlockTokens, key);
        to.add(key, nullptr);
    }
    if (step_.rows < 0)
        return;
    const auto add_row = [&](int number) {
        run.kv.read_row(blocks, step_.rows, number, key);
        to.add(key, nullptr);
    };
    if (step_.choice != kNoChoice) {
        for (const std::int32_t r : run.shared.choices[static_cast<std::size_t>(step_.choice)].of(row, 0))
            add_row(r);
        return;
    }
    const int rows = (b.position + 1) / run.plan.kv[static_cast<std::size_t>(step_.rows)].row_tokens;
    for (int r = 0; r < rows; ++r)
        add_row(r);
}

void CompressedAttentionStage::attend_row(StepRun& run, ThreadContext& w, int row, int first_head,
                                          int heads) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const BatchSequence& sequence = run.batch.sequences[static_cast<std::size_t>(b.sequence)];
    const int dim = step_.dim, acc_width = accumulator_floats(dim);
    ChosenKv source(
        w.latent.get<float>(ChosenKv::floats(most_tokens(run.plan, run.shared, b.position + 1), dim, 0)), dim,
        0);
    gather(run, w, row, source);
    float* q = w.queries.get<float>(query_floats());
    float *out = q + std::int64_t{heads} * dim, *sinks = out + std::int64_t{heads} * acc_width;
    auto* positions = reinterpret_cast<std::int32_t*>(sinks + heads);
    const std::int64_t place = std::int64_t{row} * run.width(step_.q) + std::int64_t{first_head} * dim;
    scale(step_.scale, run.value(step_.q) + place, q, heads * dim);
    std::copy_n(run.vector(step_.sinks) + first_head, heads, sinks);
    std::fill_n(positions, heads, source.tokens() - 1);
    w.meter.count(run.cached_bytes(sequence, source.tokens()), 0);
    QueryGroup group{};
    group.key_dim = group.value_dim = dim;
    group.exact = exact_cache(run, sequence);
    group.count = heads;
    group.q = q;
    group.positions = positions;
    group.sinks = sinks;
    group.out = out;
    attend(run, w, group, source);
    for (int h = 0; h < heads; ++h)
        std::copy_n(out + std::int64_t{h} * acc_width, dim,
                    run.value(step_.out) + place + std::int64_t{h} * dim);
}

} // namespace switchyard::cpu
