#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"

namespace switchyard::cuda {

namespace {

constexpr float kLeastSquare = 1e-6f; ///< added to the square of a query's or key's length, as the authors do

constexpr int kParts = 8;                     ///< lanes that share two columns of the state
constexpr int kKeys = kDeltaDims / kParts;    ///< of each
constexpr int kOwn = kDeltaDims / kWarpLanes; ///< values of a query, key or value that a lane brings
static_assert(kDeltaThreads / kParts * 2 == kDeltaDims);

/// What a warp brings of one row of a head.
class RowOfHead {
  public:
    __device__ void load(const DeltaRuleParams& p, int head, std::int64_t row) {
        const int dk = p.key_dim, dv = p.value_dim, nk = p.key_heads, nv = p.value_heads;
        const int key_head = p.neighbours ? head / (nv / nk) : head % nk;
        const float* mixed = p.mixed + row * (2 * nk * dk + nv * dv);
        load(mixed + key_head * dk, dk, q_);
        load(mixed + (nk + key_head) * dk, dk, k_);
        load(mixed + 2 * nk * dk + head * dv, dv, v_);
        alpha_ = p.alpha[row * nv + head];
        beta_ = p.beta[row * nv + head];
    }
    /// Queries and keys of unit length, the queries divided by the root of their dimensions; zeros behind.
    __device__ void store(DeltaRuleShared& shared, int r, const DeltaRuleParams& p, float a, float dt) {
        to_length(1.0f / sqrtf(static_cast<float>(p.key_dim)), q_);
        to_length(1.0f, k_);
        float match = 0.0f;
        for (int i = 0; i < kOwn; ++i) {
            const int at = i * kWarpLanes + lane_index();
            match = fmaf(q_[i], k_[i], match);
            shared.q[r][at] = q_[i];
            shared.k[r][at] = k_[i];
            shared.v[r][at] = v_[i];
        }
        match = warp_sum(match);
        if (lane_index() != 0)
            return;
        shared.match[r] = match;
        shared.decay[r] = expf(multiply_rounded(a, softplus(add_rounded(alpha_, dt))));
        shared.beta[r] = sigmoid_times(1.0f, beta_);
    }

  private:
    __device__ static void load(const float* from, int count, float (&to)[kOwn]) {
        for (int i = 0; i < kOwn; ++i) {
            const int at = i * kWarpLanes + lane_index();
            to[i] = at < count ? from[at] : 0.0f;
        }
    }
    __device__ static void to_length(float length, float (&x)[kOwn]) {
        float squares = 0.0f;
        for (int i = 0; i < kOwn; ++i)
            squares = fmaf(x[i], x[i], squares);
        const float factor = length / sqrtf(add_rounded(warp_sum(squares), kLeastSquare));
        for (int i = 0; i < kOwn; ++i)
            x[i] = multiply_rounded(x[i], factor);
    }

    float q_[kOwn], k_[kOwn], v_[kOwn];
    float alpha_, beta_;
};

/// A thread's part of a head's state: two columns, of these the keys that its part of eight lanes has, four
/// neighbours of each 32.
class StatePart {
  public:
    __device__ StatePart(const DeltaRuleParams& p, const float* state)
        : keys_(p.key_dim), values_(p.value_dim) {
#pragma unroll
        for (int i = 0; i < kKeys; ++i) {
            float2 both = {0.0f, 0.0f};
            if (state && here(i))
                both = *reinterpret_cast<const float2*>(state + place(i));
            s_[i][0] = both.x, s_[i][1] = both.y;
        }
    }
    __device__ void write(float* state) const {
#pragma unroll
        for (int i = 0; i < kKeys; ++i)
            if (here(i))
                *reinterpret_cast<float2*>(state + place(i)) = {s_[i][0], s_[i][1]};
    }
    /// One row: with the state before it S, and what is kept of that S' = decay S, S becomes S' + k (x)
    /// change with change = beta (v - S'^T k), and q^T of that is q^T S' + (q k) change: so both sums over
    /// keys are of the state before the row, and one meeting of the lanes serves them.
    __device__ void pass(DeltaRuleShared& shared, int r) {
        const float decay = shared.decay[r], beta = shared.beta[r], match = shared.match[r];
        const float2 v = *reinterpret_cast<const float2*>(&shared.v[r][column()]);
        float k[kKeys], known[2] = {}, asked[2] = {};
#pragma unroll
        for (int four = 0; four < kKeys / 4; ++four) {
            const int key = four * 4 * kParts + part() * 4;
            const float4 ks = *reinterpret_cast<const float4*>(&shared.k[r][key]),
                         qs = *reinterpret_cast<const float4*>(&shared.q[r][key]);
            const float q[4] = {qs.x, qs.y, qs.z, qs.w};
            float* own = k + 4 * four;
            own[0] = ks.x, own[1] = ks.y, own[2] = ks.z, own[3] = ks.w;
#pragma unroll
            for (int i = 0; i < 4; ++i)
#pragma unroll
                for (int c = 0; c < 2; ++c) {
                    known[c] = fmaf(own[i], s_[4 * four + i][c], known[c]);
                    asked[c] = fmaf(q[i], s_[4 * four + i][c], asked[c]);
                }
        }
#pragma unroll
        for (int distance = 1; distance < kParts; distance *= 2)
#pragma unroll
            for (int c = 0; c < 2; ++c) {
                known[c] += shuffle_xor(known[c], distance);
                asked[c] += shuffle_xor(asked[c], distance);
            }
        const float change[2] = {multiply_rounded(beta, fmaf(-decay, known[0], v.x)),
                                 multiply_rounded(beta, fmaf(-decay, known[1], v.y))};
#pragma unroll
        for (int i = 0; i < kKeys; ++i)
#pragma unroll
            for (int c = 0; c < 2; ++c)
                s_[i][c] = fmaf(k[i], change[c], multiply_rounded(decay, s_[i][c]));
        if (part() == 0)
            *reinterpret_cast<float2*>(&shared.found[r][column()]) = {
                fmaf(match, change[0], multiply_rounded(decay, asked[0])),
                fmaf(match, change[1], multiply_rounded(decay, asked[1]))};
    }

  private:
    __device__ static int part() { return static_cast<int>(threadIdx.x) % kParts; }
    __device__ static int column() { return static_cast<int>(threadIdx.x) / kParts * 2; }
    __device__ static int key(int i) { return i / 4 * 4 * kParts + part() * 4 + i % 4; }
    __device__ bool here(int i) const { return key(i) < keys_ && column() < values_; }
    __device__ int place(int i) const { return key(i) * values_ + column(); }

    float s_[kKeys][2];
    int keys_, values_;
};

/// RMS norm of what was found, times the gate. By a warp.
__device__ void write_row(const DeltaRuleParams& p, const DeltaRuleShared& shared, int r, int head,
                          std::int64_t row, const float* gain) {
    float found[kOwn], squares = 0.0f;
    for (int i = 0; i < kOwn; ++i) {
        const int at = i * kWarpLanes + lane_index();
        found[i] = at < p.value_dim ? shared.found[r][at] : 0.0f;
        squares = fmaf(found[i], found[i], squares);
    }
    const float mean = warp_sum(squares) / static_cast<float>(p.value_dim);
    const float factor = 1.0f / sqrtf(add_rounded(mean, p.epsilon));
    const std::int64_t place = (row * p.value_heads + head) * p.value_dim;
    for (int i = 0; i < kOwn; ++i) {
        const int at = i * kWarpLanes + lane_index();
        if (at < p.value_dim)
            p.out[place + at] = multiply_rounded(
                multiply_rounded(multiply_rounded(found[i], factor), gain[at]), silu(p.z[place + at]));
    }
}

} // namespace

static __global__ void __launch_bounds__(kDeltaThreads, 1)
    delta_rule(const __grid_constant__ DeltaRuleParams p) {
    DeltaRuleShared& shared = shared_memory<DeltaRuleShared>();
    const int head = static_cast<int>(blockIdx.x);
    const float a = floats_of(p.a)[head], dt = floats_of(p.dt)[head];
    const float* gain = floats_of(p.gain);
    wait_for_previous();
    let_next_start();
    const SequenceStates sequence = p.states.sequences[blockIdx.y];
    if (sequence.rows == 0)
        return;
    const std::int64_t of_head = std::int64_t{head} * p.key_dim * p.value_dim;
    const float* before = state_before(p.states, sequence);
    StatePart state(p, before ? before + of_head : nullptr);
    KeptStates kept(p.states, sequence, 0);
    const int warp = warp_index();
    RowOfHead own; // of the tile that comes
    if (warp < sequence.rows)
        own.load(p, head, sequence.first_row + warp);
    for (int first = 0; first < sequence.rows; first += kDeltaRows) {
        const int count = min(kDeltaRows, sequence.rows - first);
        if (warp < count)
            own.store(shared, warp, p, a, dt);
        sync_block();
        if (first + kDeltaRows + warp < sequence.rows)
            own.load(p, head, sequence.first_row + first + kDeltaRows + warp);
        for (int r = 0; r < count; ++r) {
            state.pass(shared, r);
            kept.behind(first + r + 1, [&](float* to) { state.write(to + of_head); });
        }
        sync_block();
        if (warp < count)
            write_row(p, shared, warp, head, sequence.first_row + first + warp, gain);
    }
}

SWITCHYARD_DELTA_RULE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
