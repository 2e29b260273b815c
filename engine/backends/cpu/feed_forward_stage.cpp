#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace switchyard::cpu {

namespace {

constexpr std::int64_t kHiddenChunk = 4 * kPanelRows; ///< hidden neurons of a task: a whole I16Block

std::size_t round_up(std::size_t n, std::size_t to) { return (n + to - 1) / to * to; }

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

void FeedForwardStage::reserve(const Batch& batch, Shared& shared) const {
    const std::size_t rows = batch.rows.size();
    const std::size_t n = shared.values[static_cast<std::size_t>(in_)].bytes() / sizeof(float);
    shared.normed.get<float>(n);
    shared.quantized.get<std::byte>(i16_row_bytes(static_cast<std::int64_t>(n) + 32));
    std::size_t hidden = 0;
    for (const FeedForwardStep& b : blocks_)
        hidden += rows * round_up(static_cast<std::size_t>(b.width), 32);
    if (experts_) {
        std::size_t pairs = 0;
        for (const BatchRow& r : batch.rows)
            pairs += static_cast<std::size_t>(std::min(
                r.dials.experts > 0 ? r.dials.experts : route_->routing.active, route_->routing.experts));
        hidden += pairs * round_up(static_cast<std::size_t>(experts_->width), 32);
        shared.router_logits.get<float>(rows * static_cast<std::size_t>(route_->routing.experts));
    }
    shared.hidden.get<float>(hidden);
    shared.hidden_i16.get<std::byte>(i16_row_bytes(static_cast<std::int64_t>(hidden)));
}

void FeedForwardStage::run(StepRun& run, Worker& w) const {
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
            multiply(router, in, nullptr, run.rows(), p, p + 1, logits, router.rows, false, w.decoded);
        });
        run.meet();
    }
    if (w.thread == 0) {
        route(run);
        run.units = units(run, in);
    }
    run.meet();

    std::vector<std::pair<const Unit*, std::int64_t>> chunks;
    for (const Unit& u : run.units)
        for (std::int64_t first = 0; first < u.width; first += kHiddenChunk)
            chunks.emplace_back(&u, first);
    run.parallel(w, static_cast<int>(chunks.size()), [&](int task) {
        const auto& [unit, first] = chunks[static_cast<std::size_t>(task)];
        hidden(run, w, in, *unit, first, std::min(first + kHiddenChunk, std::int64_t{unit->width}));
    });
    run.meet();
    if (run.observer && dense() && !run.stopped()) {
        const Unit& u = run.units.front();
        run.observer->observe({number_, run.rows(), u.width, in.f32, in.f32_stride,
                               run.shared.hidden.data<float>() + u.hidden,
                               static_cast<std::int64_t>(round_up(static_cast<std::size_t>(u.width), 32))},
                              w.thread, run.threads());
    }

    const std::int64_t count = panels(run.width(out_)), chunk = down_chunk(run, count);
    run.parallel(w, static_cast<int>((count + chunk - 1) / chunk), [&](int task) {
        down(run, w, run.units, task * chunk, std::min((task + 1) * chunk, count));
    });
    run.meet();
}

// Panels of a task that sums the blocks' outputs. Of each block it reads so many panels, which are one
// stretch of memory: short stretches of many small experts come at half the speed of a long one.
std::int64_t FeedForwardStage::down_chunk(const StepRun& run, std::int64_t count) const {
    constexpr std::size_t kStretch = 24 << 10; ///< bytes
    std::size_t panel = kStretch;
    for (const Unit& u : run.units)
        panel = std::min(panel, packed_bytes(u.down->type, kPanelRows, u.down->cols));
    const std::int64_t usual = std::clamp(count / 16, std::int64_t{1}, std::int64_t{8}),
                       most = std::max(usual, count / (2 * run.threads())),
                       wanted = static_cast<std::int64_t>(kStretch / std::max<std::size_t>(panel, 1));
    return run.few_rows() ? std::clamp(wanted, usual, most) : usual;
}

void FeedForwardStage::route(StepRun& run) const {
    if (!route_)
        return;
    const auto experts = static_cast<std::size_t>(route_->routing.experts);
    float* logits = run.shared.router_logits.data<float>();
    const float* bias = run.vector(route_->bias);
    const float* selection = run.vector(route_->selection_bias);
    run.chosen.resize(static_cast<std::size_t>(run.rows()));
    int asked = 0;
    for (std::size_t r = 0; r < run.chosen.size(); ++r) {
        const std::span<float> row(logits + r * experts, experts);
        for (std::size_t e = 0; bias && e < experts; ++e)
            row[e] += bias[e];
        for (std::size_t e = 0; e < route_->constant_bias.size(); ++e)
            row[e] += route_->constant_bias[e];
        run.chosen[r] =
            choose_experts(row, selection ? std::span(selection, experts) : std::span<const float>(),
                           route_->routing, run.batch.rows[r].dials.experts);
        if (run.batch.rows[r].routing)
            std::ranges::copy(run.chosen[r], run.result.routing.of(route_->route, asked++).begin());
    }
}

std::vector<FeedForwardUnit> FeedForwardStage::units(const StepRun& run, const Rows& in) const {
    std::vector<Unit> units;
    std::size_t offset = 0;
    const auto place = [&](Unit& u) {
        u.count = u.all_rows ? run.rows() : static_cast<int>(u.rows.size());
        u.hidden = offset;
        u.hidden_i16 = i16_row_bytes(static_cast<std::int64_t>(offset));
        offset += static_cast<std::size_t>(u.count) * round_up(static_cast<std::size_t>(u.width), 32);
    };
    if (experts_) {
        const auto count = static_cast<std::size_t>(route_->routing.experts);
        std::vector<Unit> experts(count);
        for (std::size_t r = 0; r < run.chosen.size(); ++r)
            for (const RouteChoice& c : run.chosen[r]) {
                experts[static_cast<std::size_t>(c.expert)].rows.push_back(static_cast<std::int32_t>(r));
                experts[static_cast<std::size_t>(c.expert)].weights.push_back(c.weight);
            }
        for (std::size_t e = 0; e < count; ++e) {
            Unit& u = experts[e];
            if (u.rows.empty())
                continue;
            u.gate = &run.slice(experts_->gate, e);
            u.up = &run.slice(experts_->up, e);
            u.down = &run.slice(experts_->down, e);
            u.gate_bias = bias_row(run, experts_->gate_bias, e, experts_->width);
            u.up_bias = bias_row(run, experts_->up_bias, e, experts_->width);
            u.down_bias = bias_row(run, experts_->down_bias, e, run.width(out_));
            u.activation = experts_->activation;
            u.clamp = experts_->clamp;
            u.width = experts_->width;
            u.all_rows = false;
            place(u);
            units.push_back(std::move(u));
        }
    }
    for (const FeedForwardStep& b : blocks_) {
        Unit u{};
        u.gate = &run.slice(b.gate);
        u.up = &run.slice(b.up);
        u.down = &run.slice(b.down);
        u.gate_bias = run.vector(b.gate_bias);
        u.up_bias = run.vector(b.up_bias);
        u.down_bias = run.vector(b.down_bias);
        u.activation = b.activation;
        u.width = b.width;
        u.all_rows = b.output_gate == kNoWeight;
        for (int r = 0; !u.all_rows && r < run.rows(); ++r) {
            const float *gate = run.vector(b.output_gate), *x = in.f32 + r * in.f32_stride;
            const double s = std::inner_product(gate, gate + run.width(in_), x, 0.0);
            u.rows.push_back(r);
            u.weights.push_back(static_cast<float>(1.0 / (1.0 + std::exp(-s))));
        }
        place(u);
        units.push_back(std::move(u));
    }
    return units;
}

void FeedForwardStage::hidden(StepRun& run, Worker& w, const Rows& in, const Unit& u, std::int64_t first,
                              std::int64_t last) const {
    const int tokens = u.tokens();
    const std::int64_t n = last - first;
    // Both products of this chunk stay in the thread's own cache until they are joined.
    float* gate = w.scratch.get<float>(static_cast<std::size_t>(2 * tokens * kHiddenChunk));
    float* up = gate + std::int64_t{tokens} * kHiddenChunk;
    const std::int32_t* index = u.all_rows ? nullptr : u.rows.data();
    const std::int64_t p0 = first / kPanelRows, p1 = panels(last);
    multiply(*u.gate, in, index, tokens, p0, p1, with_first_row(gate, first), kHiddenChunk, false, w.decoded);
    multiply(*u.up, in, index, tokens, p0, p1, with_first_row(up, first), kHiddenChunk, false, w.decoded);
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

void FeedForwardStage::down(StepRun& run, Worker& w, const std::vector<Unit>& units, std::int64_t first,
                            std::int64_t last) const {
    const std::int64_t rows = run.width(out_), row0 = first * kPanelRows,
                       row1 = std::min(last * kPanelRows, rows);
    const std::int64_t n = row1 - row0;
    float* out = run.value(out_);
    for (const Unit& u : units) {
        const auto stride = round_up(static_cast<std::size_t>(u.width), 32);
        const Rows h{run.shared.hidden.data<float>() + u.hidden, static_cast<std::int64_t>(stride),
                     run.shared.hidden_i16.data<std::byte>() + u.hidden_i16,
                     i16_row_bytes(static_cast<std::int64_t>(stride)), run.product_observer};
        if (u.all_rows) {
            multiply(*u.down, h, nullptr, u.tokens(), first, last, out, rows, true, w.decoded);
            for (int t = 0; u.down_bias && t < u.tokens(); ++t)
                add_bias(u.down_bias + row0, out + t * rows + row0, n);
            continue;
        }
        float* y = w.scratch.get<float>(static_cast<std::size_t>(u.tokens() * n));
        multiply(*u.down, h, nullptr, u.tokens(), first, last, with_first_row(y, row0), n, false, w.decoded);
        for (int t = 0; t < u.tokens(); ++t) {
            add_bias(u.down_bias ? u.down_bias + row0 : nullptr, y + t * n, n);
            scale_add(u.weights[static_cast<std::size_t>(t)], y + t * n,
                      out + u.rows[static_cast<std::size_t>(t)] * rows + row0, static_cast<int>(n));
        }
    }
}

} // namespace switchyard::cpu
