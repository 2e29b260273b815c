#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kRecurrenceThreads)
    recurrence(const __grid_constant__ RecurrenceParams p) {
    wait_for_previous();
    let_next_start();
    const SequenceStates& sequence = p.states.sequences[blockIdx.y];
    const int c = static_cast<int>(blockIdx.x * kRecurrenceThreads + threadIdx.x);
    if (c >= p.width || sequence.rows == 0)
        return;
    const float decay = floats_of(p.decay)[c];
    const float* before = state_before(p.states, sequence);
    float state = before ? before[c] : 0.0f;
    KeptStates kept(p.states, sequence, 0);
    for (int i = 0; i < sequence.rows; ++i) {
        const std::int64_t row = sequence.first_row + i;
        state = decay * state + p.in[row * p.in_stride + c];
        p.out[row * p.width + c] = state;
        kept.behind(i + 1, [&](float* to) { to[c] = state; });
    }
}

namespace {

/// Some rows of a sequence.
struct SequencePart {
    int sequence; ///< -1: there are no such rows
    int first;    ///< among the sequence's
};

/// Where the step's sequences are cut into tiles of kConvolveRows. By a warp.
__device__ SequencePart find_part(const LayerStates& states, int tile) {
    for (int begin = 0; begin < states.sequence_count; begin += kWarpLanes) {
        const int s = begin + lane_index();
        const int rows = s < states.sequence_count ? states.sequences[s].rows : 0;
        const int own = (rows + kConvolveRows - 1) / kConvolveRows;
        int until = own; // tiles up to this sequence's end
        for (int distance = 1; distance < kWarpLanes; distance *= 2) {
            const int before = shuffle_up(until, distance);
            until += lane_index() >= distance ? before : 0;
        }
        const std::uint32_t behind = ballot(until > tile);
        if (behind != 0) {
            const int lane = lowest_bit(behind);
            return {begin + lane, (tile - shuffle(until - own, lane)) * kConvolveRows};
        }
        tile -= shuffle(until, kWarpLanes - 1);
    }
    return {-1, 0};
}

/// A channel's inputs that the taps meet, the newest last, and the taps beside them.
struct Window {
    float inputs[kMostTaps], taps[kMostTaps];

    __device__ void move(float newest) {
#pragma unroll
        for (int k = 0; k + 1 < kMostTaps; ++k)
            inputs[k] = inputs[k + 1];
        inputs[kMostTaps - 1] = newest;
    }
    __device__ float sum(int count) const {
        float sum = 0.0f;
#pragma unroll
        for (int k = 0; k < kMostTaps; ++k)
            if (k >= kMostTaps - count)
                sum = fmaf(taps[k], inputs[k], sum);
        return sum;
    }
};

} // namespace

static __global__ void __launch_bounds__(kConvolveThreads, 8)
    convolve(const __grid_constant__ ConvolveParams p) {
    const float *kernel = floats_of(p.kernel), *biases = floats_of(p.bias);
    wait_for_previous();
    let_next_start();
    const SequencePart tile = find_part(p.states, static_cast<int>(blockIdx.y));
    const int c = static_cast<int>(blockIdx.x * kConvolveThreads + threadIdx.x);
    if (tile.sequence < 0 || c >= p.channels)
        return;
    const SequenceStates sequence = p.states.sequences[tile.sequence];
    const float* before = state_before(p.states, sequence);
    const auto input = [&](int row) { // of the sequence's
        const float* in = p.in + (sequence.first_row + std::int64_t{row}) * p.in_stride + c;
        return p.gate_in < 0 ? in[p.from] : multiply_rounded(in[p.from], in[p.gate_in]);
    };
    Window window;
#pragma unroll
    for (int k = 0; k < kMostTaps; ++k) {
        const int back = kMostTaps - 1 - k, row = tile.first - back;
        window.taps[k] = back < p.taps ? kernel[c * p.taps + p.taps - 1 - back] : 0.0f;
        window.inputs[k] = 0.0f;
        if (back == 0 || back >= p.taps)
            continue;
        if (row >= 0)
            window.inputs[k] = input(row);
        else if (before)
            window.inputs[k] = before[std::int64_t{p.taps - 1 + row} * p.channels + c];
    }
    const float bias = biases ? biases[c] : 0.0f;
    KeptStates kept(p.states, sequence, tile.first);
    const int end = min(tile.first + kConvolveRows, sequence.rows);
    for (int row = tile.first; row < end; ++row) {
        if (row > tile.first)
            window.move(input(row));
        else
            window.inputs[kMostTaps - 1] = input(row);
        float sum = add_rounded(window.sum(p.taps), bias);
        if (p.silu)
            sum = silu(sum);
        const std::int64_t at = sequence.first_row + std::int64_t{row};
        if (p.gate_out >= 0)
            sum = multiply_rounded(sum, p.in[at * p.in_stride + p.gate_out + c]);
        p.out[at * p.out_stride + c] = sum;
        kept.behind(row + 1, [&](float* to) {
#pragma unroll
            for (int k = 1; k < kMostTaps; ++k)
                if (k > kMostTaps - p.taps)
                    to[std::int64_t{k - 1 - (kMostTaps - p.taps)} * p.channels + c] = window.inputs[k];
        });
    }
}

SWITCHYARD_STATE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
