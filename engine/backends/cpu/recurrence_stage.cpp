#include "engine/backends/cpu/stages.h"

#include <algorithm>

namespace switchyard::cpu {

namespace {

constexpr int kChannels = 64; ///< of a task

} // namespace

void RecurrenceStage::reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const {
    reserve_prepared(shape, in_, shared, sizes);
    ScratchSizes::hold<float>(sizes.state, kChannels);
}

void RecurrenceStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    const Rows in = run.prepare(w, in_, norm_ ? &*norm_ : nullptr, {.f32 = true});
    const int width = run.width(step_.out), chunks = (width + kChannels - 1) / kChannels;
    const auto sequences = static_cast<int>(run.batch.sequences.size());
    run.parallel(w, sequences * chunks, [&](int task) {
        const int first = task % chunks * kChannels;
        advance(run, w, in, task / chunks, first, std::min(kChannels, width - first));
    });
    run.meet(w);
}

/// All rows of a sequence, of `count` channels from `first` on.
void RecurrenceStage::advance(StepRun& run, ThreadContext& w, const Rows& in, int sequence, int first,
                              int count) const {
    const BatchSequence& memory = run.batch.sequences[static_cast<std::size_t>(sequence)];
    const float* decay = run.vector(step_.decay) + first;
    float* state = w.state.get<float>(kChannels);
    if (memory.state == kNoState)
        std::fill_n(state, count, 0.0f);
    else
        std::copy_n(run.kv.state(memory.state, step_.state) + first, count, state);
    run.follow(
        sequence,
        [&](std::int64_t r) {
            const float* x = in.f32 + r * in.f32_stride + first;
            float* out = run.value(step_.out) + r * run.width(step_.out) + first;
            for (int c = 0; c < count; ++c)
                out[c] = state[c] = decay[c] * state[c] + x[c];
        },
        [&](KvBlockId kept) { std::copy_n(state, count, run.kv.state(kept, step_.state) + first); });
}

} // namespace switchyard::cpu
