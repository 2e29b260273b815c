#include "kernels/cuda/compress_kernels.h"
#include "kernels/cuda/kv_rows.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"

namespace switchyard::cuda {

namespace {

/// A running softmax: the largest logit, the sum of the weights and of the weighted values.
struct Softmax {
    float largest = -INFINITY, sum = 0.0f, weighted = 0.0f;

    __device__ void add(float value, float logit) {
        const float most = fmaxf(largest, logit), kept = expf(largest - most), weight = expf(logit - most);
        sum = sum * kept + weight;
        weighted = weighted * kept + weight * value;
        largest = most;
    }
};

enum Part { kThis, kNext, kLast }; ///< of the states: this window's, the next one's, the last one's for it

__device__ Softmax load_part(const float* states, Part part, int dim, int d) {
    if (!states)
        return {};
    const float* own = states + std::int64_t{part} * 3 * dim + d;
    return {own[0], own[dim], own[2 * dim]};
}
__device__ void store_part(const Softmax& softmax, float* states, Part part, int dim, int d) {
    float* own = states + std::int64_t{part} * 3 * dim + d;
    own[0] = softmax.largest;
    own[dim] = softmax.sum;
    own[2 * dim] = softmax.weighted;
}

/// A window and the step's tokens in it, by their positions.
struct CompressWindow {
    int start, begin, end; ///< of the window; the tokens begin .. end - 1
    int first;             ///< of the sequence's tokens in the step
    const float* before;   ///< states in front of those; null: none
    bool fresh;            ///< it has no tokens before the step
};

/// What token `t` adds to a channel; `half`: of the windows' channels, the second are dim further on.
__device__ void add_token(const CompressParams& p, const SequenceStates& sequence, const CompressWindow& w,
                          int t, int channel, Softmax& to) {
    const int width = p.overlaps ? 2 * p.dim : p.dim;
    const std::int64_t at = (std::int64_t{sequence.first_row} + t - w.first) * width + channel;
    const float* bias = floats_of(p.position_bias) + std::int64_t{t % p.ratio} * width + channel;
    to.add(p.kv[at], p.gate[at] + *bias);
}

/// What the window before leaves for this one.
__device__ Softmax last_of(const CompressParams& p, const SequenceStates& sequence, const CompressWindow& w,
                           int d) {
    if (!w.fresh)
        return load_part(w.before, kLast, p.dim, d);
    if (w.start == w.first)
        return load_part(w.before, kNext, p.dim, d);
    const int start = w.start - p.ratio;
    Softmax last = start < w.first ? load_part(w.before, kNext, p.dim, d) : Softmax{};
    for (int t = max(start, w.first); t < w.start; ++t)
        add_token(p, sequence, w, t, d, last);
    return last;
}

/// A channel of the window, past its tokens; states that are kept behind one are stored.
__device__ float compress_channel(const CompressParams& p, const SequenceStates& sequence,
                                  const CompressWindow& w, int d) {
    Softmax own = w.fresh ? Softmax{} : load_part(w.before, kThis, p.dim, d), next, last;
    if (p.overlaps) {
        next = w.fresh ? Softmax{} : load_part(w.before, kNext, p.dim, d);
        last = last_of(p, sequence, w, d);
    }
    KeptStates kept(p.states, sequence, w.begin - w.first);
    for (int t = w.begin; t < w.end; ++t) {
        if (p.overlaps)
            add_token(p, sequence, w, t, d, next);
        add_token(p, sequence, w, t, p.overlaps ? p.dim + d : d, own);
        kept.behind(t - w.first + 1, [&](float* to) {
            store_part(own, to, kThis, p.dim, d);
            if (p.overlaps) {
                store_part(next, to, kNext, p.dim, d);
                store_part(last, to, kLast, p.dim, d);
            }
        });
    }
    if (p.overlaps) {
        const float most = fmaxf(own.largest, last.largest), kept_own = expf(own.largest - most),
                    kept_last = expf(last.largest - most);
        own.sum = own.sum * kept_own + last.sum * kept_last;
        own.weighted = own.weighted * kept_own + last.weighted * kept_last;
    }
    return own.weighted / own.sum;
}

/// Norms and rotates the block's row, of a window that begins at `start`.
__device__ void finish_row(const CompressParams& p, int start, CompressShared& shared) {
    const int thread = static_cast<int>(threadIdx.x);
    float squares = 0.0f;
    for (int d = thread; d < p.dim; d += kCompressThreads)
        squares = fmaf(shared.row[d], shared.row[d], squares);
    squares = warp_sum(squares);
    if (lane_index() == 0)
        shared.sums[warp_index()] = squares;
    sync_block();
    float sum = 0.0f;
    for (const float own : shared.sums)
        sum += own;
    const float factor = 1.0f / sqrtf(sum / static_cast<float>(p.dim) + p.epsilon);
    const float* gain = floats_of(p.gain);
    for (int d = thread; d < p.dim; d += kCompressThreads)
        shared.row[d] = shared.row[d] * factor * gain[d];
    sync_block();
    const int pairs = p.rope_dims / 2;
    float* from = shared.row + p.rope_offset;
    for (int i = thread; i < pairs; i += kCompressThreads) {
        const double angle = static_cast<float>(start) * p.frequencies[i];
        const float c = static_cast<float>(cos(angle)) * p.magnitude,
                    s = static_cast<float>(sin(angle)) * p.magnitude;
        float& a = from[p.interleaved ? 2 * i : i];
        float& b = from[p.interleaved ? 2 * i + 1 : pairs + i];
        const float rotated = fmaf(a, c, -(b * s));
        b = fmaf(b, c, a * s);
        a = rotated;
    }
    sync_block();
}

} // namespace

static __global__ void __launch_bounds__(kCompressThreads, 4)
    compress(const __grid_constant__ CompressParams p) {
    CompressShared& shared = shared_memory<CompressShared>();
    wait_for_previous();
    let_next_start();
    const SequenceStates sequence = p.states.sequences[blockIdx.y];
    if (sequence.rows == 0)
        return;
    const RowInput& row = p.rows[sequence.first_row];
    CompressWindow w;
    w.first = row.position;
    w.start = (w.first / p.ratio + static_cast<int>(blockIdx.x)) * p.ratio;
    w.begin = max(w.start, w.first);
    w.end = min(w.start + p.ratio, w.first + sequence.rows);
    w.before = state_before(p.states, sequence);
    w.fresh = w.start >= w.first;
    if (w.begin >= w.end)
        return;
    for (int d = static_cast<int>(threadIdx.x); d < p.dim; d += kCompressThreads)
        shared.row[d] = compress_channel(p, sequence, w, d);
    if (w.end < w.start + p.ratio)
        return;
    sync_block();
    finish_row(p, w.start, shared);
    store_kv_row(p.cache, shared.row, kv_row(p.cache, p.blocks + row.first_block, w.start / p.ratio));
}

SWITCHYARD_COMPRESS_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
