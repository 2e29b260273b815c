// Layers whose memory has a fixed size: convolutions, the gated delta rule, state spaces; and what takes rows
// apart and multiplies them by gates.
#include "engine/backends/cpu/dot.h"
#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace switchyard::cpu {

namespace {

constexpr int kConvolved = 64;        ///< of a task
constexpr float kLeastSquare = 1e-6f; ///< added to the square of a query's or key's length, as the authors do

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }
float softplus(float x) { return std::max(x, 0.0f) + std::log1p(std::exp(-std::abs(x))); }

/// A part of one of a sequence's states.
struct StatePart {
    int sequence, state;     ///< the second: index into Plan::states
    std::size_t first, size; ///< floats
};

/// All rows of a sequence: each(row, before, state) writes that part of its state behind the row, from that
/// before it, which may lie in the same place. `own` has room for it.
template <typename Each>
void advance_state(StepRun& run, const StatePart& part, float* own, const Each& each) {
    const BatchSequence& sequence = run.batch.sequences[static_cast<std::size_t>(part.sequence)];
    const auto place = [&](KvBlockId block) { return run.kv.state(block, part.state) + part.first; };
    const auto& after = sequence.states_after;
    const auto rows = std::ranges::count(run.batch.rows, part.sequence, &BatchRow::sequence);
    // Where it is kept behind the last row alone it grows there: the first row reads it where it was kept, so
    // that it is copied nowhere.
    const bool there = after.size() == 1 && after.front().rows == rows;
    float* state = there ? place(after.front().state) : own;
    const float* before = state;
    if (sequence.state == kNoState)
        std::fill_n(state, part.size, 0.0f);
    else
        before = place(sequence.state);
    run.follow(
        part.sequence, [&](std::int64_t r) { each(r, std::exchange(before, state), state); },
        [&](KvBlockId kept) {
            if (!there)
                std::copy_n(state, part.size, place(kept));
        });
}

} // namespace

void ConvolutionStage::reserve(const StepShape&, Shared&, ScratchSizes& sizes) const {
    ScratchSizes::hold<float>(sizes.state, static_cast<std::size_t>(step_.taps * kConvolved));
}

void ConvolutionStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    const int width = step_.channels, chunks = (width + kConvolved - 1) / kConvolved;
    const auto sequences = static_cast<int>(run.batch.sequences.size());
    run.parallel(w, sequences * chunks, [&](int task) {
        const int first = task % chunks * kConvolved;
        advance(run, w, task / chunks, first, std::min(kConvolved, width - first));
    });
    run.meet(w);
}

/// All rows of a sequence, of `count` channels from `first` on. The inputs that the taps meet stand behind
/// each other, [taps][kConvolved], the newest last.
void ConvolutionStage::advance(StepRun& run, ThreadContext& w, int sequence, int first, int count) const {
    const int taps = step_.taps, width = step_.channels, in_width = run.width(step_.in);
    const float* kernel = run.vector(step_.kernel) + std::int64_t{first} * taps;
    const float* bias = run.vector(step_.bias);
    float* inputs = w.state.get<float>(static_cast<std::size_t>(taps * kConvolved));
    const KvBlockId memory = run.batch.sequences[static_cast<std::size_t>(sequence)].state;
    for (int k = 0; k + 1 < taps; ++k) {
        if (memory == kNoState)
            std::fill_n(inputs + k * kConvolved, count, 0.0f);
        else
            std::copy_n(run.kv.state(memory, step_.state) + k * width + first, count,
                        inputs + k * kConvolved);
    }
    const auto each = [&](std::int64_t r) {
        const float* row = run.value(step_.in) + r * in_width + first;
        float* newest = inputs + (taps - 1) * kConvolved;
        float* out = run.value(step_.out) + r * run.width(step_.out) + step_.to + first;
        for (int c = 0; c < count; ++c)
            newest[c] = row[step_.from + c] * (step_.gate_in < 0 ? 1.0f : row[step_.gate_in + c]);
        for (int c = 0; c < count; ++c) {
            float sum = 0;
            for (int k = 0; k < taps; ++k)
                sum += kernel[c * taps + k] * inputs[k * kConvolved + c];
            if (bias)
                sum += bias[first + c];
            sum = step_.silu ? sum * sigmoid(sum) : sum;
            out[c] = step_.gate_out < 0 ? sum : sum * row[step_.gate_out + c];
        }
        std::move(inputs + kConvolved, inputs + taps * kConvolved, inputs);
    };
    run.follow(sequence, each, [&](KvBlockId state) {
        for (int k = 0; k + 1 < taps; ++k)
            std::copy_n(inputs + k * kConvolved, count, run.kv.state(state, step_.state) + k * width + first);
    });
}

void DeltaRuleStage::reserve(const StepShape&, Shared&, ScratchSizes& sizes) const {
    const auto of_head = static_cast<std::size_t>(step_.key_dim * step_.value_dim);
    ScratchSizes::hold<float>(sizes.state,
                              of_head + static_cast<std::size_t>(3 * step_.key_dim + step_.value_dim));
}

void DeltaRuleStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    const auto sequences = static_cast<int>(run.batch.sequences.size());
    run.parallel(w, sequences * step_.value_heads,
                 [&](int task) { advance(run, w, task / step_.value_heads, task % step_.value_heads); });
    run.meet(w);
}

void DeltaRuleStage::advance(StepRun& run, ThreadContext& w, int sequence, int head) const {
    const auto of_head = static_cast<std::size_t>(step_.key_dim * step_.value_dim);
    float* own = w.state.get<float>(of_head + static_cast<std::size_t>(3 * step_.key_dim + step_.value_dim));
    advance_state(run, {sequence, step_.state, of_head * static_cast<std::size_t>(head), of_head}, own,
                  [&](std::int64_t r, const float* before, float* state) {
                      step_row(run, r, head, {before, state}, own + of_head);
                  });
}

/// One row of one head. scratch [3 * key_dim + value_dim]
void DeltaRuleStage::step_row(StepRun& run, std::int64_t row, int head, const StateChange& change,
                              float* scratch) const {
    const int dk = step_.key_dim, dv = step_.value_dim, nk = step_.key_heads, nv = step_.value_heads;
    const int key_head = step_.neighbours ? head / (nv / nk) : head % nk;
    const float* mixed = run.value(step_.mixed) + row * run.width(step_.mixed);
    float *q = scratch, *k = q + dk, *decays = k + dk, *found = decays + dk;
    const auto to_unit = [&](const float* from, float factor, float* to) {
        scale(factor / std::sqrt(dot(from, from, dk) + kLeastSquare), from, to, dk);
    };
    to_unit(mixed + key_head * dk, 1.0f / std::sqrt(static_cast<float>(dk)), q);
    to_unit(mixed + (nk + key_head) * dk, 1.0f, k);

    const int count = step_.by_channel ? dk : 1;
    const float* alpha = run.value(step_.alpha) + (row * nv + head) * count;
    const float* dt = run.vector(step_.dt) + head * count;
    const float a = run.vector(step_.a)[head];
    for (int i = 0; i < count; ++i) {
        const float time = alpha[i] + dt[i];
        decays[i] = std::exp(step_.least_decay < 0 ? step_.least_decay * sigmoid(std::abs(a) * time)
                                                   : a * softplus(time));
    }
    delta_rule({.before = change.before,
                .state = change.after,
                .key_dim = dk,
                .value_dim = dv,
                .q = q,
                .k = k,
                .v = mixed + 2 * nk * dk + head * dv,
                .decays = decays,
                .one_decay = !step_.by_channel,
                .beta = sigmoid(run.value(step_.beta)[row * nv + head]),
                .found = found});
    const std::int64_t place = row * run.width(step_.out) + std::int64_t{head} * dv;
    float* out = run.value(step_.out) + place;
    const float* z = run.value(step_.z) + place;
    rms_norm(found, run.vector(step_.gain), step_.epsilon, dv, out);
    for (int i = 0; i < dv; ++i)
        out[i] *= (step_.sigmoid_gate ? 1.0f : z[i]) * sigmoid(z[i]);
}

/// Of so many channels that their memory is read in long stretches.
int StateSpaceStage::heads_of_a_task() const { return std::max(kConvolved / step_.head_dim, 1); }

void StateSpaceStage::reserve(const StepShape&, Shared&, ScratchSizes& sizes) const {
    ScratchSizes::hold<float>(
        sizes.state, static_cast<std::size_t>(heads_of_a_task() * step_.head_dim * step_.state_size));
}

void StateSpaceStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    const auto sequences = static_cast<int>(run.batch.sequences.size());
    const int each = heads_of_a_task(), tasks = (step_.heads + each - 1) / each;
    run.parallel(w, sequences * tasks, [&](int task) { advance(run, w, task / tasks, task % tasks * each); });
    run.meet(w);
    if (step_.gain == kNoWeight)
        return;
    const int group = step_.heads * step_.head_dim / step_.groups;
    run.parallel(w, run.rows() * step_.groups, [&](int place) {
        float* out = run.value(step_.out) + std::int64_t{place} * group;
        rms_norm(out, run.vector(step_.gain) + place % step_.groups * group, step_.epsilon, group, out);
    });
    run.meet(w);
}

/// All rows of a sequence, of a task's heads from `first_head` on.
void StateSpaceStage::advance(StepRun& run, ThreadContext& w, int sequence, int first_head) const {
    const int heads = std::min(heads_of_a_task(), step_.heads - first_head);
    const auto of_head = static_cast<std::size_t>(step_.head_dim * step_.state_size),
               size = of_head * static_cast<std::size_t>(heads),
               at = of_head * static_cast<std::size_t>(first_head);
    advance_state(run, {sequence, step_.state, at, size}, w.state.get<float>(size),
                  [&](std::int64_t r, const float* before, float* state) {
                      for (int h = 0; h < heads; ++h) {
                          const std::size_t head_at = static_cast<std::size_t>(h) * of_head;
                          step_row(run, r, first_head + h, {before + head_at, state + head_at});
                      }
                  });
}

/// One row of one head: y.
void StateSpaceStage::step_row(StepRun& run, std::int64_t row, int head, const StateChange& change) const {
    const int n = step_.state_size, p = step_.head_dim, inner = step_.heads * p;
    const int group = head / (step_.heads / step_.groups);
    const auto of_row = [&](ValueId value) { return run.value(value) + row * run.width(value); };
    const float *mixed = of_row(step_.mixed), *in = of_row(step_.in);
    const float *x = mixed + head * p, *z = in + step_.z_from + head * p;
    const float *b = (step_.b == kNoValue ? mixed + inner : of_row(step_.b)) + group * n,
                *c = step_.c == kNoValue ? b + step_.groups * n : of_row(step_.c) + group * n;
    const float *bias = run.vector(step_.dt_bias), *a = run.vector(step_.a);
    const float raw = step_.dt == kNoValue ? in[step_.dt_from + head] : of_row(step_.dt)[head];
    const float time = softplus(raw + (bias ? bias[head] : 0.0f)), d = run.vector(step_.d)[head];
    float* out = run.value(step_.out) + row * inner + head * p;
    cpu::state_space({.before = change.before,
                      .state = change.after,
                      .head_dim = p,
                      .state_size = n,
                      .x = x,
                      .b = b,
                      .c = c,
                      .a = step_.by_value ? a + std::int64_t{head} * n : nullptr,
                      .time = time,
                      .decay = step_.by_value ? 1.0f : std::exp(time * a[head]),
                      .out = out});
    for (int i = 0; i < p; ++i)
        out[i] = (out[i] + d * x[i]) * (z[i] * sigmoid(z[i]));
}

void SplitStage::run(StepRun& run, ThreadContext& w) const {
    const int first = step_.first, second = step_.second;
    run.parallel(w, run.rows() * step_.groups, [&](int place) {
        const float* in = run.value(step_.in) + std::int64_t{place} * (first + second);
        std::copy_n(in, first, run.value(step_.out_first) + std::int64_t{place} * first);
        if (second > 0)
            std::copy_n(in + first, second, run.value(step_.out_second) + std::int64_t{place} * second);
    });
    run.meet(w);
}

void GateStage::run(StepRun& run, ThreadContext& w) const {
    const int n = run.width(step_.value), gates = run.width(step_.gate), each = n / gates;
    run.parallel(w, run.rows(), [&](int r) {
        const float* gate = run.value(step_.gate) + std::int64_t{r} * gates + step_.gate_from;
        float* value = run.value(step_.value) + std::int64_t{r} * n;
        if (step_.function == GateStep::Function::Gelu)
            return gelu_glu(value, gate, value, n);
        for (int g = 0; g < gates; ++g, value += each) {
            const float x = gate[g];
            const float factor = step_.function == GateStep::Function::Sigmoid ? sigmoid(x) : softplus(x);
            scale(factor, value, value, each);
        }
    });
    run.meet(w);
}

} // namespace switchyard::cpu
