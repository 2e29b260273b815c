#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <cmath>

namespace switchyard::cpu {

namespace {

constexpr std::int64_t kHiddenChunk = FeedForwardUnit::kChunk;
constexpr int kHiddenRows = 96; ///< whose gates and ups are computed together

std::int64_t usual_down_panels(std::int64_t count, int threads) {
    return std::clamp(count / usual_tasks(threads), std::int64_t{1}, std::int64_t{8});
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

void limited_swiglu(float limit, const float* gate, const float* up, float* out, int n) {
    for (int i = 0; i < n; ++i) {
        const float g = std::min(gate[i], limit), u = std::clamp(up[i], -limit, limit);
        out[i] = g / (1.0f + std::exp(-g)) * u;
    }
}

void join(const FeedForwardUnit& unit, const float* gate, const float* up, float* out, int n) {
    switch (unit.activation) {
    case Activation::Silu:
        return swiglu(gate, up, out, n);
    case Activation::Gelu:
        return gelu_glu(gate, up, out, n);
    case Activation::Relu:
        for (int i = 0; i < n; ++i)
            out[i] = std::max(gate[i], 0.0f) * up[i];
        return;
    case Activation::ClampedSilu:
        return clamped_swiglu(unit.clamp, gate, up, out, n);
    case Activation::LimitedSilu:
        return limited_swiglu(unit.clamp.limit, gate, up, out, n);
    }
}

} // namespace

void FeedForwardStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    reserve_prepared(shape, in_, shared, sizes);
    const auto rows = static_cast<std::size_t>(shape.rows());
    std::size_t hidden = 0, pairs = 0;
    for (const FeedForwardStep& b : blocks_) {
        hidden += rows * hidden_stride(b.width);
        pairs += b.output_gate == kNoWeight ? 0 : rows;
        sizes.hold_decoded(b.width);
    }
    if (experts_) {
        std::size_t routed = 0;
        for (const BatchRow& row : shape.batch.rows)
            routed += static_cast<std::size_t>(active_experts(route_->routing, row.dials.experts));
        hidden += routed * hidden_stride(experts_->width);
        pairs += routed;
        sizes.hold_decoded(experts_->width);
    }
    reserve_rooms(shape, shared, pairs);
    shared.hidden.reserve<float>(hidden);
    shared.hidden_integers.reserve<std::byte>(i16_row_bytes(static_cast<std::int64_t>(hidden)));
    std::size_t widest = experts_ ? static_cast<std::size_t>(experts_->width) : 0;
    for (const FeedForwardStep& b : blocks_)
        widest = std::max(widest, static_cast<std::size_t>(b.width));
    const auto most =
        static_cast<std::size_t>(hidden_chunks(shape.rows(), shape.threads, 1 << 20) * kHiddenChunk);
    ScratchSizes::hold<float>(sizes.scratch,
                              2 * std::min<std::size_t>(rows, kHiddenRows) * std::min(widest, most));
    if (pairs > 0)
        ScratchSizes::hold<float>(
            sizes.scratch,
            rows * static_cast<std::size_t>(kPanelRows * most_down_panels(shape.rows(), shape.threads,
                                                                          panels(shape.width(out_)))));
}

void FeedForwardStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(route_ ? StageKind::Router : StageKind::FeedForward);
    if (route_norm_)
        find_router_logits(run, w, run.prepare(w, in_, &*route_norm_, {.f32 = true}));
    const bool routed = route_ && !route_norm_; // by what the experts read
    InputForms forms{.f32 = routed || run.observer};
    const auto look = [&](WeightId id) {
        for (const Slice& s : run.weights[id].slices)
            forms.look(s);
    };
    for (const FeedForwardStep& b : blocks_) {
        look(b.gate);
        look(b.up);
    }
    if (experts_) {
        look(experts_->gate);
        look(experts_->up);
    }
    const Rows in = run.prepare(w, in_, norm_ ? &*norm_ : nullptr, forms);
    if (routed)
        find_router_logits(run, w, in);
    decide(run, w, in);
    const std::span<const Unit> units = make_units(run, w);
    w.meter.enter(route_ ? StageKind::Experts : StageKind::FeedForward);

    const std::int64_t all = units.empty() ? 0 : units.back().first_chunk + units.back().chunks();
    run.parallel_ranges(w, all, hidden_ranges(run, units, all), [&](std::int64_t first, std::int64_t last) {
        for (const Unit* u = &*std::prev(std::ranges::upper_bound(units, first, {}, &Unit::first_chunk));
             first < last; ++u) {
            const std::int64_t end = std::min<std::int64_t>(last, u->first_chunk + u->chunks());
            hidden(run, w, in, *u, (first - u->first_chunk) * kHiddenChunk,
                   std::min((end - u->first_chunk) * kHiddenChunk, std::int64_t{u->width}));
            first = end;
        }
    });
    run.meet(w);
    if (run.observer && dense() && !run.stopped()) {
        const Unit& u = units.front();
        run.observer->observe({number_, run.rows(), u.width, in.f32, in.f32_stride,
                               run.shared.hidden.data<float>() + u.hidden,
                               static_cast<std::int64_t>(hidden_stride(u.width))},
                              w.thread, run.threads());
    }

    const std::int64_t count = panels(run.width(out_));
    run.parallel_ranges(w, count, down_ranges(run, units, count),
                        [&](std::int64_t first, std::int64_t last) { down(run, w, units, first, last); });
    run.meet(w);
}

void FeedForwardStage::find_router_logits(StepRun& run, ThreadContext& w, const Rows& in) const {
    const Slice& router = run.slice(route_->weight);
    const std::int64_t count = panels(router.rows);
    float* logits = run.shared.router_logits.data<float>();
    run.parallel(w, static_cast<int>(count), [&](int p) {
        w.product(router, in, nullptr, run.rows(), p, p + 1, logits, router.rows, false);
    });
    run.meet(w);
}

/// Chunks of hidden neurons that a thread takes at once, at most. With many rows each time the rows have to
/// be laid out anew.
std::int64_t FeedForwardStage::hidden_chunks(int rows, int threads, std::int64_t all) {
    return rows <= StepShape::kStreamedRows ? all : std::clamp<std::int64_t>(all / (4 * threads), 1, 8);
}

RangeLengths FeedForwardStage::hidden_ranges(const StepRun& run, std::span<const Unit> units,
                                             std::int64_t all) {
    if (units.empty())
        return {1, 1};
    const std::int64_t most = hidden_chunks(run.rows(), run.threads(), all);
    if (run.rows() > StepShape::kStreamedRows) // products look for a stop between rows
        return {1, most};
    const std::int64_t piece =
        panels_of_a_piece(*units.front().gate, run.rows()) * kPanelRows / (2 * kHiddenChunk);
    return {1, std::max<std::int64_t>(std::min(piece, most), 1)};
}

// Panels of a task that sums the blocks' outputs. Of each block it reads so many panels, which are one
// stretch of memory: short stretches of many small experts come at half the speed of a long one.
RangeLengths FeedForwardStage::down_ranges(const StepRun& run, std::span<const Unit> units,
                                           std::int64_t count) const {
    constexpr std::size_t kStretch = 24 << 10; ///< bytes
    std::size_t panel = kStretch;
    std::int64_t macs = 0; // of a row
    for (const Unit& u : units) {
        panel = std::min(panel, packed_bytes(u.down->type, kPanelRows, u.down->cols));
        macs += u.down->cols * u.count;
    }
    if (units.empty())
        return {1, count};
    const Slice& first = *units.front().down;
    const std::int64_t usual = usual_down_panels(count, run.threads());
    std::int64_t most = most_down_panels(run.rows(), run.threads(), count);
    if (run.rows() > StepShape::kStreamedRows)
        return {usual, most}; // products look for a stop between rows
    const std::int64_t piece = panels_of_a_piece(first, static_cast<int>(macs / first.cols + 1)),
                       wanted = static_cast<std::int64_t>(kStretch / std::max<std::size_t>(panel, 1));
    most = std::max(usual, std::min(piece, most));
    return {std::clamp(wanted, usual, most), most};
}

std::int64_t FeedForwardStage::most_down_panels(int rows, int threads, std::int64_t count) const {
    const std::int64_t usual = usual_down_panels(count, threads);
    return rows <= StepShape::kStreamedRows
               ? std::max(usual, count / (2 * threads))
               : std::max(usual, std::clamp<std::int64_t>(count / (8 * threads), 1, 16));
}

// In groups of rows, so that both products of a group stay in the thread's own cache until they are joined.
void FeedForwardStage::hidden(StepRun& run, ThreadContext& w, const Rows& in, const Unit& u,
                              std::int64_t first, std::int64_t last) const {
    for (int row = 0; row < u.count && !run.stopped(); row += kHiddenRows)
        hidden_rows(run, w, in, u, row, std::min(kHiddenRows, u.count - row), first, last);
}

/// Places [row, row + count) of a unit.
void FeedForwardStage::hidden_rows(StepRun& run, ThreadContext& w, const Rows& all, const Unit& u, int row,
                                   int count, std::int64_t first, std::int64_t last) const {
    const std::int64_t n = last - first, p0 = first / kPanelRows, p1 = panels(last);
    float* gate = w.scratch.get<float>(static_cast<std::size_t>(2 * count * n));
    float* up = u.up == u.gate ? gate : gate + count * n;
    const std::int32_t* index = u.rows ? u.rows + row : nullptr;
    const Rows in = index ? all : all.from(row);
    w.product(*u.gate, in, index, count, p0, p1, with_first_row(gate, first), n, false);
    if (u.up != u.gate)
        w.product(*u.up, in, index, count, p0, p1, with_first_row(up, first), n, false);
    const std::size_t stride = hidden_stride(u.width);
    for (int t = 0; t < count; ++t) {
        const std::size_t at = static_cast<std::size_t>(row + t) * stride + static_cast<std::size_t>(first);
        float* h = run.shared.hidden.data<float>() + u.hidden + at;
        if (u.weigh_input) {
            scale(u.weights[row + t], gate + t * n, gate + t * n, static_cast<int>(n));
            if (u.up != u.gate)
                scale(u.weights[row + t], up + t * n, up + t * n, static_cast<int>(n));
        }
        add_bias(u.gate_bias ? u.gate_bias + first : nullptr, gate + t * n, n);
        add_bias(u.up_bias ? u.up_bias + first : nullptr, up + t * n, n);
        join(u, gate + t * n, up + t * n, h, static_cast<int>(n));
        if (!u.integers)
            continue;
        const int bits = run.bits_of(u.rows ? u.rows[row + t] : row + t);
        std::byte* whole = run.shared.hidden_integers.data<std::byte>() + u.hidden_integers +
                           static_cast<std::size_t>(row + t) *
                               i16_row_bytes(static_cast<std::int64_t>(stride)); // whatever its bits are
        quantize_columns(bits, u.words, h, first, n, whole);
    }
}

void FeedForwardStage::down(StepRun& run, ThreadContext& w, std::span<const Unit> units, std::int64_t first,
                            std::int64_t last) const {
    const std::int64_t rows = run.width(out_), row0 = first * kPanelRows,
                       row1 = std::min(last * kPanelRows, rows);
    const std::int64_t n = row1 - row0;
    float* out = run.value(out_);
    for (int r = 0; !adds_ && r < run.rows(); ++r)
        std::fill_n(out + r * rows + row0, n, 0.0f);
    for (const Unit& u : units) {
        const std::size_t stride = hidden_stride(u.width);
        const Rows h{run.shared.hidden.data<float>() + u.hidden,
                     static_cast<std::int64_t>(stride),
                     run.shared.hidden_integers.data<std::byte>() + u.hidden_integers,
                     i16_row_bytes(static_cast<std::int64_t>(stride)),
                     u.words,
                     run.product_observer,
                     run.row_bits(),
                     u.rows};
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
            scale_add(u.weigh_input ? 1.0f : u.weights[t], y + t * n, out + u.rows[t] * rows + row0,
                      static_cast<int>(n));
        }
    }
}

} // namespace switchyard::cpu
