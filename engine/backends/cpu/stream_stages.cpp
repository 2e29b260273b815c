// Residual streams of hyper-connections, and projections in groups.
#include "engine/backends/cpu/dot.h"
#include "engine/backends/cpu/stages.h"

#include <algorithm>
#include <cmath>

namespace switchyard::cpu {

namespace {

float sigmoid(float x) { return 1.0f / (1.0f + std::exp(-x)); }

/// Rows of a [n, n] matrix, or its columns, divided by their sums.
void normalise_sums(float* mix, int n, bool rows, float epsilon) {
    for (int i = 0; i < n; ++i) {
        float sum = epsilon;
        for (int j = 0; j < n; ++j)
            sum += mix[rows ? i * n + j : j * n + i];
        for (int j = 0; j < n; ++j)
            mix[rows ? i * n + j : j * n + i] /= sum;
    }
}

} // namespace

void MixStreamsStage::reserve(const StepShape& shape, Shared&, ScratchSizes& sizes) const {
    const int n = step_.count;
    ScratchSizes::hold<float>(sizes.state,
                              static_cast<std::size_t>(shape.width(step_.streams) + 3 * n + n * n));
}

void MixStreamsStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    const int n = step_.count, width = run.width(step_.out), all = n * width;
    const int outputs = step_.weights == kNoValue ? n : 2 * n + n * n;
    run.parallel(w, run.rows(), [&](int r) {
        const float* streams = run.value(step_.streams) + std::int64_t{r} * all;
        float* normed = w.state.get<float>(static_cast<std::size_t>(all + 3 * n + n * n));
        float *found = normed + all, *pre = found + 2 * n + n * n;
        const NormStep whole{step_.streams, step_.streams, kNoWeight, step_.norm_epsilon, all};
        run.normalise(whole, streams, all, normed);
        for (int i = 0; i < outputs; ++i)
            found[i] = dot(run.vector(step_.fn) + std::int64_t{i} * all, normed, all);
        weigh(found, run, pre,
              step_.weights == kNoValue ? nullptr : run.value(step_.weights) + std::int64_t{r} * (n + n * n));
        float* out = run.value(step_.out) + std::int64_t{r} * width;
        std::fill_n(out, width, 0.0f);
        for (int i = 0; i < n; ++i)
            scale_add(pre[i], streams + std::int64_t{i} * width, out, width);
    });
    run.meet(w);
}

/// From what fn found of a row.
void MixStreamsStage::weigh(const float* found, const StepRun& run, float* pre, float* weights) const {
    const int n = step_.count;
    const float *base = run.vector(step_.base), *scales = run.vector(step_.scale);
    for (int i = 0; i < n; ++i)
        pre[i] = sigmoid(found[i] * scales[0] + base[i]) + step_.epsilon;
    if (!weights)
        return;
    for (int i = 0; i < n; ++i)
        weights[i] = 2.0f * sigmoid(found[n + i] * scales[1] + base[n + i]);
    float* mix = weights + n;
    for (int i = 0; i < n; ++i) {
        for (int j = 0; j < n; ++j)
            mix[i * n + j] = found[2 * n + i * n + j] * scales[2] + base[2 * n + i * n + j];
        softmax(mix + i * n, n);
    }
    for (int i = 0; i < n * n; ++i)
        mix[i] += step_.epsilon;
    normalise_sums(mix, n, false, step_.epsilon);
    for (int i = 1; i < step_.iterations; ++i) {
        normalise_sums(mix, n, true, step_.epsilon);
        normalise_sums(mix, n, false, step_.epsilon);
    }
}

void SpreadStreamsStage::run(StepRun& run, ThreadContext& w) const {
    const int n = step_.count, width = run.width(step_.in);
    run.parallel(w, run.rows(), [&](int r) {
        const float* in = run.value(step_.in) + std::int64_t{r} * width;
        float* streams = run.value(step_.streams) + std::int64_t{r} * n * width;
        if (step_.weights == kNoValue) {
            for (int j = 0; j < n; ++j)
                std::copy_n(in, width, streams + std::int64_t{j} * width);
            return;
        }
        const float *post = run.value(step_.weights) + std::int64_t{r} * (n + n * n), *mix = post + n;
        float before[kMostStreams];
        for (int d = 0; d < width; ++d) {
            for (int i = 0; i < n; ++i)
                before[i] = streams[std::int64_t{i} * width + d];
            for (int j = 0; j < n; ++j) {
                float sum = 0;
                for (int i = 0; i < n; ++i)
                    sum += mix[i * n + j] * before[i];
                streams[std::int64_t{j} * width + d] = post[j] * in[d] + sum;
            }
        }
    });
    run.meet(w);
}

void GroupedProjectStage::reserve(const StepShape& shape, Shared&, ScratchSizes& sizes) const {
    const int width = shape.width(step_.in) / step_.groups;
    sizes.hold_decoded(width);
    sizes.hold_rows(shape.rows(), width);
}

void GroupedProjectStage::run(StepRun& run, ThreadContext& w) const {
    w.meter.enter(StageKind::Attention);
    const std::int64_t in = run.width(step_.in), out = run.width(step_.out);
    run.parallel(w, step_.groups, [&](int g) {
        w.project(run.slice(step_.weight, static_cast<std::size_t>(g)),
                  run.value(step_.in) + in / step_.groups * g, in, run.rows(),
                  run.value(step_.out) + out / step_.groups * g, out);
    });
    run.meet(w);
}

} // namespace switchyard::cpu
