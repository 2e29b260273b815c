#include "kernels/cuda/attention_team.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

namespace {

/// The outputs of a team's tile: rows from `row` on.
__device__ void store_rows(const AttentionParams& p, const AttendWork& work, int row, int rows,
                           const Team& team, Attended<kWarpValueGroups>& attended) {
    const int g = lane_index() / 4, t = lane_index() % 4;
    const float* sinks = p.sinks ? reinterpret_cast<const float*>(p.sinks->data) : nullptr;
    for (int r = 0; r < 2; ++r) {
        attended.sum[r] += shuffle_xor(attended.sum[r], 1);
        attended.sum[r] += shuffle_xor(attended.sum[r], 2);
        const int query = g + 8 * r;
        if (query >= rows * work.heads)
            continue;
        const std::int64_t own_row = row + query / work.heads, head = work.first_head + query % work.heads;
        float most = attended.most[r], weight = 1.0f, sum = attended.sum[r];
        if (sinks) {
            most = fmaxf(most, sinks[head]);
            weight = __expf(attended.most[r] - most);
            sum = fmaf(sum, weight, __expf(sinks[head] - most));
        }
        sum /= p.value_scale;
        float* out = p.out + (own_row * p.heads + head) * p.value_dim;
#pragma unroll kWarpValueGroups
        for (int k = 0; k < kWarpValueGroups; ++k)
            for (int i = 0; i < 2; ++i)
                for (int j = 0; j < 4; ++j) {
                    const int value = (team.warp * team.warp_groups + k) * 32 + 8 * t + 4 * i + j;
                    if (k < team.warp_groups && value < p.value_dim)
                        out[value] = attended.values[k][j][2 * r + i] * weight / sum;
                }
    }
}

/// All blocks of the cache that a tile sees, past its queries: each is staged once for all teams.
template <int kTeam>
__device__ void attend_rows(const AttentionParams& p, PromptAttendShared& shared, const AttendWork& work,
                            int tile_rows) {
    const int thread = static_cast<int>(threadIdx.x), number = warp_index() / kTeam;
    const int queries = staged_queries(p.cache.key_dim),
              size = staged_bytes(p.cache.key_dim, p.cache.value_dim);
    std::byte* stages = buffer_of(shared) + prompt_tiles(p) * queries;
    const RowTile& tile = work.tile;
    const KvBlockRef* blocks = p.blocks + p.rows[tile.row].first_block;
    const int first_block = tile.from / kKvTokens, last_block = tile.last / kKvTokens;
    const auto stage = [&](int b) {
        if (b <= last_block)
            stage_block(p.cache, blocks[b], work.kv_head, stages + b % 2 * size,
                        max(tile.from - b * kKvTokens, 0), min(tile.last + 1 - b * kKvTokens, kKvTokens),
                        thread, kPromptAttendThreads);
        async_commit();
    };
    stage(first_block);

    const int row = tile.row + number * tile_rows,
              rows = min(max(tile.rows - number * tile_rows, 0), tile_rows);
    auto* q = reinterpret_cast<FragmentWords*>(buffer_of(shared) + number * queries);
    BufferedQueries source{p};
    if (number < prompt_tiles(p))
        stage_queries(p, work, source, row, rows, warp_index() % kTeam, kTeam, q, shared.queries[number]);
    const Team team = {q,
                       &shared.queries[number],
                       shared.scores + (kTeam > 1 ? number : 0),
                       warp_index() % kTeam,
                       kv_groups(p.value_dim),
                       kTeam == 1 ? kWarpValueGroups : (kv_groups(p.value_dim) + kTeam - 1) / kTeam,
                       rows * work.heads > 8};
    int from = 0, last = -1; // what the team sees
    for (int r = row; r < row + rows; ++r) {
        from = r == row ? first_token(p, p.rows[r]) : min(from, first_token(p, p.rows[r]));
        last = p.rows[r].position;
    }
    Attended<kWarpValueGroups> attended;
    for (int b = first_block; b <= last_block; ++b) {
        stage(b + 1);
        async_wait<1>();
        sync_block();
        const int begin = b * kKvTokens, until = min(last + 1 - begin, kKvTokens);
        const bool any = until > 0 && from < begin + kKvTokens;
        attend_block<kTeam>(team, staged_block(p.cache, blocks[b].type, stages + b % 2 * size), begin,
                            max(from - begin, 0), any ? until : 0, attended);
        sync_block(); // before the stage is filled again
    }
    async_wait<0>();
    store_rows(p, work, row, rows, team, attended);
}

} // namespace

static __global__ void __launch_bounds__(kPromptAttendThreads, 1)
    attend_prompt(const __grid_constant__ AttentionParams p) {
    PromptAttendShared& shared = shared_memory<PromptAttendShared>();
    wait_for_previous();
    let_next_start();
    const int per = p.heads / p.cache.kv_heads, tiles = query_head_tiles(per),
              tile_rows = query_tile_rows(per);
    const int team = attention_team(p.value_dim), most = tile_rows * prompt_tiles(p);
    const int head_tile = static_cast<int>(blockIdx.y) % tiles;
    AttendWork work = {};
    work.kv_head = static_cast<int>(blockIdx.y) / tiles;
    work.first_head = work.kv_head * per + head_tile * kQueryTile;
    work.heads = min(kQueryTile, per - head_tile * kQueryTile);
    // Last rows first: they see the longest context, and short work at the end shares better.
    const int begin = static_cast<int>(gridDim.x - 1 - blockIdx.x) * most,
              end = min(begin + most, p.row_count);
    for (int rows = begin; rows < end; rows += kWarpLanes) {
        const int row = rows + lane_index();
        std::uint32_t leaders = ballot(row < end && tile_at(p, row, most, true).rows > 0);
        for (; leaders != 0; leaders &= leaders - 1) {
            work.tile = tile_at(p, rows + lowest_bit(leaders), most, true);
            if (team == 1)
                attend_rows<1>(p, shared, work, tile_rows);
            else
                attend_rows<4>(p, shared, work, tile_rows);
            sync_block();
        }
    }
}

SWITCHYARD_PROMPT_ATTENTION_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
