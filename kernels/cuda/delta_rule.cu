#include "kernels/cuda/activations.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"

namespace switchyard::cuda {

namespace {

constexpr float kLeastSquare = 1e-6f; ///< added to the square of a query's or key's length, as the authors do

constexpr int kParts = 8;                     ///< lanes that share two columns of the state
constexpr int kKeys = kDeltaDims / kParts;    ///< of each
constexpr int kOwn = kDeltaDims / kWarpLanes; ///< values of a row of a head that a lane has
static_assert(kDeltaThreads / kParts * 2 == kDeltaDims);

/// What a block takes: some values of a head.
struct DeltaWork {
    int head;
    int first, count; ///< values
};

/// The logarithm of a decay.
__device__ float log_decay(const DeltaRuleParams& p, float a, float time) {
    return p.least_decay < 0.0f
               ? multiply_rounded(p.least_decay, sigmoid_times(1.0f, multiply_rounded(fabsf(a), time)))
               : multiply_rounded(a, softplus(time));
}

/// What a warp brings of one row of a head; `kValues` of its values. `kByChannel`: with a decay for each
/// channel of a key.
template <int kValues, bool kByChannel>
class RowOfHead {
  public:
    __device__ void load(const DeltaRuleParams& p, const DeltaWork& work, std::int64_t row) {
        const int dk = p.key_dim, dv = p.value_dim, nk = p.key_heads, nv = p.value_heads;
        const int key_head = p.neighbours ? work.head / (nv / nk) : work.head % nk;
        const float* mixed = p.mixed + row * (2 * nk * dk + nv * dv);
        load(mixed + key_head * dk, dk, q_);
        load(mixed + (nk + key_head) * dk, dk, k_);
        load(mixed + 2 * nk * dk + work.head * dv + work.first, work.count, v_);
        if constexpr (kByChannel)
            load(p.alpha + (row * nv + work.head) * dk, dk, alpha_);
        else
            alpha_[0] = p.alpha[row * nv + work.head];
        beta_ = p.beta[row * nv + work.head];
    }
    /// Queries and keys of unit length, the queries divided by the root of their dimensions; zeros behind.
    template <class Shared>
    __device__ void store(Shared& shared, int r, const DeltaRuleParams& p, float a, const float* dt) {
        to_length(1.0f / sqrtf(static_cast<float>(p.key_dim)), q_);
        to_length(1.0f, k_);
        float match = 0.0f;
        for (int i = 0; i < kOwn; ++i) {
            const int at = i * kWarpLanes + lane_index();
            match = fmaf(q_[i], k_[i], match);
            shared.q[r][at] = q_[i];
            shared.k[r][at] = k_[i];
            if constexpr (kByChannel)
                shared.decays[r][at] =
                    expf(log_decay(p, a, add_rounded(alpha_[i], at < p.key_dim ? dt[at] : 0.0f)));
        }
        for (int i = 0; i < kValues / kWarpLanes; ++i)
            shared.v[r][i * kWarpLanes + lane_index()] = v_[i];
        match = warp_sum(match);
        if (lane_index() != 0)
            return;
        shared.match[r] = match;
        if constexpr (!kByChannel)
            shared.decay[r] = expf(log_decay(p, a, add_rounded(alpha_[0], dt[0])));
        shared.beta[r] = sigmoid_times(1.0f, beta_);
    }

  private:
    template <int kCount>
    __device__ static void load(const float* from, int count, float (&to)[kCount]) {
        for (int i = 0; i < kCount; ++i) {
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

    float q_[kOwn], k_[kOwn], v_[kValues / kWarpLanes];
    float alpha_[kByChannel ? kOwn : 1], beta_;
};

/// A thread's part of a state: two columns, of these the keys that its part of eight lanes has, four
/// neighbours of each 32.
class StatePart {
  public:
    /// `state`: of the head, from the work's first value on; null: zeros.
    __device__ StatePart(const DeltaRuleParams& p, const DeltaWork& work, const float* state)
        : keys_(p.key_dim), width_(p.value_dim), values_(work.count) {
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
    /// One row. With the state before it S, and what is kept of that S' = decay S, S becomes
    /// S' + k (x) change with change = beta (v - S'^T k), and q^T of that is q^T S' + (q k) change: so both
    /// sums over keys are of the state before the row, and one meeting of the lanes serves them.
    template <bool kByChannel, class Shared>
    __device__ void pass(Shared& shared, int r) {
        const float decay = kByChannel ? 1.0f : shared.decay[r], beta = shared.beta[r],
                    match = shared.match[r];
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
            if constexpr (kByChannel) {
                const float4 ds = *reinterpret_cast<const float4*>(&shared.decays[r][key]);
                const float d[4] = {ds.x, ds.y, ds.z, ds.w};
#pragma unroll
                for (int i = 0; i < 4; ++i)
#pragma unroll
                    for (int c = 0; c < 2; ++c)
                        s_[4 * four + i][c] = multiply_rounded(d[i], s_[4 * four + i][c]);
            }
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
    __device__ int place(int i) const { return key(i) * width_ + column(); }

    float s_[kKeys][2];
    int keys_, width_, values_;
};

/// RMS norm of what a head found for a row, times the gate. By a warp; `found` may be where it is written.
__device__ void write_gated(const DeltaRuleParams& p, const float* found, std::int64_t row, int head,
                            const float* gain) {
    float x[kOwn], squares = 0.0f;
    for (int i = 0; i < kOwn; ++i) {
        const int at = i * kWarpLanes + lane_index();
        x[i] = at < p.value_dim ? found[at] : 0.0f;
        squares = fmaf(x[i], x[i], squares);
    }
    const float mean = warp_sum(squares) / static_cast<float>(p.value_dim);
    const float factor = 1.0f / sqrtf(add_rounded(mean, p.epsilon));
    const std::int64_t place = (row * p.value_heads + head) * p.value_dim;
    for (int i = 0; i < kOwn; ++i) {
        const int at = i * kWarpLanes + lane_index();
        if (at < p.value_dim)
            p.out[place + at] =
                multiply_rounded(multiply_rounded(multiply_rounded(x[i], factor), gain[at]),
                                 sigmoid_times(p.sigmoid_gate ? 1.0f : p.z[place + at], p.z[place + at]));
    }
}

template <int kSlices, bool kByChannel>
__device__ void delta_rule_block(const DeltaRuleParams& p) {
    using Shared = DeltaRuleShared<kSlices, kByChannel>;
    constexpr int kWarps = kDeltaThreads / kSlices / kWarpLanes, kBrought = Shared::kRows / kWarps;
    Shared& shared = shared_memory<Shared>();
    const int head = static_cast<int>(blockIdx.x) / kSlices,
              begin = static_cast<int>(blockIdx.x) % kSlices * Shared::kValues;
    const DeltaWork work = {head, begin, min(p.value_dim - begin, Shared::kValues)};
    const float a = floats_of(p.a)[head];
    const float *dt = floats_of(p.dt) + head * (kByChannel ? p.key_dim : 1), *gain = floats_of(p.gain);
    wait_for_previous();
    let_next_start();
    const SequenceStates sequence = p.states.sequences[blockIdx.y];
    if (sequence.rows == 0 || work.count <= 0)
        return;
    const std::int64_t own_state = std::int64_t{head} * p.key_dim * p.value_dim + begin;
    const float* before = state_before(p.states, sequence);
    StatePart state(p, work, before ? before + own_state : nullptr);
    KeptStates kept(p.states, sequence, 0);
    RowOfHead<Shared::kValues, kByChannel> own[kBrought]; // of the tile that comes
    const auto each_own = [&](int first, const auto& each) {
#pragma unroll
        for (int k = 0; k < kBrought; ++k)
            if (const int r = warp_index() + k * kWarps; first + r < sequence.rows)
                each(k, r, sequence.first_row + std::int64_t{first} + r);
    };
    const auto load = [&](int k, int, std::int64_t row) { own[k].load(p, work, row); };
    each_own(0, load);
    for (int first = 0; first < sequence.rows; first += Shared::kRows) {
        each_own(first, [&](int k, int r, std::int64_t) { own[k].store(shared, r, p, a, dt); });
        sync_block();
        each_own(first + Shared::kRows, load);
        for (int r = 0; r < min(Shared::kRows, sequence.rows - first); ++r) {
            state.template pass<kByChannel>(shared, r);
            kept.behind(first + r + 1, [&](float* to) { state.write(to + own_state); });
        }
        sync_block();
        each_own(first, [&](int, int r, std::int64_t row) {
            if constexpr (kSlices == 1)
                write_gated(p, shared.found[r], row, head, gain);
            else if (lane_index() < work.count)
                p.out[(row * p.value_heads + head) * p.value_dim + begin + lane_index()] =
                    shared.found[r][lane_index()];
        });
    }
}
static_assert(DeltaRuleShared<kDeltaSlices, true>::kValues == kWarpLanes);

} // namespace

static __global__ void __launch_bounds__(kDeltaThreads, 1)
    delta_rule(const __grid_constant__ DeltaRuleParams p) {
    delta_rule_block<1, false>(p);
}
static __global__ void __launch_bounds__(kDeltaThreads / kDeltaSlices, 4)
    delta_rule_slice(const __grid_constant__ DeltaRuleParams p) {
    delta_rule_block<kDeltaSlices, false>(p);
}
static __global__ void __launch_bounds__(kDeltaThreads, 1)
    delta_rule_channels(const __grid_constant__ DeltaRuleParams p) {
    delta_rule_block<1, true>(p);
}
static __global__ void __launch_bounds__(kDeltaThreads / kDeltaSlices, 3)
    delta_rule_channels_slice(const __grid_constant__ DeltaRuleParams p) {
    delta_rule_block<kDeltaSlices, true>(p);
}

static __global__ void __launch_bounds__(kGateDeltaThreads, 4)
    gate_delta(const __grid_constant__ DeltaRuleParams p) {
    const float* gain = floats_of(p.gain);
    wait_for_previous();
    let_next_start();
    const int head = static_cast<int>(blockIdx.x) * (kGateDeltaThreads / kWarpLanes) + warp_index();
    const std::int64_t row = blockIdx.y;
    if (head < p.value_heads)
        write_gated(p, p.out + (row * p.value_heads + head) * p.value_dim, row, head, gain);
}

SWITCHYARD_DELTA_RULE_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
