#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace switchyard::cpu {

namespace {

constexpr std::int64_t kHiddenChunk = 4 * kPanelRows; ///< hidden neurons of a task: a whole I16Block

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

int chunks(const FeedForwardUnit& u) { return static_cast<int>((u.width + kHiddenChunk - 1) / kHiddenChunk); }

std::int64_t usual_down_panels(std::int64_t count) {
    return std::clamp(count / 16, std::int64_t{1}, std::int64_t{8});
}

const float* bias_row(const StepRun& run, WeightId id, std::size_t expert, int width) {
    const float* all = run.vector(id);
    return all ? all + expert * static_cast<std::size_t>(width) : nullptr;
}

void add_bias(const float* bias, float* y, std::int64_t n) {
    if (bias)
        add(bias, y, static_cast<int>(n));
}

void clamped_swiglu(SiluClamp c, const float* gate, const float* up, float* out, int n) {
    for (int i = 0; i < n; ++i) {
        const float g = std::min(gate[i], c.limit), u = std::clamp(up[i], -c.limit, c.limit);
        out[i] = g / (1.0f + std::exp(-c.alpha * g)) * (u + 1.0f);
    }
}

void join(const FeedForwardUnit& unit, const float* gate, const float* up, float* out, int n) {
    switch (unit.activation) {
    case Activation::Silu:
        return swiglu(gate, up, out, n);
    case Activation::Gelu:
        return gelu_glu(gate, up, out, n);
    case Activation::ClampedSilu:
        return clamped_swiglu(unit.clamp, gate, up, out, n);
    }
}

} // namespace

/// Experts that a row of the batch has at most.
int FeedForwardStage::most_active(const Batch& batch) const {
    int most = 0;
    for (const BatchRow& row : batch.rows)
        most = std::max(most, active_experts(route_->routing, row.dials.experts));
    return most;
}

void FeedForwardStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    reserve_prepared(shape, in_, shared, sizes);
    const auto rows = static_cast<std::size_t>(shape.rows());
    std::size_t hidden = 0, pairs = 0, units = blocks_.size();
    for (const FeedForwardStep& b : blocks_) {
        hidden += rows * round_up(static_cast<std::size_t>(b.width), 32);
        pairs += b.output_gate == kNoWeight ? 0 : rows;
        sizes.hold_decoded(b.width);
    }
    if (experts_) {
        const auto experts = static_cast<std::size_t>(route_->routing.experts);
        std::size_t routed = 0;
        for (const BatchRow& row : shape.batch.rows)
            routed += static_cast<std::size_t>(active_experts(route_->routing, row.dials.experts));
        hidden += routed * round_up(static_cast<std::size_t>(experts_->width), 32);
        pairs += routed;
        units += experts;
        sizes.hold_decoded(experts_->width);
        shared.router_logits.reserve<float>(rows * experts);
        shared.chosen.reserve<RouteChoice>(rows * static_cast<std::size_t>(most_active(shape.batch)));
        shared.chosen_counts.reserve<std::size_t>(rows);
        shared.unit_places.reserve<std::size_t>(experts);
        shared.router.reserve(route_->routing);
    }
    shared.units.reserve<Unit>(units);
    shared.unit_rows.reserve<std::int32_t>(pairs);
    shared.unit_weights.reserve<float>(pairs);
    shared.hidden.reserve<float>(hidden);
    shared.hidden_i16.reserve<std::byte>(i16_row_bytes(static_cast<std::int64_t>(hidden)));
    ScratchSizes::hold<float>(sizes.scratch, 2 * rows * static_cast<std::size_t>(kHiddenChunk));
    if (pairs > 0)
        ScratchSizes::hold<float>(
            sizes.scratch,
            rows * static_cast<std::size_t>(kPanelRows * most_down_panels(shape.rows(), shape.threads,
                                                                          panels(shape.width(out_)))));
}

void FeedForwardStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(route_ ? StageKind::Router : StageKind::FeedForward);
    bool i16 = false, f32 = route_.has_value() || run.observer;
    const auto look = [&](WeightId id) {
        for (const Slice& s : run.weights[id].slices)
            (wants_i16(s) ? i16 : f32) = true;
    };
    for (const FeedForwardStep& b : blocks_) {
        look(b.gate);
        look(b.up);
    }
    if (experts_) {
        look(experts_->gate);
        look(experts_->up);
    }
    const Rows in = run.prepare(w, in_, norm_ ? &*norm_ : nullptr, f32, i16);
    if (route_) {
        const Slice& router = run.slice(route_->weight);
        const std::int64_t count = panels(router.rows);
        float* logits = run.shared.router_logits.data<float>();
        run.parallel(w, static_cast<int>(count), [&](int p) {
            w.product(router, in, nullptr, run.rows(), p, p + 1, logits, router.rows, false);
        });
        run.meet(w);
    }
    if (w.thread == 0) {
        route(run);
        make_units(run, in);
    }
    run.meet(w);
    w.meter.enter(route_ ? StageKind::Experts : StageKind::FeedForward);

    const std::span<const Unit> units = run.units;
    run.parallel(w, units.empty() ? 0 : units.back().first_chunk + chunks(units.back()), [&](int task) {
        const Unit& unit = *std::prev(std::ranges::upper_bound(units, task, {}, &Unit::first_chunk));
        const std::int64_t first = (task - unit.first_chunk) * kHiddenChunk;
        hidden(run, w, in, unit, first, std::min(first + kHiddenChunk, std::int64_t{unit.width}));
    });
    run.meet(w);
    if (run.observer && dense() && !run.stopped()) {
        const Unit& u = run.units.front();
        run.observer->observe({number_, run.rows(), u.width, in.f32, in.f32_stride,
                               run.shared.hidden.data<float>() + u.hidden,
                               static_cast<std::int64_t>(round_up(static_cast<std::size_t>(u.width), 32))},
                              w.thread, run.threads());
    }

    const std::int64_t count = panels(run.width(out_)), chunk = down_chunk(run, count);
    run.parallel(w, static_cast<int>((count + chunk - 1) / chunk),
                 [&](int task) { down(run, w, task * chunk, std::min((task + 1) * chunk, count)); });
    run.meet(w);
}

// Panels of a task that sums the blocks' outputs. Of each block it reads so many panels, which are one
// stretch of memory: short stretches of many small experts come at half the speed of a long one.
std::int64_t FeedForwardStage::down_chunk(const StepRun& run, std::int64_t count) const {
    constexpr std::size_t kStretch = 24 << 10; ///< bytes
    std::size_t panel = kStretch;
    for (const Unit& u : run.units)
        panel = std::min(panel, packed_bytes(u.down->type, kPanelRows, u.down->cols));
    const std::int64_t usual = usual_down_panels(count),
                       wanted = static_cast<std::int64_t>(kStretch / std::max<std::size_t>(panel, 1));
    return std::clamp(wanted, usual, most_down_panels(run.rows(), run.threads(), count));
}

std::int64_t FeedForwardStage::most_down_panels(int rows, int threads, std::int64_t count) const {
    const std::int64_t usual = usual_down_panels(count);
    return rows <= StepShape::kFewRows ? std::max(usual, count / (2 * threads)) : usual;
}

/// What a row's dials ask of this router.
RouteDials FeedForwardStage::dials_of(const Batch& batch, std::size_t row) const {
    const RowDials& dials = batch.rows[row].dials;
    RouteDials asked{dials.experts, dials.gate_threshold, dials.routing_mass, dials.pool};
    if (dials.off_mask >= 0) {
        const std::size_t words = expert_set_words(route_->routing.experts);
        asked.off = std::span(batch.off_masks[static_cast<std::size_t>(dials.off_mask)])
                        .subspan(static_cast<std::size_t>(route_->route) * words, words);
    }
    return asked;
}

void FeedForwardStage::route(StepRun& run) const {
    if (!route_)
        return;
    Shared& shared = run.shared;
    const auto experts = static_cast<std::size_t>(route_->routing.experts),
               rows = static_cast<std::size_t>(run.rows()),
               most = static_cast<std::size_t>(most_active(run.batch));
    float* logits = shared.router_logits.get<float>(rows * experts);
    auto* chosen = shared.chosen.get<RouteChoice>(rows * most);
    auto* counts = shared.chosen_counts.get<std::size_t>(rows);
    const float* bias = run.vector(route_->bias);
    const float* selection = run.vector(route_->selection_bias);
    int asked = 0;
    for (std::size_t r = 0; r < rows; ++r) {
        const std::span<float> row(logits + r * experts, experts);
        for (std::size_t e = 0; bias && e < experts; ++e)
            row[e] += bias[e];
        for (std::size_t e = 0; e < route_->constant_bias.size(); ++e)
            row[e] += route_->constant_bias[e];
        const std::span<RouteChoice> choices(chosen + r * most, most);
        counts[r] = choose_experts(row, selection ? std::span(selection, experts) : std::span<const float>(),
                                   route_->routing, dials_of(run.batch, r), shared.router, choices);
        if (run.batch.rows[r].routing)
            std::ranges::copy(choices.first(counts[r]),
                              run.result.routing.of(route_->route, asked++).begin());
    }
}

/// The experts that some row chose, in order of their number, with their rows and weights. Behind them is
/// room for as many more; how many places of rows are taken.
std::size_t FeedForwardStage::add_experts(StepRun& run, Unit*& unit) const {
    Shared& shared = run.shared;
    const auto experts = static_cast<std::size_t>(route_->routing.experts),
               rows = static_cast<std::size_t>(run.rows()),
               most = static_cast<std::size_t>(most_active(run.batch));
    const auto* chosen = shared.chosen.get<RouteChoice>(rows * most);
    const auto* counts = shared.chosen_counts.get<std::size_t>(rows);
    auto* places = shared.unit_places.get<std::size_t>(experts); // rows of each expert, then its next place
    std::fill_n(places, experts, std::size_t{0});
    for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t i = 0; i < counts[r]; ++i)
            ++places[chosen[r * most + i].expert];
    std::size_t taken = 0;
    for (std::size_t e = 0; e < experts; ++e) {
        const std::size_t count = std::exchange(places[e], taken);
        if (count == 0)
            continue;
        Unit& u = *unit++ = {};
        u.gate = &run.slice(experts_->gate, e);
        u.up = &run.slice(experts_->up, e);
        u.down = &run.slice(experts_->down, e);
        u.gate_bias = bias_row(run, experts_->gate_bias, e, experts_->width);
        u.up_bias = bias_row(run, experts_->up_bias, e, experts_->width);
        u.down_bias = bias_row(run, experts_->down_bias, e, run.width(out_));
        u.activation = experts_->activation;
        u.clamp = experts_->clamp;
        u.width = experts_->width;
        u.rows = shared.unit_rows.data<std::int32_t>() + taken;
        u.weights = shared.unit_weights.data<float>() + taken;
        u.count = static_cast<int>(count);
        taken += count;
    }
    auto* unit_rows = shared.unit_rows.get<std::int32_t>(taken);
    auto* unit_weights = shared.unit_weights.get<float>(taken);
    for (std::size_t r = 0; r < rows; ++r)
        for (const RouteChoice& c : std::span(chosen + r * most, counts[r])) {
            const std::size_t place = places[c.expert]++;
            unit_rows[place] = static_cast<std::int32_t>(r);
            unit_weights[place] = c.weight;
        }
    return taken;
}

void FeedForwardStage::make_units(StepRun& run, const Rows& in) const {
    Shared& shared = run.shared;
    const auto rows = static_cast<std::size_t>(run.rows());
    auto* const first = shared.units.get<Unit>(
        blocks_.size() + (experts_ ? static_cast<std::size_t>(route_->routing.experts) : 0));
    Unit* unit = first;
    std::size_t taken = experts_ ? add_experts(run, unit) : 0;
    for (const FeedForwardStep& b : blocks_) {
        Unit& u = *unit++ = {};
        u.gate = &run.slice(b.gate);
        u.up = &run.slice(b.up);
        u.down = &run.slice(b.down);
        u.gate_bias = run.vector(b.gate_bias);
        u.up_bias = run.vector(b.up_bias);
        u.down_bias = run.vector(b.down_bias);
        u.activation = b.activation;
        u.width = b.width;
        u.count = run.rows();
        if (b.output_gate == kNoWeight)
            continue;
        auto* const unit_rows = shared.unit_rows.get<std::int32_t>(taken + rows) + taken;
        auto* const weights = shared.unit_weights.get<float>(taken + rows) + taken;
        const float* gate = run.vector(b.output_gate);
        for (std::size_t r = 0; r < rows; ++r) {
            const float* x = in.f32 + static_cast<std::int64_t>(r) * in.f32_stride;
            const double s = std::inner_product(gate, gate + run.width(in_), x, 0.0);
            unit_rows[r] = static_cast<std::int32_t>(r);
            weights[r] = static_cast<float>(1.0 / (1.0 + std::exp(-s)));
        }
        u.rows = unit_rows;
        u.weights = weights;
        taken += rows;
    }
    run.units = place({first, unit});
}

/// Says where in the hidden buffers each unit's rows are, and which of the tasks are its.
std::span<const FeedForwardUnit> FeedForwardStage::place(std::span<Unit> units) {
    std::size_t offset = 0;
    int chunk = 0;
    for (Unit& u : units) {
        u.hidden = offset;
        u.hidden_i16 = i16_row_bytes(static_cast<std::int64_t>(offset));
        u.first_chunk = chunk;
        offset += static_cast<std::size_t>(u.count) * round_up(static_cast<std::size_t>(u.width), 32);
        chunk += chunks(u);
    }
    return units;
}

void FeedForwardStage::hidden(StepRun& run, ThreadContext& w, const Rows& in, const Unit& u,
                              std::int64_t first, std::int64_t last) const {
    const int tokens = u.count;
    const std::int64_t n = last - first;
    // Both products of this chunk stay in the thread's own cache until they are joined.
    float* gate = w.scratch.get<float>(static_cast<std::size_t>(2 * tokens * kHiddenChunk));
    float* up = gate + std::int64_t{tokens} * kHiddenChunk;
    const std::int32_t* index = u.rows;
    const std::int64_t p0 = first / kPanelRows, p1 = panels(last);
    w.product(*u.gate, in, index, tokens, p0, p1, with_first_row(gate, first), kHiddenChunk, false);
    w.product(*u.up, in, index, tokens, p0, p1, with_first_row(up, first), kHiddenChunk, false);
    const auto stride = round_up(static_cast<std::size_t>(u.width), 32);
    const bool i16 = wants_i16(*u.down);
    for (int t = 0; t < tokens; ++t) {
        float* h = run.shared.hidden.data<float>() + u.hidden + static_cast<std::size_t>(t) * stride + first;
        add_bias(u.gate_bias ? u.gate_bias + first : nullptr, gate + t * kHiddenChunk, n);
        add_bias(u.up_bias ? u.up_bias + first : nullptr, up + t * kHiddenChunk, n);
        join(u, gate + t * kHiddenChunk, up + t * kHiddenChunk, h, static_cast<int>(n));
        if (i16)
            quantize_i16(
                h, n,
                run.shared.hidden_i16.data<std::byte>() + u.hidden_i16 +
                    i16_row_bytes(static_cast<std::int64_t>(static_cast<std::size_t>(t) * stride) + first));
    }
}

void FeedForwardStage::down(StepRun& run, ThreadContext& w, std::int64_t first, std::int64_t last) const {
    const std::int64_t rows = run.width(out_), row0 = first * kPanelRows,
                       row1 = std::min(last * kPanelRows, rows);
    const std::int64_t n = row1 - row0;
    float* out = run.value(out_);
    for (const Unit& u : run.units) {
        const auto stride = round_up(static_cast<std::size_t>(u.width), 32);
        const Rows h{run.shared.hidden.data<float>() + u.hidden, static_cast<std::int64_t>(stride),
                     run.shared.hidden_i16.data<std::byte>() + u.hidden_i16,
                     i16_row_bytes(static_cast<std::int64_t>(stride)), run.product_observer};
        if (u.all_rows()) {
            w.product(*u.down, h, nullptr, u.count, first, last, out, rows, true);
            for (int t = 0; u.down_bias && t < u.count; ++t)
                add_bias(u.down_bias + row0, out + t * rows + row0, n);
            continue;
        }
        float* y = w.scratch.get<float>(static_cast<std::size_t>(u.count * n));
        w.product(*u.down, h, nullptr, u.count, first, last, with_first_row(y, row0), n, false);
        for (int t = 0; t < u.count; ++t) {
            add_bias(u.down_bias ? u.down_bias + row0 : nullptr, y + t * n, n);
            scale_add(u.weights[t], y + t * n, out + u.rows[t] * rows + row0, static_cast<int>(n));
        }
    }
}

} // namespace switchyard::cpu
