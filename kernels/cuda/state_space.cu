#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/group_norm.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"

namespace switchyard::cuda {

namespace {

constexpr int kParts = 8;                                      ///< lanes that share a value's state
constexpr int kFours = kMostState / (4 * kParts);              ///< of each, in neighbours of four
constexpr int kValues = kSpaceValues * kParts / kSpaceThreads; ///< that eight lanes take
constexpr int kSlots = kSpaceThreads / kParts;
constexpr int kPerRow = kSpaceThreads / kSpaceValues;    ///< rows of x whose values the block brings at once
constexpr int kColumns = 2 * kMostState / kSpaceThreads; ///< of B and C beside each other, a thread's

/// What a block takes: values of a head.
struct SpaceWork {
    int head, group;
    int first, count; ///< values of the head
};

/// What a thread brings of some rows: of its columns of B and C, and of x.
class SpaceRows {
  public:
    __device__ void load(const StateSpaceParams& p, const SpaceWork& work, const SequenceStates& sequence,
                         int first) {
        const int n = p.state_size, inner = p.heads * p.head_dim, width = inner + 2 * p.groups * n;
        const int rows = min(kSpaceRows, sequence.rows - first), thread = static_cast<int>(threadIdx.x);
        const std::int64_t begin = sequence.first_row + std::int64_t{first};
        const float* mixed = p.mixed + begin * width;
#pragma unroll
        for (int k = 0; k < kColumns; ++k) {
            const int column = thread + k * kSpaceThreads;
            const int at = inner + work.group * n + column + (column < n ? 0 : p.groups * n - n);
#pragma unroll
            for (int r = 0; r < kSpaceRows; ++r)
                columns_[k][r] = column < 2 * n && r < rows ? mixed[r * width + at] : 0.0f;
        }
        const int value = thread % kSpaceValues, own = thread / kSpaceValues;
#pragma unroll
        for (int k = 0; k < kSpaceRows / kPerRow; ++k) {
            const int r = own + k * kPerRow;
            x_[k] = value < work.count && r < rows
                        ? mixed[r * width + work.head * p.head_dim + work.first + value]
                        : 0.0f;
        }
        if (thread < rows)
            time_ = p.in[(begin + thread) * p.in_stride + p.dt_from + work.head];
    }
    __device__ void store(StateSpaceShared& shared, int n, int rows, float a, float dt_bias) const {
        const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
        for (int k = 0; k < kColumns; ++k) {
            const int column = thread + k * kSpaceThreads;
            if (column < 2 * n)
#pragma unroll
                for (int r = 0; r < kSpaceRows; ++r)
                    (column < n ? shared.b[r][column] : shared.c[r][column - n]) = columns_[k][r];
        }
        const int value = thread % kSpaceValues, own = thread / kSpaceValues;
#pragma unroll
        for (int k = 0; k < kSpaceRows / kPerRow; ++k)
            shared.x[own + k * kPerRow][value] = x_[k];
        if (thread >= rows)
            return;
        const float time = softplus(add_rounded(time_, dt_bias));
        shared.time[thread] = time;
        shared.decay[thread] = expf(multiply_rounded(time, a));
    }

  private:
    float columns_[kColumns][kSpaceRows], x_[kSpaceRows / kPerRow];
    float time_ = 0.0f;
};

/// A thread's part of the state of its values: four neighbours of each 32.
class StatePart {
  public:
    /// `state`: of the work's first value; null: zeros.
    __device__ StatePart(const SpaceWork& work, int n, const float* state) : count_(work.count), n_(n) {
#pragma unroll
        for (int v = 0; v < kValues; ++v)
#pragma unroll
            for (int f = 0; f < kFours; ++f)
                s_[v][f] = state && here(v, f) ? *reinterpret_cast<const float4*>(state + place(v, f))
                                               : float4{0.0f, 0.0f, 0.0f, 0.0f};
    }
    __device__ void write(float* state) const {
#pragma unroll
        for (int v = 0; v < kValues; ++v)
#pragma unroll
            for (int f = 0; f < kFours; ++f)
                if (here(v, f))
                    *reinterpret_cast<float4*>(state + place(v, f)) = s_[v][f];
    }
    /// One row: what C reads of the state behind it.
    __device__ void pass(StateSpaceShared& shared, int r) {
        const float decay = shared.decay[r];
        float x[kValues], y[kValues] = {};
#pragma unroll
        for (int v = 0; v < kValues; ++v)
            x[v] = multiply_rounded(shared.time[r], shared.x[r][slot() + v * kSlots]);
#pragma unroll
        for (int f = 0; f < kFours; ++f) {
            const int at = f * 4 * kParts + part() * 4;
            if (at >= n_)
                continue;
            const float4 b = *reinterpret_cast<const float4*>(&shared.b[r][at]),
                         c = *reinterpret_cast<const float4*>(&shared.c[r][at]);
#pragma unroll
            for (int v = 0; v < kValues; ++v) {
                float4& s = s_[v][f];
                s = {fmaf(x[v], b.x, multiply_rounded(decay, s.x)),
                     fmaf(x[v], b.y, multiply_rounded(decay, s.y)),
                     fmaf(x[v], b.z, multiply_rounded(decay, s.z)),
                     fmaf(x[v], b.w, multiply_rounded(decay, s.w))};
                y[v] = fmaf(s.w, c.w, fmaf(s.z, c.z, fmaf(s.y, c.y, fmaf(s.x, c.x, y[v]))));
            }
        }
#pragma unroll
        for (int distance = 1; distance < kParts; distance *= 2)
#pragma unroll
            for (int v = 0; v < kValues; ++v)
                y[v] += shuffle_xor(y[v], distance);
        if (part() == 0)
#pragma unroll
            for (int v = 0; v < kValues; ++v)
                shared.y[r][slot() + v * kSlots] = y[v];
    }

  private:
    __device__ static int part() { return static_cast<int>(threadIdx.x) % kParts; }
    __device__ static int slot() { return static_cast<int>(threadIdx.x) / kParts; }
    __device__ bool here(int v, int f) const {
        return slot() + v * kSlots < count_ && f * 4 * kParts + part() * 4 < n_;
    }
    __device__ std::int64_t place(int v, int f) const {
        return std::int64_t{slot() + v * kSlots} * n_ + f * 4 * kParts + part() * 4;
    }

    float4 s_[kValues][kFours];
    int count_, n_;
};

/// What was found, with x's own share and the gate. Threads read the x that they stored themselves.
__device__ void write_rows(const StateSpaceParams& p, const SpaceWork& work, const StateSpaceShared& shared,
                           std::int64_t begin, int rows, float d) {
    const int value = static_cast<int>(threadIdx.x) % kSpaceValues,
              own = static_cast<int>(threadIdx.x) / kSpaceValues;
    if (value >= work.count)
        return;
    const int column = work.head * p.head_dim + work.first + value;
    for (int r = own; r < rows; r += kPerRow) {
        const float y = fmaf(d, shared.x[r][value], shared.y[r][value]);
        p.out[(begin + r) * p.heads * p.head_dim + column] =
            multiply_rounded(y, silu(p.in[(begin + r) * p.in_stride + column]));
    }
}

} // namespace

static __global__ void __launch_bounds__(kSpaceThreads, 1)
    state_space(const __grid_constant__ StateSpaceParams p) {
    StateSpaceShared& shared = shared_memory<StateSpaceShared>();
    const int slices = space_slices(p.head_dim), head = static_cast<int>(blockIdx.x) / slices;
    const int begin = static_cast<int>(blockIdx.x) % slices * kSpaceValues;
    const SpaceWork work = {head, head / (p.heads / p.groups), begin, min(kSpaceValues, p.head_dim - begin)};
    const float a = floats_of(p.a)[head], d = floats_of(p.d)[head], dt_bias = floats_of(p.dt_bias)[head];
    wait_for_previous();
    let_next_start();
    const SequenceStates sequence = p.states.sequences[blockIdx.y];
    if (sequence.rows == 0)
        return;
    const std::int64_t own_state = (std::int64_t{head} * p.head_dim + begin) * p.state_size;
    const float* before = state_before(p.states, sequence);
    StatePart state(work, p.state_size, before ? before + own_state : nullptr);
    KeptStates kept(p.states, sequence, 0);
    SpaceRows own; // of the tile that comes
    own.load(p, work, sequence, 0);
    for (int first = 0; first < sequence.rows; first += kSpaceRows) {
        const int count = min(kSpaceRows, sequence.rows - first);
        own.store(shared, p.state_size, count, a, dt_bias);
        sync_block();
        if (first + kSpaceRows < sequence.rows)
            own.load(p, work, sequence, first + kSpaceRows);
        for (int r = 0; r < count; ++r) {
            state.pass(shared, r);
            kept.behind(first + r + 1, [&](float* to) { state.write(to + own_state); });
        }
        sync_block();
        write_rows(p, work, shared, sequence.first_row + std::int64_t{first}, count, d);
    }
    if (!p.arrived)
        return;
    const int blocks = p.heads / p.groups * slices, group = p.heads / p.groups * p.head_dim;
    sync_block();
    if (threadIdx.x == 0)
        shared.last = arrive_at(p.arrived + work.group) + 1 == static_cast<std::uint32_t>(blocks);
    sync_block();
    if (!shared.last)
        return;
    float* out = p.out + std::int64_t{sequence.first_row} * p.heads * p.head_dim + work.group * group;
    norm_group(out, floats_of(p.gain) + work.group * group, p.epsilon, group, out, shared.sums);
}

SWITCHYARD_STATE_SPACE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
