// What is done to a unit of a row's value (row_kernels.h), as device functions.
#pragma once

#include "kernels/cuda/kv_cache.cuh"
#include "kernels/cuda/row_kernels.h"

namespace switchyard::cuda {

// Who shares a unit: a block of kRowStepThreads, or one warp. A sum of squares is that of as many threads in
// both, in the same order, so that results have the same bits.

struct BlockOfUnit {
    static constexpr int kThreads = kRowStepThreads;
    float* sums; ///< [warps], shared

    __device__ static int thread() { return static_cast<int>(threadIdx.x); }
    __device__ static void sync() { sync_block(); }
    __device__ float sum_of_squares(const float* x, int count) const {
        float sum = 0.0f;
        for (int i = thread(); i < count; i += kThreads)
            sum = fmaf(x[i], x[i], sum);
        sum = warp_sum(sum);
        if (lane_index() == 0)
            sums[warp_index()] = sum;
        sync();
        return sums[0] + sums[1] + (sums[2] + sums[3]);
    }
};
static_assert(kRowStepThreads / kWarpLanes == 4);

struct WarpOfUnit {
    static constexpr int kThreads = kWarpLanes;

    __device__ static int thread() { return lane_index(); }
    __device__ static void sync() { sync_warp(); }
    __device__ static float sum_of_squares(const float* x, int count) {
        float sums[4];
        for (int w = 0; w < 4; ++w) { // as the block's warp w
            float sum = 0.0f;
            for (int i = w * kWarpLanes + lane_index(); i < count; i += kRowStepThreads)
                sum = fmaf(x[i], x[i], sum);
            sums[w] = warp_sum(sum);
        }
        return sums[0] + sums[1] + (sums[2] + sums[3]);
    }
};

/// All groups of a unit that a step norms; the unit begins at value `first` of its row.
template <class Team>
__device__ inline void norm_unit(const Team& team, const RowStep& step, float* x, int first, int unit) {
    const float* gain = step.gain ? reinterpret_cast<const float*>(step.gain->data) : nullptr;
    for (int begin = 0; begin < unit && first + begin < step.count; begin += step.group) {
        const float mean = team.sum_of_squares(x + begin, step.group) / static_cast<float>(step.group);
        const float factor = 1.0f / sqrtf(mean + step.epsilon);
        for (int i = team.thread(); i < step.group; i += Team::kThreads)
            x[begin + i] = x[begin + i] * factor * (gain ? gain[i] : 1.0f);
        team.sync(); // before the sums are written again
    }
}

template <class Team>
__device__ inline void rotate_unit(const Team& team, const RowStep& step, float* x, std::int64_t row,
                                   int unit) {
    const int pairs = step.dims / 2, heads = unit / step.head_dim;
    for (int i = team.thread(); i < heads * pairs; i += Team::kThreads) {
        const int head = i / pairs, pair = i % pairs;
        float* from = x + head * step.head_dim + step.offset;
        float& a = from[step.interleaved ? 2 * pair : pair];
        float& b = from[step.interleaved ? 2 * pair + 1 : pairs + pair];
        const float c = step.cosines[row * pairs + pair], s = step.sines[row * pairs + pair];
        const float rotated = fmaf(a, c, -(b * s));
        b = fmaf(b, c, a * s);
        a = rotated;
    }
}

/// All steps of value `v` on its unit `x` that begins at value `first` of row `row`; whether there are any.
/// What the team wrote before is there for all of it, and what it writes here is afterwards.
template <class Team>
__device__ inline bool change_unit(const Team& team, const RowStepsParams& p, int v, float* x,
                                   std::int64_t row, int first) {
    bool changed = false;
    for (int s = 0; s < p.steps; ++s) {
        const RowStep& step = p.step[s];
        if (step.value != v)
            continue;
        if (step.norms())
            norm_unit(team, step, x, first, p.value[v].unit);
        else
            rotate_unit(team, step, x, row, p.value[v].unit);
        changed = true;
        team.sync();
    }
    return changed;
}

/// Stores the heads of a unit into the row's block of the cache, a warp 32 values of one.
template <class Team>
__device__ inline void store_unit(const Team& team, const RowStepsParams& p, const RowValue& value,
                                  const float* x, int first, const RowInput& row) {
    const KvBlockRef block = p.blocks[row.first_block + row.position / kKvTokens];
    const KvPlanes& planes = p.cache.planes[static_cast<int>(block.type)];
    const bool keys = value.store == RowStore::Keys;
    const int dims = keys ? p.cache.key_dim : p.cache.value_dim, groups = kv_groups(dims);
    const int token = row.position % kKvTokens, count = value.unit / dims * groups;
    const std::int64_t at = keys ? 0 : planes.values;
    const std::int64_t scales = keys ? planes.key_scales : planes.value_scales;
    for (int i = team.thread() / kWarpLanes; i < count; i += Team::kThreads / kWarpLanes) {
        const int head = i / groups, group = i % groups, dim = group * 32 + lane_index();
        std::byte* data = kv_head(p.cache, block, first / dims + head);
        store_kv_group(block.type, dim < dims ? x[head * dims + dim] : 0.0f,
                       data + at + std::int64_t{token} * (keys ? planes.key_row : planes.value_row),
                       reinterpret_cast<std::uint16_t*>(data + scales) + token * groups, group);
    }
}

} // namespace switchyard::cuda
