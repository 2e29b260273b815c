// Attention of rows that chose what they attend to (sparse attention): each gathers its keys and values.
#include "engine/backends/cpu/chosen_kv.h"
#include "engine/backends/cpu/stages.h"

#include <algorithm>

namespace switchyard::cpu {

std::size_t ChosenKv::floats(int tokens, int key_dim, int value_dim) {
    const auto blocks = static_cast<std::size_t>((tokens + kKvTokens - 1) / kKvTokens);
    return blocks * kKvTokens *
           static_cast<std::size_t>(key_dim + (value_dim > 0 ? accumulator_floats(value_dim) : 0));
}

ChosenKv::ChosenKv(float* memory, int key_dim, int value_dim)
    : memory_(memory), key_dim_(key_dim), value_dim_(value_dim) {}

void ChosenKv::add(const float* key, const float* value) {
    const int block = tokens_ / kKvTokens, place = tokens_ % kKvTokens;
    if (place == 0) // what is not filled is multiplied by 0
        std::fill_n(keys(block), block_floats(), 0.0f);
    for (int d = 0; d < key_dim_; ++d)
        keys(block)[d * kKvTokens + place] = key[d];
    if (value_dim_ > 0)
        std::copy_n(value, value_dim_, values(block) + place * accumulator_floats(value_dim_));
    ++tokens_;
}

KvBlockView ChosenKv::block(int block) {
    return {BlockType::F32, reinterpret_cast<const std::byte*>(keys(block)),
            value_dim_ > 0 ? reinterpret_cast<const std::byte*>(values(block)) : nullptr};
}

namespace {

/// Of a table of choices: most tokens that a row attends to.
int most_tokens(const ChoiceTable& table, int context) { return std::min(table.most * table.block, context); }

ChosenTokens tokens_of(const ChoiceTable& table, const BatchRow& row, std::int64_t number, int choice) {
    return {table.of(number, choice), table.block, row.position + 1};
}

/// Reads a layer's keys and values of some tokens.
void gather(StepRun& run, const BatchSequence& sequence, int layer, int kv_head, const KvLayer& shape,
            const ChosenTokens& tokens, float* row, ChosenKv& kv) {
    float* const value = row + shape.key_dim;
    tokens.each([&](int token) {
        const KvBlockId block = sequence.blocks[static_cast<std::size_t>(token / kKvBlockTokens)];
        const BlockType type = run.kv.type(block);
        load_k(type, run.kv.keys(block, layer, kv_head), shape.key_dim, token % kKvBlockTokens, row);
        if (shape.value_dim > 0)
            load_v(type, run.kv.values(block, layer, kv_head), shape.value_dim, token % kKvBlockTokens,
                   value);
        kv.add(row, value);
    });
}

} // namespace

void AttentionStage::reserve_chosen(const StepShape& shape, const Shared& shared, ScratchSizes& sizes) const {
    const int tokens = most_tokens(shared.choices[static_cast<std::size_t>(step_.choice)], shape.context);
    ScratchSizes::hold<float>(sizes.queries, query_floats(queries()));
    hold_attention(shape, step_.head_dim, step_.value_dim, queries(), sizes);
    ScratchSizes::hold<float>(sizes.latent, ChosenKv::floats(tokens, step_.head_dim, step_.value_dim));
    ScratchSizes::hold<float>(sizes.decoded, static_cast<std::size_t>(step_.head_dim + step_.value_dim));
}

void AttentionStage::attend_chosen(StepRun& run, ThreadContext& w) const {
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        for (int h = 0; h < step_.kv_heads; ++h)
            store(run, r, h);
    });
    run.meet(w);
    run.parallel(w, run.rows() * step_.kv_heads,
                 [&](int task) { attend_chosen_row(run, w, task / step_.kv_heads, task % step_.kv_heads); });
    run.meet(w);
}

void AttentionStage::attend_chosen_row(StepRun& run, ThreadContext& w, int row, int kv_head) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const BatchSequence& sequence = run.batch.sequences[static_cast<std::size_t>(b.sequence)];
    const ChoiceTable& table = run.shared.choices[static_cast<std::size_t>(step_.choice)];
    const int count = queries(), dim = step_.head_dim, acc_width = accumulator_floats(step_.value_dim);
    const KvLayer& shape = run.plan.kv[static_cast<std::size_t>(layer_)];
    float* gathered =
        w.latent.get<float>(ChosenKv::floats(most_tokens(table, b.position + 1), dim, step_.value_dim));
    ChosenKv source(gathered, dim, step_.value_dim);
    gather(run, sequence, layer_, kv_head, shape,
           tokens_of(table, b, row, kv_head * table.choices / step_.kv_heads),
           w.decoded.get<float>(static_cast<std::size_t>(dim + step_.value_dim)), source);

    float* q = w.queries.get<float>(query_floats(count));
    float *out = q + std::int64_t{count} * dim, *sinks = out + std::int64_t{count} * acc_width;
    auto* positions = reinterpret_cast<std::int32_t*>(sinks + count);
    const float* sink = run.vector(step_.sinks);
    scale(step_.scale * step_.temperature.at(b.position),
          head_of(run, step_.q, row, std::int64_t{kv_head} * count, dim), q, count * dim);
    std::fill_n(positions, count, source.tokens() - 1);
    for (int i = 0; i < count; ++i)
        sinks[i] = sink ? sink[kv_head * count + i] : 0.0f;
    w.meter.count(run.cached_bytes(sequence, source.tokens()) / static_cast<std::uint64_t>(step_.kv_heads),
                  0);
    QueryGroup group{};
    group.key_dim = dim;
    group.value_dim = step_.value_dim;
    group.cap = step_.cap;
    group.exact = exact_cache(run, sequence);
    group.count = count;
    group.q = q;
    group.positions = positions;
    group.sinks = sink ? sinks : nullptr;
    group.out = out;
    attend(run, w, group, source);
    for (int i = 0; i < count; ++i)
        scale(step_.value_scale, out + std::int64_t{i} * acc_width,
              head_of(run, step_.out, row, std::int64_t{kv_head} * count + i, step_.value_dim),
              step_.value_dim);
}

void LatentAttentionStage::reserve_chosen(const StepShape& shape, const Shared& shared,
                                          ScratchSizes& sizes) const {
    const int tokens = most_tokens(shared.choices[static_cast<std::size_t>(step_.choice)], shape.context);
    ScratchSizes::hold<float>(sizes.queries, query_floats(step_.heads, true));
    hold_attention(shape, key_dim(), step_.latent_dim, step_.heads, sizes);
    ScratchSizes::hold<float>(sizes.latent, ChosenKv::floats(tokens, key_dim(), 0));
    for (const int width : {step_.nope, step_.latent_dim, key_dim()}) {
        sizes.hold_decoded(width);
        sizes.hold_rows(1, width);
    }
}

void LatentAttentionStage::attend_chosen(StepRun& run, ThreadContext& w) const {
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        store(run, r);
    });
    run.meet(w);
    const int parts = head_parts(run.rows(), run.threads()), heads = step_.heads / parts;
    run.parallel(w, run.rows() * parts,
                 [&](int task) { attend_chosen_row(run, w, task / parts, task % parts * heads, heads); });
    run.meet(w);
}

void LatentAttentionStage::attend_chosen_row(StepRun& run, ThreadContext& w, int row, int first_head,
                                             int heads) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const BatchSequence& sequence = run.batch.sequences[static_cast<std::size_t>(b.sequence)];
    const ChoiceTable& table = run.shared.choices[static_cast<std::size_t>(step_.choice)];
    const int key_dim = this->key_dim(), acc_width = accumulator_floats(step_.latent_dim);
    ChosenKv source(w.latent.get<float>(ChosenKv::floats(most_tokens(table, b.position + 1), key_dim, 0)),
                    key_dim, 0);
    gather(run, sequence, layer_, 0, {1, key_dim, 0}, tokens_of(table, b, row, 0),
           w.decoded.get<float>(static_cast<std::size_t>(key_dim)), source);

    float* q = w.queries.get<float>(query_floats(heads, true));
    float* out = q + std::int64_t{heads} * key_dim;
    auto* positions = reinterpret_cast<std::int32_t*>(out + std::int64_t{heads} * acc_width);
    const std::int64_t q_width = run.width(step_.q);
    for (int h = 0; h < heads; ++h) {
        const float* from =
            run.value(step_.q) + row * q_width + std::int64_t{first_head + h} * (step_.nope + step_.rope);
        float* to = q + std::int64_t{h} * key_dim;
        w.project(run.slice(step_.k_b, static_cast<std::size_t>(first_head + h)), from, q_width, 1, to,
                  key_dim);
        std::copy_n(from + step_.nope, step_.rope, to + step_.latent_dim);
    }
    scale(step_.scale * step_.temperature.at(b.position), q, q, heads * key_dim);
    std::fill_n(positions, heads, source.tokens() - 1);
    w.meter.count(run.cached_bytes(sequence, source.tokens()), 0);
    QueryGroup group{};
    group.key_dim = key_dim;
    group.value_dim = step_.latent_dim;
    group.exact = exact_cache(run, sequence);
    group.count = heads;
    group.q = q;
    group.positions = positions;
    group.out = out;
    attend(run, w, group, source);
    for (int h = 0; h < heads; ++h)
        w.project(run.slice(step_.v_b, static_cast<std::size_t>(first_head + h)),
                  out + std::int64_t{h} * acc_width, acc_width, 1,
                  run.value(step_.out) + std::int64_t{row} * run.width(step_.out) +
                      std::int64_t{first_head + h} * step_.value_dim,
                  run.width(step_.out));
}

} // namespace switchyard::cpu
