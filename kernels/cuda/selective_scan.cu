#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"

namespace switchyard::cuda {

namespace {

constexpr int kParts = 8;                       ///< lanes that share a channel's state
constexpr int kValues = kMostScanned / kParts;  ///< of each: every eighth
constexpr int kOfBlock = kScanThreads / kParts; ///< channels

/// A lane's part of a channel's state, and of its decays.
class ScannedPart {
  public:
    /// `state`: the channel's; null: zeros.
    __device__ ScannedPart(const SelectiveScanParams& p, int head, const float* state) : n_(p.state_size) {
        const float* a = floats_of(p.a);
        each([&](int k, int j) {
            a_[k] = p.by_value ? a[std::int64_t{head} * n_ + j] : a[head];
            s_[k] = state ? state[j] : 0.0f;
        });
    }
    __device__ void write(float* state) const {
        each([&](int k, int j) { state[j] = s_[k]; });
    }
    /// Brings what the next row meets.
    __device__ void load(const float* b, const float* c) {
        each([&](int k, int j) {
            b_[k] = b[j];
            c_[k] = c[j];
        });
    }
    /// The row that was brought; the lane's share of what C reads of the state behind it.
    __device__ float pass(float time, float x) {
        float y = 0.0f;
        each([&](int k, int) {
            s_[k] = fmaf(x, b_[k], multiply_rounded(expf(multiply_rounded(time, a_[k])), s_[k]));
            y = fmaf(s_[k], c_[k], y);
        });
        return y;
    }

  private:
    template <class Use>
    __device__ void each(const Use& use) const {
#pragma unroll
        for (int k = 0; k < kValues; ++k)
            if (const int j = static_cast<int>(threadIdx.x) % kParts + k * kParts; j < n_)
                use(k, j);
    }

    int n_;
    float a_[kValues], s_[kValues], b_[kValues], c_[kValues];
};

} // namespace

static __global__ void __launch_bounds__(kScanThreads, 3)
    selective_scan(const __grid_constant__ SelectiveScanParams p) {
    const int channels = p.heads * p.head_dim, part = static_cast<int>(threadIdx.x) % kParts,
              wished = static_cast<int>(blockIdx.x) * kOfBlock + static_cast<int>(threadIdx.x) / kParts;
    const bool there = wished < channels; // others keep their lanes company
    const int channel = there ? wished : channels - 1, head = channel / p.head_dim;
    const std::int64_t group = head / (p.heads / p.groups) * p.state_size,
                       own_state = std::int64_t{channel} * p.state_size;
    const float* bias = floats_of(p.dt_bias);
    const float d = floats_of(p.d)[head];
    wait_for_previous();
    let_next_start();
    const SequenceStates sequence = p.states.sequences[blockIdx.y];
    if (sequence.rows == 0)
        return;
    const float* before = state_before(p.states, sequence);
    ScannedPart state(p, head, before ? before + own_state : nullptr);
    KeptStates kept(p.states, sequence, 0);
    const std::int64_t begin = sequence.first_row;
    state.load(p.b + begin * p.b_stride + group, p.c + begin * p.c_stride + group);
    for (int first = 0; first < sequence.rows; first += kParts) {
        // A lane a row, of what the channel has once.
        const int count = min(kParts, sequence.rows - first);
        const std::int64_t own = begin + first + min(part, count - 1);
        const float x = p.x[own * p.x_stride + channel],
                    time = softplus(add_rounded(p.dt[own * p.dt_stride + head], bias ? bias[head] : 0.0f)),
                    input = multiply_rounded(time, x);
        float found = 0.0f;
        for (int r = 0; r < count; ++r) {
            const int from = lane_index() - part + r;
            float y = state.pass(shuffle(time, from), shuffle(input, from));
            if (const std::int64_t next = begin + first + r + 1; first + r + 1 < sequence.rows)
                state.load(p.b + next * p.b_stride + group, p.c + next * p.c_stride + group);
#pragma unroll
            for (int distance = 1; distance < kParts; distance *= 2)
                y += shuffle_xor(y, distance);
            found = part == r ? y : found;
            kept.behind(first + r + 1, [&](float* to) {
                if (there)
                    state.write(to + own_state);
            });
        }
        if (there && part < count)
            p.out[own * channels + channel] =
                multiply_rounded(fmaf(d, x, found), silu(p.z[own * p.z_stride + channel]));
    }
}

SWITCHYARD_SELECTIVE_SCAN_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
