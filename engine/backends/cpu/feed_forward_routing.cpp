// Which rows go through which feed-forward block: routers' choices, gates of outputs, and the list of blocks
// at work.
#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>

namespace switchyard::cpu {

namespace {

const float* bias_row(const StepRun& run, WeightId id, std::size_t expert, int width) {
    const float* all = run.vector(id);
    return all ? all + expert * static_cast<std::size_t>(width) : nullptr;
}

/// The set of all experts but those of a token's list that are not off anyway.
std::span<const std::uint32_t> all_but(const float* list, std::span<const std::uint32_t> off,
                                       const Routing& routing, std::span<std::uint32_t> set) {
    const std::size_t words = expert_set_words(routing.experts);
    std::fill_n(set.begin(), words, ~std::uint32_t{0});
    for (int i = 0; i < routing.active; ++i) {
        const float listed = list[i];
        if (!(listed >= 0 && listed < static_cast<float>(routing.experts)))
            continue;
        const auto expert = static_cast<std::size_t>(listed);
        set[expert / 32] &= ~(std::uint32_t{1} << expert % 32);
    }
    for (std::size_t word = 0; word < off.size(); ++word)
        set[word] |= off[word];
    return set.first(words);
}

} // namespace

/// Experts that a row of the batch has at most.
std::size_t FeedForwardStage::most_active(const Batch& batch) const {
    int most = 0;
    for (const BatchRow& row : batch.rows)
        most = std::max(most, active_experts(route_->routing, row.dials.experts));
    return static_cast<std::size_t>(most);
}

bool FeedForwardStage::gated() const {
    return std::ranges::any_of(blocks_, [](const FeedForwardStep& b) { return b.output_gate != kNoWeight; });
}

/// `pairs`: of a row and a block that not every row goes through with weight 1.
void FeedForwardStage::reserve_rooms(const StepShape& shape, Shared& shared, std::size_t pairs) const {
    const auto rows = static_cast<std::size_t>(shape.rows());
    const std::size_t experts = experts_ ? static_cast<std::size_t>(route_->routing.experts) : 0;
    if (route_)
        shared.router_logits.reserve<float>(rows * static_cast<std::size_t>(route_->routing.experts));
    for (FeedForwardRoom& room : shared.feed_forward) {
        room.units.reserve<Unit>(blocks_.size() + experts);
        room.unit_rows.reserve<std::int32_t>(pairs);
        room.unit_weights.reserve<float>(pairs);
        room.unit_places.reserve<std::size_t>(experts);
        if (route_) {
            room.router.reserve(route_->routing);
            room.logits.reserve<float>(static_cast<std::size_t>(route_->routing.experts));
        }
        if (!shape.few_rows() && &room != &shared.feed_forward.front())
            continue;
        if (route_)
            room.chosen.reserve<RouteChoice>(rows * most_active(shape.batch));
        room.counts.reserve<std::size_t>(rows);
        room.gates.reserve<float>(rows * blocks_.size());
    }
}

/// Where this thread finds what was decided about the rows.
FeedForwardRoom& FeedForwardStage::decisions(StepRun& run, const ThreadContext& w) {
    return run.few_rows() ? run.shared.feed_forward[static_cast<std::size_t>(w.thread)]
                          : run.shared.feed_forward.front();
}

/// With few rows each thread decides for itself: cheaper than meeting the others.
void FeedForwardStage::decide(StepRun& run, ThreadContext& w, const Rows& in) const {
    if (!route_ && !gated())
        return;
    FeedForwardRoom& room = decisions(run, w);
    const std::size_t most = route_ ? most_active(run.batch) : 0;
    const auto decide_row = [&](int r) {
        if (route_)
            route(run, w, room, static_cast<std::size_t>(r), most);
        open_gates(run, room, in, static_cast<std::size_t>(r));
    };
    if (run.few_rows()) {
        for (int r = 0; r < run.rows() && !run.cancelled(); ++r)
            decide_row(r);
        return;
    }
    run.parallel(w, run.rows(), decide_row);
    run.meet(w);
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

/// Chooses the experts of row `r`, to room.chosen; `most`: places of a row there.
void FeedForwardStage::route(StepRun& run, ThreadContext& w, FeedForwardRoom& room, std::size_t r,
                             std::size_t most) const {
    const auto experts = static_cast<std::size_t>(route_->routing.experts);
    FeedForwardRoom& own = run.shared.feed_forward[static_cast<std::size_t>(w.thread)];
    // Biases are added to a copy: with few rows every thread reads these logits.
    const std::span<float> logits(own.logits.get<float>(experts), experts);
    std::copy_n(run.shared.router_logits.data<float>() + r * experts, experts, logits.begin());
    const float* bias = run.vector(route_->bias);
    const float* selection = run.vector(route_->selection_bias);
    for (float& logit : logits) {
        logit *= route_->logit_scale;
        logit = route_->cap > 0 ? route_->cap * std::tanh(logit / route_->cap) : logit;
    }
    for (std::size_t e = 0; bias && e < experts; ++e)
        logits[e] += bias[e];
    for (std::size_t e = 0; e < route_->constant_bias.size(); ++e)
        logits[e] += route_->constant_bias[e];
    RouteDials dials = dials_of(run.batch, r);
    std::array<std::uint32_t, 4096 / 32> others{};
    if (const float* table = run.vector(route_->by_token)) {
        const auto token = static_cast<std::size_t>(run.batch.rows[r].token);
        dials.off = all_but(table + token * static_cast<std::size_t>(route_->routing.active), dials.off,
                            route_->routing, others);
    }
    const std::span<RouteChoice> choices(room.chosen.data<RouteChoice>() + r * most, most);
    const std::size_t count =
        choose_experts(logits, selection ? std::span(selection, experts) : std::span<const float>(),
                       route_->routing, dials, own.router, choices);
    room.counts.data<std::size_t>()[r] = count;
    if (const float* factors = run.vector(route_->expert_scale))
        for (RouteChoice& choice : choices.first(count))
            choice.weight *= factors[choice.expert];
    if (!run.batch.rows[r].routing || (run.few_rows() && w.thread != 0))
        return;
    const auto before = std::ranges::count_if(std::span(run.batch.rows).first(r), &BatchRow::routing);
    std::ranges::copy(choices.first(count),
                      run.result.routing.of(route_->route, static_cast<int>(before)).begin());
}

/// The weights that row `r` gives blocks with a gate for their output.
void FeedForwardStage::open_gates(StepRun& run, FeedForwardRoom& room, const Rows& in, std::size_t r) const {
    const auto rows = static_cast<std::size_t>(run.rows());
    for (std::size_t b = 0; b < blocks_.size(); ++b) {
        const float* gate = run.vector(blocks_[b].output_gate);
        if (!gate)
            continue;
        const float* x = in.f32 + static_cast<std::int64_t>(r) * in.f32_stride;
        const double s = std::inner_product(gate, gate + run.width(in_), x, 0.0);
        room.gates.data<float>()[b * rows + r] = static_cast<float>(1.0 / (1.0 + std::exp(-s)));
    }
}

/// The experts that some row chose, in order of their number, with their rows and weights; how many places of
/// rows are taken.
std::size_t FeedForwardStage::add_experts(StepRun& run, const FeedForwardRoom& decided, FeedForwardRoom& own,
                                          Unit*& unit) const {
    const auto experts = static_cast<std::size_t>(route_->routing.experts),
               rows = static_cast<std::size_t>(run.rows());
    const std::size_t most = most_active(run.batch);
    const auto* chosen = decided.chosen.get<RouteChoice>(rows * most);
    const auto* counts = decided.counts.get<std::size_t>(rows);
    auto* places = own.unit_places.get<std::size_t>(experts); // rows of each expert, then its next place
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
        u.weigh_input = experts_->weigh_input;
        u.width = experts_->width;
        u.rows = own.unit_rows.data<std::int32_t>() + taken;
        u.weights = own.unit_weights.data<float>() + taken;
        u.count = static_cast<int>(count);
        taken += count;
    }
    auto* unit_rows = own.unit_rows.get<std::int32_t>(taken);
    auto* unit_weights = own.unit_weights.get<float>(taken);
    for (std::size_t r = 0; r < rows; ++r)
        for (const RouteChoice& c : std::span(chosen + r * most, counts[r])) {
            const std::size_t place = places[c.expert]++;
            unit_rows[place] = static_cast<std::int32_t>(r);
            unit_weights[place] = c.weight;
        }
    return taken;
}

/// This thread's list of the blocks at work. All threads' are the same, but for those of a step that is
/// stopped, which has no blocks at work: not all rows may have chosen their experts.
std::span<const FeedForwardUnit> FeedForwardStage::make_units(StepRun& run, const ThreadContext& w) const {
    // Whoever left something undecided has said so before the threads met.
    if (run.cancelled())
        return {};
    FeedForwardRoom& own = run.shared.feed_forward[static_cast<std::size_t>(w.thread)];
    const FeedForwardRoom& decided = decisions(run, w);
    const auto rows = static_cast<std::size_t>(run.rows());
    auto* const first = own.units.get<Unit>(
        blocks_.size() + (experts_ ? static_cast<std::size_t>(route_->routing.experts) : 0));
    Unit* unit = first;
    std::size_t taken = experts_ ? add_experts(run, decided, own, unit) : 0;
    for (std::size_t block = 0; block < blocks_.size(); ++block) {
        const FeedForwardStep& b = blocks_[block];
        Unit& u = *unit++ = {};
        u.gate = &run.slice(b.gate);
        u.up = &run.slice(b.up);
        u.down = &run.slice(b.down);
        u.gate_bias = run.vector(b.gate_bias);
        u.up_bias = run.vector(b.up_bias);
        u.down_bias = run.vector(b.down_bias);
        u.activation = b.activation;
        u.clamp = b.clamp;
        u.width = b.width;
        u.count = run.rows();
        if (b.output_gate == kNoWeight)
            continue;
        auto* const unit_rows = own.unit_rows.get<std::int32_t>(taken + rows) + taken;
        std::iota(unit_rows, unit_rows + rows, 0);
        u.rows = unit_rows;
        u.weights = decided.gates.get<float>((block + 1) * rows) + block * rows;
        taken += rows;
    }
    return place({first, unit});
}

/// Says where in the hidden buffers each unit's rows are and in what form, and which of the tasks are its.
std::span<const FeedForwardUnit> FeedForwardStage::place(std::span<Unit> units) {
    std::size_t offset = 0;
    int chunk = 0;
    for (Unit& u : units) {
        u.hidden = offset;
        u.hidden_integers = i16_row_bytes(static_cast<std::int64_t>(offset));
        InputForms forms;
        forms.look(*u.down);
        u.integers = forms.integers;
        u.words = forms.words(u.count);
        u.first_chunk = chunk;
        offset += static_cast<std::size_t>(u.count) * hidden_stride(u.width);
        chunk += u.chunks();
    }
    return units;
}

} // namespace switchyard::cpu
