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
            const BatchRow& row = run.batch.rows[static_cast<std::size_t>(r)];
            const bool in_long = !table.long_frequencies.empty() &&
                                 run.batch.sequences[static_cast<std::size_t>(row.sequence)].long_text;
            const float* frequencies = (in_long ? table.long_frequencies : table.inverse_frequencies).data();
            const float magnitude = in_long ? table.long_magnitude : table.magnitude;
            const auto position = static_cast<float>(row.position);
            float* cosines = table.cosines.data<float>() + static_cast<std::size_t>(r) * n;
            float* sines = table.sines.data<float>() + static_cast<std::size_t>(r) * n;
            for (std::size_t i = 0; i < n; ++i) {
                // The angle is rounded to float first: the authors' code multiplies floats.
                const double angle = position * frequencies[i];
                cosines[i] = static_cast<float>(std::cos(angle)) * magnitude;
                sines[i] = static_cast<float>(std::sin(angle)) * magnitude;
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
    InputForms forms;
    for (const ProjectStep& s : steps_)
        forms.look(run.slice(s.weight));
    const Rows in = run.prepare(w, in_, norm_ ? &*norm_ : nullptr, forms);
    for (const ProjectStep& s : steps_) {
        const Slice& weight = run.slice(s.weight);
        const std::int64_t count = panels(weight.rows);
        const float* bias = run.vector(s.bias);
        const RangeLengths lengths = panel_ranges(run.rows(), weight, run.threads());
        run.parallel_ranges(w, count, lengths, [&](std::int64_t first, std::int64_t last) {
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

void AddStage::run(StepRun& run, ThreadContext& w) const {
    const int n = run.width(step_.in);
    run.parallel(w, run.rows(), [&](int r) {
        scale_add(step_.scale, run.value(step_.in) + std::int64_t{r} * n,
                  run.value(step_.out) + std::int64_t{r} * n, n);
    });
    run.meet(w);
}

void ScaleStage::run(StepRun& run, ThreadContext& w) const {
    const int n = run.width(step_.value);
    const float factor = *run.vector(step_.factor);
    run.parallel(w, run.rows(), [&](int r) {
        float* x = run.value(step_.value) + std::int64_t{r} * n;
        scale(factor, x, x, n);
    });
    run.meet(w);
}

void AddedNormStage::reserve(const StepShape&, Shared&, ScratchSizes& sizes) const {
    ScratchSizes::hold<float>(sizes.state, static_cast<std::size_t>(step_.group));
}

void AddedNormStage::run(StepRun& run, ThreadContext& w) const {
    const int n = run.width(step_.in), group = step_.group;
    float* normed = w.state.get<float>(static_cast<std::size_t>(group));
    run.parallel(w, run.rows(), [&](int r) {
        for (std::int64_t at = std::int64_t{r} * n; at < (std::int64_t{r} + 1) * n; at += group) {
            float* out = run.value(step_.out) + at;
            run.normalise(step_, run.value(step_.in) + at, group, step_.add ? normed : out);
            if (step_.add)
                add(normed, out, group);
        }
    });
    run.meet(w);
}

void HeadStage::reserve(const StepShape& shape, Shared&, ScratchSizes& sizes) const {
    std::size_t with_logits = 0, sought = 0; // at most
    for (const BatchRow& row : shape.batch.rows) {
        with_logits += row.wish != RowWish::Nothing;
        sought += (row.candidates >= 0) + (row.wish == RowWish::Draw);
    }
    const int width = shape.width(in_);
    sizes.hold_rows(static_cast<int>(std::min(kHeadGroup, with_logits)), width);
    sizes.hold_decoded(width);
    ScratchSizes::hold<LogitBounds>(sizes.state, sought);
}

void HeadStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Head);
    const std::span<const std::int32_t> rows = run.wishes.logit_rows();
    // Many rows (perplexity, all logits) go in groups, so that a thread's own copies stay small.
    for (std::size_t begin = 0; begin < rows.size(); begin += kHeadGroup)
        project(run, w, rows.subspan(begin, std::min(kHeadGroup, rows.size() - begin)),
                run.logits.data() + begin * static_cast<std::size_t>(run.plan.vocabulary));
    if (!run.wishes.sought().empty())
        find_candidates(run, w);
}

void HeadStage::project(StepRun& run, ThreadContext& w, std::span<const std::int32_t> rows,
                        float* out) const {
    const Slice& weight = run.slice(step_.weight);
    const std::int64_t count = panels(weight.rows);
    const int n = static_cast<int>(rows.size());
    InputForms forms;
    forms.look(weight);
    const Rows in = run.prepare_rows(w, in_, norm_ ? &*norm_ : nullptr, forms, rows.data(), n);
    const float* bias = run.vector(step_.bias);
    const RangeLengths lengths = panel_ranges(n, weight, run.threads());
    run.parallel_ranges(w, count, lengths, [&](std::int64_t first, std::int64_t last) {
        w.product(weight, in, nullptr, n, first, last, out, weight.rows, false);
        for (int r = 0; r < n; ++r)
            for (std::int64_t i = first * kPanelRows; i < std::min(last * kPanelRows, weight.rows); ++i) {
                const float logit = out[r * weight.rows + i] * step_.scale + (bias ? bias[i] : 0.0f);
                out[r * weight.rows + i] = step_.cap > 0 ? step_.cap * std::tanh(logit / step_.cap) : logit;
            }
    });
    run.meet(w);
}

/// Row by row, a row's parts on all threads.
void HeadStage::find_candidates(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Sampling);
    const std::span<Sought> sought = run.wishes.sought();
    const std::size_t parts = candidate_parts(static_cast<std::size_t>(run.plan.vocabulary));
    // Each thread for itself: one look at what is in the cache costs less than meeting the others.
    auto* bounds = w.state.get<LogitBounds>(sought.size());
    for (std::size_t i = 0; i < sought.size(); ++i)
        bounds[i] = bound_logits(run.logits_of(sought[i].row),
                                 static_cast<std::size_t>(std::max(sought[i].wish->best, 0)));
    run.parallel(w, static_cast<int>(sought.size() * parts), [&](int task) {
        const auto index = static_cast<std::size_t>(task), i = index / parts;
        candidate_part(run.logits_of(sought[i].row), index % parts, bounds[i], *sought[i].wish,
                       run.candidate_parts[index]);
    });
    run.meet(w);
    run.parallel(w, static_cast<int>(sought.size()), [&](int task) {
        const auto i = static_cast<std::size_t>(task);
        join_parts(run.logits_of(sought[i].row), bounds[i].largest, *sought[i].wish,
                   std::span(run.candidate_parts).subspan(i * parts, parts), sought[i].found);
    });
}

} // namespace switchyard::cpu
