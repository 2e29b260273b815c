#include "kernels/cuda/attention_split.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kAttendThreads, 2)
    attend(const __grid_constant__ AttentionParams p) {
    AttendShared& shared = shared_memory<AttendShared>();
    // Rows and the table of blocks are there from the step's beginning: no launch writes them.
    let_next_start();
    int item = static_cast<int>(blockIdx.x), done = 0, ranked = 0;
    // 32 rows at a time: how much work each has, and which is this block's.
    for (int rows = 0; rows < p.row_count; rows += kWarpLanes) {
        const int row = rows + lane_index(), count = work_of(p, row);
        int until = count; // this row's and that before it
        for (int distance = 1; distance < kWarpLanes; distance *= 2) {
            const int before = shuffle_up(until, distance);
            until += lane_index() >= distance ? before : 0;
        }
        const std::uint32_t split = ballot(row < p.row_count && takes(p.rows[row], false));
        const int all = shuffle(until, kWarpLanes - 1);
        for (; item < done + all; item += static_cast<int>(gridDim.x)) {
            const int owner = lowest_bit(ballot(done + until > item));
            if (static_cast<int>(threadIdx.x) == owner)
                shared.work = work_at(p, row, item - done - (until - count),
                                      ranked + count_bits(split & ((1u << owner) - 1)));
            sync_block();
            BufferedQueries queries{p};
            if (attention_team(p.value_dim) == 1)
                attend_split<1>(p, shared, queries);
            else
                attend_split<4>(p, shared, queries);
        }
        done += all;
        ranked += count_bits(split);
    }
    wait_for_previous(); // also where there was nothing to do
}

static __global__ void __launch_bounds__(kMergeThreads, 8)
    attend_merge(const __grid_constant__ AttentionParams p) {
    wait_for_previous();
    let_next_start();
    const int row = static_cast<int>(blockIdx.x) / p.heads, head = static_cast<int>(blockIdx.x) % p.heads;
    const RowInput& input = p.rows[row];
    const int lane = lane_index(), groups = kv_groups(p.value_dim);
    const int group = static_cast<int>(blockIdx.y) * (kMergeThreads / kWarpLanes) + warp_index();
    if (!takes(input, false) || group >= groups)
        return;
    int rank = 0; // among the rows with splits
    for (int rows = 0; rows < row; rows += kWarpLanes)
        rank += count_bits(ballot(rows + lane < row && takes(p.rows[rows + lane], false)));
    const SplitWeights weights = weigh_splits(p, input, rank, head);
    const float out = merge_splits<1>(p, weights, group * 32).of[0];
    const int value = group * 32 + lane_index();
    if (value < p.value_dim)
        p.out[(std::int64_t{row} * p.heads + head) * p.value_dim + value] = out;
}

SWITCHYARD_ATTENTION_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
