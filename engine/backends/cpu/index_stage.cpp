// The lightning indexer: which tokens the attention of rows attends to.
#include "engine/backends/cpu/dot.h"
#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace switchyard::cpu {

namespace {

constexpr int kPart = 512; ///< blocks that a task scores where rows are few
constexpr float kLeast = -std::numeric_limits<float>::infinity(),
                kMost = std::numeric_limits<float>::infinity();

int blocks_of(int keys, int block) { return (keys + block - 1) / block; }

} // namespace

void IndexStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    const KvLayer& cache = shape.plan.kv[static_cast<std::size_t>(step_.cache)];
    const int blocks = blocks_of(shape.context / cache.row_tokens, step_.block), choices = step_.choices();
    ChoiceTable& table = shared.choices[static_cast<std::size_t>(step_.choice)];
    table.choices = choices;
    table.block = step_.block;
    table.most = std::min(step_.top, blocks);
    const auto places = static_cast<std::size_t>(shape.rows()) * static_cast<std::size_t>(choices);
    table.chosen.reserve<std::int32_t>(places * static_cast<std::size_t>(table.most));
    table.counts.reserve<std::int32_t>(places);
    const auto scores = static_cast<std::size_t>(choices) * static_cast<std::size_t>(blocks);
    const bool few = shape.rows() <= StepShape::kStreamedRows;
    if (few)
        shared.index_scores.reserve<float>(static_cast<std::size_t>(shape.rows()) * scores);
    ScratchSizes::hold<float>(sizes.state, few ? 0 : scores);
    ScratchSizes::hold<float>(sizes.scratch, static_cast<std::size_t>(step_.dim));
    ScratchSizes::hold<std::int32_t>(sizes.queries, static_cast<std::size_t>(blocks));
}

/// That a row sees.
int IndexStage::keys_of(const StepRun& run, int row) const {
    return (run.batch.rows[static_cast<std::size_t>(row)].position + 1) /
           run.plan.kv[static_cast<std::size_t>(step_.cache)].row_tokens;
}

void IndexStage::keep(StepRun& run, int row) const {
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    run.kv.keep_row(run.batch.sequences[static_cast<std::size_t>(b.sequence)].blocks, step_.cache, b.position,
                    run.value(step_.key) + std::int64_t{row} * run.width(step_.key));
}

void IndexStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    run.parallel(w, run.rows(), [&](int r) {
        row_steps_.apply(run, r);
        if (step_.key != kNoValue)
            keep(run, r);
    });
    run.meet(w);
    const int choices = step_.choices();
    const auto blocks = [&](int row) { return blocks_of(keys_of(run, row), step_.block); };
    if (run.rows() > StepShape::kStreamedRows) {
        run.parallel(w, run.rows(), [&](int r) {
            const int n = blocks(r);
            float* scores =
                w.state.get<float>(static_cast<std::size_t>(choices) * static_cast<std::size_t>(n));
            score(run, w, r, 0, n, scores, n);
            for (int c = 0; c < choices; ++c)
                choose(run, w, r, c, scores + std::int64_t{c} * n);
        });
        run.meet(w);
        return;
    }
    const int most =
                  blocks_of(run.shape.context / run.plan.kv[static_cast<std::size_t>(step_.cache)].row_tokens,
                            step_.block),
              parts = (most + kPart - 1) / kPart;
    const auto scores = [&](int row, int choice) {
        return run.shared.index_scores.data<float>() + (std::int64_t{row} * choices + choice) * most;
    };
    run.parallel(w, run.rows() * parts, [&](int task) {
        const int row = task / parts, first = task % parts * kPart;
        score(run, w, row, first, std::min(first + kPart, blocks(row)), scores(row, 0), most);
    });
    run.meet(w);
    run.parallel(w, run.rows() * choices, [&](int task) {
        choose(run, w, task / choices, task % choices, scores(task / choices, task % choices));
    });
    run.meet(w);
}

/// Blocks [first, last) of a row; a choice's scores are `stride` floats apart. Where all are chosen anyway,
/// nothing.
void IndexStage::score(StepRun& run, ThreadContext& w, int row, int first, int last, float* scores,
                       std::int64_t stride) const {
    const int keys = keys_of(run, row), dim = step_.dim, choices = step_.choices();
    if (blocks_of(keys, step_.block) <= step_.top)
        return;
    const BatchRow& b = run.batch.rows[static_cast<std::size_t>(row)];
    const auto& blocks = run.batch.sequences[static_cast<std::size_t>(b.sequence)].blocks;
    const float* q = run.value(step_.q) + std::int64_t{row} * run.width(step_.q);
    const float* weights =
        step_.weights == kNoValue ? nullptr : run.value(step_.weights) + std::int64_t{row} * step_.heads;
    float* key = w.scratch.get<float>(static_cast<std::size_t>(dim));
    for (int block = first; block < last && (block % kPart != 0 || !run.stopped()); ++block) {
        for (int c = 0; c < choices; ++c)
            scores[c * stride + block] = kLeast;
        for (int k = block * step_.block; k < std::min((block + 1) * step_.block, keys); ++k) {
            run.kv.read_row(blocks, step_.cache, k, key);
            float sum = 0;
            for (int h = 0; h < step_.heads; ++h) {
                const float found = dot(q + h * dim, key, dim);
                if (weights)
                    sum += weights[h] * std::max(found, 0.0f);
                else
                    scores[h * stride + block] = std::max(scores[h * stride + block], found);
            }
            if (weights)
                scores[block] = sum == sum ? sum * step_.scale : kLeast; // what is no number has no order
        }
    }
    if (last > first)
        w.meter.count(static_cast<std::uint64_t>(last - first) *
                          static_cast<std::uint64_t>(step_.block * dim) * 2,
                      static_cast<std::uint64_t>(last - first) *
                          static_cast<std::uint64_t>(step_.block * dim * step_.heads));
}

/// The best blocks of a row, ascending.
void IndexStage::choose(StepRun& run, ThreadContext& w, int row, int choice, float* scores) const {
    ChoiceTable& table = run.shared.choices[static_cast<std::size_t>(step_.choice)];
    const int blocks = blocks_of(keys_of(run, row), step_.block), count = std::min(step_.top, blocks);
    const std::int64_t place = std::int64_t{row} * table.choices + choice;
    auto* chosen = table.chosen.data<std::int32_t>() + place * table.most;
    table.counts.data<std::int32_t>()[place] = count;
    if (count == blocks) {
        std::iota(chosen, chosen + count, 0);
        return;
    }
    for (int i = 0; i < std::min(step_.local, blocks); ++i)
        scores[blocks - 1 - i] = kMost;
    auto* order = w.queries.get<std::int32_t>(static_cast<std::size_t>(blocks));
    std::iota(order, order + blocks, 0);
    std::nth_element(order, order + count, order + blocks, [&](std::int32_t a, std::int32_t b) {
        return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
    });
    std::copy_n(order, count, chosen);
    std::sort(chosen, chosen + count);
}

} // namespace switchyard::cpu
