#include "engine/backends/cpu/stages.h"

#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>

namespace switchyard::cpu {

void EmbedStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Embedding);
    const Slice& table = run.slice(step_.table);
    const std::size_t bytes = row_bytes(table.type, table.cols);
    run.parallel(w, run.rows(), [&](int r) {
        const auto token = static_cast<std::size_t>(run.batch.rows[static_cast<std::size_t>(r)].token);
        float* out = run.value(step_.out) + std::int64_t{r} * table.cols;
        decode_row(table.type, table.data + token * bytes, {out, static_cast<std::size_t>(table.cols)});
        if (step_.scale != 1.0f)
            scale(step_.scale, out, out, static_cast<int>(table.cols));
    });
    run.meet(w);
}

void RopeTableStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes&) const {
    for (std::size_t t = 0; t < tables_; ++t) {
        const std::size_t count = shape.batch.rows.size() * shared.ropes[t].inverse_frequencies.size();
        shared.ropes[t].cosines.reserve<float>(count);
        shared.ropes[t].sines.reserve<float>(count);
    }
}

void RopeTableStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Embedding);
    for (std::size_t t = 0; t < tables_; ++t) {
        RopeTable& table = run.shared.ropes[t];
        const std::size_t n = table.inverse_frequencies.size();
        run.parallel(w, run.rows(), [&](int r) {
            const auto position = static_cast<float>(run.batch.rows[static_cast<std::size_t>(r)].position);
            float* cosines = table.cosines.data<float>() + static_cast<std::size_t>(r) * n;
            float* sines = table.sines.data<float>() + static_cast<std::size_t>(r) * n;
            for (std::size_t i = 0; i < n; ++i) {
                // The angle is rounded to float first: the authors' code multiplies floats.
                const double angle = position * table.inverse_frequencies[i];
                cosines[i] = static_cast<float>(std::cos(angle)) * table.magnitude;
                sines[i] = static_cast<float>(std::sin(angle)) * table.magnitude;
            }
        });
    }
    // No meeting: the next stage meets before anything rotates.
}

void ProjectionStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    reserve_prepared(shape, in_, shared, sizes);
}

void ProjectionStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    bool i16 = false, f32 = false;
    for (const ProjectStep& s : steps_)
        (wants_i16(run.slice(s.weight)) ? i16 : f32) = true;
    const Rows in = run.prepare(w, in_, norm_ ? &*norm_ : nullptr, f32, i16);
    for (const ProjectStep& s : steps_) {
        const Slice& weight = run.slice(s.weight);
        const std::int64_t count = panels(weight.rows);
        const int chunk = panels_per_task(count, packed_bytes(weight.type, kPanelRows, weight.cols));
        const float* bias = run.vector(s.bias);
        run.parallel(w, static_cast<int>((count + chunk - 1) / chunk), [&](int task) {
            const std::int64_t first = std::int64_t{task} * chunk, last = std::min(first + chunk, count);
            float* out = run.value(s.out);
            w.product(weight, in, nullptr, run.rows(), first, last, out, weight.rows, s.add);
            if (!bias)
                return;
            for (int r = 0; r < run.rows(); ++r)
                for (std::int64_t i = first * kPanelRows; i < std::min(last * kPanelRows, weight.rows); ++i)
                    out[r * weight.rows + i] += bias[i];
        });
    }
    run.meet(w);
}

void HeadStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    shared.wanted.clear();
    for (int r = 0; r < shape.rows(); ++r)
        if (shape.batch.rows[static_cast<std::size_t>(r)].wish != RowWish::Nothing)
            shared.wanted.push_back(r);
    const int width = shape.width(step_.in);
    sizes.hold_rows(static_cast<int>(std::min(kHeadGroup, shared.wanted.size())), width);
    sizes.hold_decoded(width);
    std::size_t sought = 0; // at most
    for (const BatchRow& row : shape.batch.rows)
        sought += (row.candidates >= 0) + (row.wish == RowWish::Draw);
    ScratchSizes::hold<float>(sizes.state, sought);
}

void HeadStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Head);
    const std::span<const std::int32_t> wanted = run.shared.wanted;
    // Many wanted rows (perplexity, all logits) go in groups, so that a thread's own copies stay small.
    for (std::size_t begin = 0; begin < wanted.size(); begin += kHeadGroup)
        project(run, w, wanted.subspan(begin, std::min(kHeadGroup, wanted.size() - begin)),
                run.logits.data() + begin * static_cast<std::size_t>(run.plan.vocabulary));
    if (!run.sought.empty())
        find_candidates(run, w);
}

void HeadStage::project(StepRun& run, ThreadContext& w, std::span<const std::int32_t> rows,
                        float* out) const {
    const Slice& weight = run.slice(step_.weight);
    const std::int64_t count = panels(weight.rows);
    const int n = static_cast<int>(rows.size());
    const bool i16 = wants_i16(weight);
    const Rows in = run.prepare_rows(w, step_.in, norm_ ? &*norm_ : nullptr, !i16, i16, rows.data(), n);
    const float* bias = run.vector(step_.bias);
    const int chunk = panels_per_task(count / 4, packed_bytes(weight.type, kPanelRows, weight.cols));
    run.parallel(w, static_cast<int>((count + chunk - 1) / chunk), [&](int task) {
        const std::int64_t first = std::int64_t{task} * chunk, last = std::min(first + chunk, count);
        w.product(weight, in, nullptr, n, first, last, out, weight.rows, false);
        for (int r = 0; r < n; ++r)
            for (std::int64_t i = first * kPanelRows; i < std::min(last * kPanelRows, weight.rows); ++i)
                out[r * weight.rows + i] = out[r * weight.rows + i] * step_.scale + (bias ? bias[i] : 0.0f);
    });
    run.meet(w);
}

/// Row by row, a row's parts on all threads.
void HeadStage::find_candidates(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Sampling);
    const auto vocabulary = static_cast<std::size_t>(run.plan.vocabulary);
    const std::size_t parts = candidate_parts(vocabulary);
    const auto logits = [&](const StepRun::Sought& sought) {
        return std::span<const float>(run.logits).subspan(sought.row * vocabulary, vocabulary);
    };
    // Each thread for itself: one look at what is in the cache costs less than meeting the others.
    auto* maxima = w.state.get<float>(run.sought.size());
    for (std::size_t i = 0; i < run.sought.size(); ++i)
        maxima[i] = largest_logit(logits(run.sought[i]));
    run.parallel(w, static_cast<int>(run.sought.size() * parts), [&](int task) {
        const auto index = static_cast<std::size_t>(task), i = index / parts;
        candidate_part(logits(run.sought[i]), index % parts, maxima[i], *run.sought[i].wish,
                       run.candidate_parts[index]);
    });
    run.meet(w);
    run.parallel(w, static_cast<int>(run.sought.size()), [&](int task) {
        const auto i = static_cast<std::size_t>(task);
        StepRun::Sought& sought = run.sought[i];
        join_parts(logits(sought), maxima[i], *sought.wish,
                   std::span(run.candidate_parts).subspan(i * parts, parts), sought.found);
    });
}

} // namespace switchyard::cpu
