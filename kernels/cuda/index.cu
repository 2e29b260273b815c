#include "kernels/cuda/index_kernels.h"
#include "kernels/cuda/kv_rows.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/states.cuh"

namespace switchyard::cuda {

namespace {

/// The sum over the threads of IndexKeys.
__device__ float sum_of_key(float x, IndexKeyShared& shared) {
    x = warp_sum(x);
    sync_block();
    if (lane_index() == 0)
        shared.sums[warp_index()] = x;
    sync_block();
    return shared.sums[0] + shared.sums[1] + (shared.sums[2] + shared.sums[3]);
}
static_assert(kIndexKeyThreads / kWarpLanes == 4);

__device__ void norm_key(const IndexKeyStep& step, int dim, IndexKeyShared& shared) {
    const float *gain = floats_of(step.gain), *bias = floats_of(step.bias);
    const int thread = static_cast<int>(threadIdx.x);
    float mean = 0.0f, squares = 0.0f;
    if (step.centred) {
        for (int d = thread; d < dim; d += kIndexKeyThreads)
            mean += shared.key[d];
        mean = sum_of_key(mean, shared) / static_cast<float>(dim);
    }
    for (int d = thread; d < dim; d += kIndexKeyThreads) {
        const float x = shared.key[d] - mean;
        squares = fmaf(x, x, squares);
    }
    const float factor = 1.0f / sqrtf(sum_of_key(squares, shared) / static_cast<float>(dim) + step.epsilon);
    for (int d = thread; d < dim; d += kIndexKeyThreads) {
        const float x = (shared.key[d] - mean) * factor * (gain ? gain[d] : 1.0f);
        shared.key[d] = bias ? x + bias[d] : x;
    }
}

__device__ void rotate_key(const IndexKeyStep& step, std::int64_t row, IndexKeyShared& shared) {
    const int pairs = step.dims / 2;
    float* from = shared.key + step.offset;
    for (int i = static_cast<int>(threadIdx.x); i < pairs; i += kIndexKeyThreads) {
        float& a = from[step.interleaved ? 2 * i : i];
        float& b = from[step.interleaved ? 2 * i + 1 : pairs + i];
        const float c = step.cosines[row * pairs + i], s = step.sines[row * pairs + i];
        const float rotated = fmaf(a, c, -(b * s));
        b = fmaf(b, c, a * s);
        a = rotated;
    }
}

} // namespace

static __global__ void __launch_bounds__(kIndexKeyThreads, 8)
    index_keys(const __grid_constant__ IndexKeysParams p) {
    IndexKeyShared& shared = shared_memory<IndexKeyShared>();
    wait_for_previous();
    let_next_start();
    const std::int64_t r = blockIdx.x;
    const RowInput& row = p.rows[r];
    if (row.position < 0)
        return;
    const int dim = p.cache.dim;
    for (int d = static_cast<int>(threadIdx.x); d < dim; d += kIndexKeyThreads)
        shared.key[d] = p.keys[r * dim + d];
    sync_block();
    for (int s = 0; s < p.steps; ++s) {
        if (p.step[s].cosines)
            rotate_key(p.step[s], r, shared);
        else
            norm_key(p.step[s], dim, shared);
        sync_block();
    }
    store_kv_row(p.cache, shared.key, kv_row(p.cache, p.blocks + row.first_block, row.position));
}

namespace {

/// What a warp of IndexScores has in shared memory.
struct ScoreRoom {
    float *q, *weights; ///< of the block: [heads][stride], [heads]
    std::byte* keys;    ///< of the warp
};
__device__ ScoreRoom score_room(const IndexParams& p) {
    auto* q = reinterpret_cast<float*>(&shared_memory<std::byte>());
    float* weights = q + p.heads * p.keys.stride;
    auto* keys = reinterpret_cast<std::byte*>(weights + 4 * p.heads);
    return {q, weights, keys + warp_index() * kWarpLanes * staged_key_bytes(p.keys)};
}

/// Keys first .. end - 1 of a sequence to the warp's room; 32 at most.
__device__ void stage_keys(const IndexParams& p, const KvBlockRef* blocks, int first, int end,
                           std::byte* to) {
    const int pieces = p.keys.stride / 8, row = staged_key_bytes(p.keys);
    sync_warp(); // nobody reads those before any more
    for (int i = lane_index(); i < (end - first) * pieces; i += kWarpLanes) {
        const int key = i / pieces, piece = i % pieces;
        async_copy(to + key * row + piece * 16, kv_row(p.keys, blocks, first + key) + piece * 8);
    }
    async_commit();
    async_wait<0>();
    sync_warp();
}

/// q . key of the lane's key and kIndexScoreHeads heads from `first` on; behind the last head, anything.
__device__ void score_key(const IndexParams& p, const ScoreRoom& room, int first,
                          float (&found)[kIndexScoreHeads]) {
    const std::byte* key = room.keys + lane_index() * staged_key_bytes(p.keys);
#pragma unroll
    for (float& x : found)
        x = 0.0f;
    for (int d = 0; d < p.keys.stride; d += 8) {
        const uint4 eight = *reinterpret_cast<const uint4*>(key + 2 * d);
        const std::uint32_t words[4] = {eight.x, eight.y, eight.z, eight.w};
        float x[8];
        for (int i = 0; i < 4; ++i) {
            x[2 * i] = half_to_float(static_cast<std::uint16_t>(words[i]));
            x[2 * i + 1] = half_to_float(static_cast<std::uint16_t>(words[i] >> 16));
        }
#pragma unroll
        for (int h = 0; h < kIndexScoreHeads; ++h) {
            const float* q = room.q + min(first + h, p.heads - 1) * p.keys.stride + d;
            const float4 low = *reinterpret_cast<const float4*>(q),
                         high = *reinterpret_cast<const float4*>(q + 4);
            float sum = found[h];
            sum = fmaf(low.x, x[0], sum);
            sum = fmaf(low.y, x[1], sum);
            sum = fmaf(low.z, x[2], sum);
            sum = fmaf(low.w, x[3], sum);
            sum = fmaf(high.x, x[4], sum);
            sum = fmaf(high.y, x[5], sum);
            sum = fmaf(high.z, x[6], sum);
            found[h] = fmaf(high.w, x[7], sum);
        }
    }
}

/// A weighted score of each of 32 keys at most.
__device__ void score_weighted(const IndexParams& p, const ScoreRoom& room, int count, float* scores) {
    float sum = 0.0f, found[kIndexScoreHeads];
    for (int first = 0; first < p.heads; first += kIndexScoreHeads) {
        score_key(p, room, first, found);
#pragma unroll
        for (int h = 0; h < kIndexScoreHeads; ++h)
            if (first + h < p.heads)
                sum = add_rounded(
                    sum, multiply_rounded(room.weights[first + h], found[h] < 0.0f ? 0.0f : found[h]));
    }
    if (lane_index() < count) // what is no number has no order
        scores[lane_index()] = sum == sum ? multiply_rounded(sum, p.scale) : -INFINITY;
}

} // namespace

static __global__ void __launch_bounds__(kIndexScoreThreads)
    index_scores(const __grid_constant__ IndexParams p) {
    wait_for_previous();
    let_next_start();
    const std::int64_t r = blockIdx.y;
    const RowInput& row = p.rows[r];
    const int total = p.table.blocks(row.position);
    if (row.position < 0 || total <= p.table.top)
        return;
    const int keys = (row.position + 1) / p.table.tokens, stride = p.keys.stride, dim = p.keys.dim;
    const ScoreRoom room = score_room(p);
    for (int i = static_cast<int>(threadIdx.x); i < p.heads * stride; i += kIndexScoreThreads)
        room.q[i] = i % stride < dim ? p.q[(r * p.heads + i / stride) * dim + i % stride] : 0.0f;
    for (int h = static_cast<int>(threadIdx.x); p.weights && h < p.heads; h += kIndexScoreThreads)
        room.weights[h] = p.weights[r * p.heads + h];
    sync_block();
    const KvBlockRef* blocks = p.blocks + row.first_block;
    float* scores = p.scores + r * p.table.choices * p.stride;
    const bool single = p.table.block == 1;
    const int per = single ? kWarpLanes : p.table.block, units = single ? (keys + per - 1) / per : total;
    constexpr int kWarps = kIndexScoreThreads / kWarpLanes;
    for (int unit = static_cast<int>(blockIdx.x) * kWarps + warp_index(); unit < units;
         unit += static_cast<int>(gridDim.x) * kWarps) {
        const int begin = unit * per, end = min(begin + per, keys);
        if (p.weights) {
            stage_keys(p, blocks, begin, end, room.keys);
            score_weighted(p, room, end - begin, scores + begin);
            continue;
        }
        for (int first = 0; first < p.heads; first += kIndexScoreHeads) {
            float best[kIndexScoreHeads], found[kIndexScoreHeads];
#pragma unroll
            for (float& x : best)
                x = -INFINITY;
            for (int key = begin; key < end; key += kWarpLanes) {
                if (first == 0 || per > kWarpLanes)
                    stage_keys(p, blocks, key, min(key + kWarpLanes, end), room.keys);
                score_key(p, room, first, found);
                const bool there = key + lane_index() < end;
#pragma unroll
                for (int h = 0; h < kIndexScoreHeads; ++h)
                    best[h] = there ? fmaxf(best[h], found[h]) : best[h];
            }
#pragma unroll
            for (int h = 0; h < kIndexScoreHeads; ++h) {
                const float largest = single ? best[h] : warp_max(best[h]);
                const int at = single ? begin + lane_index() : unit;
                if (first + h < p.heads && (single ? at < end : lane_index() == 0))
                    scores[std::int64_t{first + h} * p.stride + at] = largest;
            }
        }
    }
}

namespace {

/// Numbers that compare as integers without sign as scores do; of the blocks that are chosen in any case the
/// largest.
struct ScoreOrder {
    const float* scores;
    int first_local;

    __device__ std::uint32_t at(int block) const {
        if (block >= first_local)
            return 0xff800000u;                                      // infinity's
        const std::uint32_t bits = float_bits(scores[block] + 0.0f); // one zero
        return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
    }
};

/// How many of the block's threads before this one say yes; `all` of them do.
struct Votes {
    std::uint32_t before, all;
};
__device__ Votes count_votes(bool yes, std::uint32_t (&of_warp)[kIndexChoiceThreads / kWarpLanes]) {
    const std::uint32_t votes = ballot(yes);
    sync_block(); // the counts before were read
    if (lane_index() == 0)
        of_warp[warp_index()] = static_cast<std::uint32_t>(count_bits(votes));
    sync_block();
    Votes sum = {static_cast<std::uint32_t>(count_bits(votes & ((1u << lane_index()) - 1))), 0};
    for (int w = 0; w < kIndexChoiceThreads / kWarpLanes; ++w) {
        sum.before += w < warp_index() ? of_warp[w] : 0;
        sum.all += of_warp[w];
    }
    return sum;
}

/// By a warp: the digit of the score that is the need-th from above, and how many of its equals are needed.
__device__ void find_digit(IndexChoiceShared& shared, int shift) {
    constexpr int kEach = 256 / kWarpLanes;
    const int highest = 255 - lane_index() * kEach;
    const std::uint32_t need = shared.need;
    std::uint32_t own = 0;
    for (int i = 0; i < kEach; ++i)
        own += shared.digits[highest - i];
    std::uint32_t until = own;
    for (int distance = 1; distance < kWarpLanes; distance *= 2) {
        const std::uint32_t before = shuffle_up(until, distance);
        until += lane_index() >= distance ? before : 0;
    }
    std::uint32_t above = until - own;
    const bool is_here = above < need && until >= need;
    sync_warp();
    for (int i = 0; is_here && i < kEach; ++i) {
        const std::uint32_t count = shared.digits[highest - i];
        if (above + count >= need) {
            shared.prefix |= static_cast<std::uint32_t>(highest - i) << shift;
            shared.need = need - above;
            break;
        }
        above += count;
    }
}

} // namespace

static __global__ void __launch_bounds__(kIndexChoiceThreads, 4)
    index_choice(const __grid_constant__ IndexParams p) {
    IndexChoiceShared& shared = shared_memory<IndexChoiceShared>();
    wait_for_previous();
    let_next_start();
    const std::int64_t r = blockIdx.y;
    const int choice = static_cast<int>(blockIdx.x), thread = static_cast<int>(threadIdx.x);
    const std::int32_t position = p.rows[r].position;
    if (position < 0)
        return;
    const int total = p.table.blocks(position), count = p.table.count(position);
    std::int32_t* chosen = p.table.of(r, choice);
    if (count == total) {
        for (int i = thread; i < count; i += kIndexChoiceThreads)
            chosen[i] = i;
        return;
    }
    const ScoreOrder order = {p.scores + (r * p.table.choices + choice) * p.stride, total - p.local};
    if (thread == 0) {
        shared.prefix = 0;
        shared.need = static_cast<std::uint32_t>(count);
    }
    for (int shift = 24; shift >= 0; shift -= 8) { // the least score that is chosen, from its first digit on
        for (int i = thread; i < 256; i += kIndexChoiceThreads)
            shared.digits[i] = 0;
        sync_block();
        const std::uint32_t prefix = shared.prefix;
        for (int i = thread; i < total; i += kIndexChoiceThreads)
            if (const std::uint32_t score = order.at(i); shift == 24 || (score ^ prefix) >> (shift + 8) == 0)
                count_shared(&shared.digits[score >> shift & 0xffu]);
        sync_block();
        if (warp_index() == 0)
            find_digit(shared, shift);
        sync_block();
    }
    const std::uint32_t least = shared.prefix, need = shared.need;
    std::uint32_t equals = 0, done = 0;
    for (int begin = 0; begin < total; begin += kIndexChoiceThreads) {
        const int i = begin + thread;
        const std::uint32_t score = i < total ? order.at(i) : 0;
        const bool equal = i < total && score == least;
        const Votes same = count_votes(equal, shared.of_warp);
        const bool taken = i < total && (score > least || (equal && equals + same.before < need));
        const Votes before = count_votes(taken, shared.of_warp);
        if (taken)
            chosen[done + before.before] = i;
        equals += same.all;
        done += before.all;
    }
}

SWITCHYARD_INDEX_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
