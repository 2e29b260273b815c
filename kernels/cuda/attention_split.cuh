// Splits of rows' contexts: what there is to do, a split's result, and its merging with the others
// (attention_kernels.h). Blocks have kAttendThreads or twice as many: teams have twice the warps then, each
// with half of the values, and a row's bits do not tell.
#pragma once

#include "kernels/cuda/attention_team.cuh"

namespace switchyard::cuda {

__device__ inline int heads_per_kv(const AttentionParams& p) { return p.heads / p.cache.kv_heads; }
__device__ inline int split_of(const AttentionParams& p, int position) {
    return attention_split(position, p.cache.kv_heads * query_head_tiles(heads_per_kv(p)) <= 2);
}

__device__ inline RowTile split_tile_at(const AttentionParams& p, int row) {
    return tile_at(p, row, query_tile_rows(heads_per_kv(p)), false);
}

/// How many pieces of work begin with a row.
__device__ inline int work_of(const AttentionParams& p, int row) {
    const RowTile tile = split_tile_at(p, row);
    if (tile.rows == 0)
        return 0;
    const int split = split_of(p, tile.last);
    return (tile.last / split - tile.from / split + 1) * p.cache.kv_heads * query_head_tiles(heads_per_kv(p));
}

__device__ inline AttendWork work_at(const AttentionParams& p, int row, int piece, int rank) {
    const int per = heads_per_kv(p), tiles = query_head_tiles(per), together = p.cache.kv_heads * tiles;
    AttendWork work;
    work.tile = split_tile_at(p, row);
    work.kv_head = piece % together / tiles;
    work.first_head = work.kv_head * per + piece % tiles * kQueryTile;
    work.heads = min(kQueryTile, per - piece % tiles * kQueryTile);
    const int size = split_of(p, work.tile.last);
    work.split = work.tile.from / size + piece / together;
    work.begin = max(work.tile.from, work.split * size);
    work.end = min(work.tile.last + 1, (work.split + 1) * size);
    work.rank = rank;
    return work;
}

/// Where a split's values of a query go, and its maximum and sum.
struct Partial {
    float* values;
    float* most_and_sum;
};
__device__ inline Partial partial_of(const AttentionParams& p, std::int64_t rank, std::int64_t head,
                                     int split) {
    const std::int64_t width = kv_groups(p.value_dim) * 32,
                       at = (rank * p.heads + head) * kMostSplits + split % kMostSplits;
    return {p.partials + at * width,
            p.partials + std::int64_t{p.split_rows} * p.heads * kMostSplits * width + 2 * at};
}
__device__ inline Partial partial_of(const AttentionParams& p, const AttendWork& work, int query) {
    return partial_of(p, work.rank + query / work.heads, work.first_head + query % work.heads, work.split);
}

/// A split's result: teams' own are merged in order.
template <int kTeam, int kThreads>
__device__ inline void store_split(const AttentionParams& p, AttendShared& shared, const Team& team,
                                   int number, Attended<warp_value_groups(kTeam)>& attended) {
    constexpr int kTeams = kThreads / kWarpLanes / kTeam, kGroups = warp_value_groups(kTeam);
    const AttendWork& work = shared.work;
    const int lane = lane_index(), g = lane / 4, t = lane % 4, queries = work.tile.rows * work.heads;
    const int thread = static_cast<int>(threadIdx.x), width = team.value_groups * 32;
    for (int r = 0; r < 2; ++r) {
        attended.sum[r] += shuffle_xor(attended.sum[r], 1);
        attended.sum[r] += shuffle_xor(attended.sum[r], 2);
        if (t == 0 && team.warp == 0) {
            shared.most[number][g + 8 * r] = attended.most[r];
            shared.sum[number][g + 8 * r] = attended.sum[r];
        }
    }
    sync_block();                                               // nobody reads a staged block any more
    auto* merged = reinterpret_cast<float*>(buffer_of(shared)); // [team][query][width]
#pragma unroll
    for (int k = 0; k < kGroups; ++k) {
        const int group = team.warp * team.warp_groups + k;
        if (k >= team.warp_groups || group >= team.value_groups)
            continue;
        for (int i = 0; i < 4; ++i) { // query g + i / 2 * 8, values from 8t + i % 2 * 4 on
            const int query = g + i / 2 * 8, value = group * 32 + 8 * t + i % 2 * 4;
            const FragmentWords four = {
                {float_bits(attended.values[k][0][i]), float_bits(attended.values[k][1][i]),
                 float_bits(attended.values[k][2][i]), float_bits(attended.values[k][3][i])}};
            float* to = kTeams > 1        ? merged + (number * kQueryTile + query) * width + value
                        : query < queries ? partial_of(p, work, query).values + value
                                          : nullptr;
            if (to)
                *reinterpret_cast<FragmentWords*>(to) = four;
        }
    }
    if (kTeams > 1)
        sync_block();
    float weight[kTeams];
    for (int i = thread; i < queries * width; i += kThreads) {
        const int query = i / width;
        float most = shared.most[0][query], sum = 0.0f, value = 0.0f;
        for (int n = 1; n < kTeams; ++n)
            most = fmaxf(most, shared.most[n][query]);
        for (int n = 0; n < kTeams; ++n) {
            const float own = shared.most[n][query];
            // Where nothing was seen the sum is 0, or no number.
            weight[n] = own > -INFINITY ? __expf(own - most) : shared.sum[n][query];
            sum = fmaf(shared.sum[n][query], weight[n], sum);
            if (kTeams > 1)
                value = fmaf(merged[n * kQueryTile * width + i], weight[n], value);
        }
        const Partial partial = partial_of(p, work, query);
        if (kTeams > 1)
            partial.values[i % width] = value;
        if (i % width == 0) {
            partial.most_and_sum[0] = most;
            partial.most_and_sum[1] = sum;
        }
    }
}

template <int kTeam, class Queries>
__device__ inline void attend_split(const AttentionParams& p, AttendShared& shared, Queries& source) {
    constexpr int kTeamThreads = kTeam * kWarpLanes, kThreads = Queries::kThreads;
    const AttendWork& work = shared.work;
    const int thread = static_cast<int>(threadIdx.x), number = thread / kTeamThreads;
    const int queries = staged_queries(p.cache.key_dim),
              size = staged_bytes(p.cache.key_dim, p.cache.value_dim),
              fitting = (p.split_buffer - queries) / size;
    // As many blocks at a time as fit, each a team's; where memory is left, each team's next one as well.
    const int teams = min(kThreads / kTeamThreads, fitting), depth = fitting >= 2 * teams ? 2 : 1;
    std::byte* stages = buffer_of(shared) + queries + number * depth * size;
    const KvBlockRef* blocks = p.blocks + p.rows[work.tile.row].first_block;
    const int first_round = work.begin / kKvTokens / teams, last_round = (work.end - 1) / kKvTokens / teams;

    const auto tokens = [&](int round, int& first, int& last) { // of the team's block
        const int begin = (round * teams + number) * kKvTokens;
        const bool any =
            number < teams && round <= last_round && begin + kKvTokens > work.begin && begin < work.end;
        first = any ? max(work.begin - begin, 0) : 0;
        last = any ? min(work.end - begin, kKvTokens) : 0;
    };
    std::uint32_t types = 0; // of the stages, a byte each
    const int cached_until = source.cached_until(work);
    const auto stage = [&](int round, bool any_age, bool old) {
        int first, last;
        tokens(round, first, last);
        const int block = round * teams + number, place = round % depth;
        if (last == 0 || (!any_age && (block * kKvTokens + last <= cached_until) != old))
            return;
        const KvBlockRef ref = blocks[block];
        types = (types & ~(0xffu << 8 * place)) | static_cast<std::uint32_t>(ref.type) << 8 * place;
        if (const int copied = source.copied(block, last); copied > first)
            stage_block(p.cache, ref, work.kv_head, stages + place * size, first, copied,
                        thread % kTeamThreads, kTeamThreads);
    };
    for (int i = 0; i < depth; ++i)
        stage(first_round + i, false, true);
    source.wait();
    for (int i = 0; i < depth; ++i) {
        stage(first_round + i, false, false);
        async_commit();
    }
    source.begin(work);
    auto* q = reinterpret_cast<FragmentWords*>(buffer_of(shared));
    stage_queries(p, work, source, work.tile.row, work.tile.rows, warp_index(), kThreads / kWarpLanes, q,
                  shared.queries);

    const Team team = {q,
                       &shared.queries,
                       &shared.scores,
                       thread % kTeamThreads / kWarpLanes,
                       kv_groups(p.value_dim),
                       kTeam == 1 ? kWarpValueGroups : (kv_groups(p.value_dim) + kTeam - 1) / kTeam,
                       work.tile.rows * work.heads > 8};
    Attended<warp_value_groups(kTeam)> attended;
    sync_block();
    for (int round = first_round; round <= last_round; ++round) {
        if (depth == 2)
            async_wait<1>();
        else
            async_wait<0>();
        if constexpr (kTeam > 1)
            sync_block();
        else
            sync_warp();
        int first, last;
        tokens(round, first, last);
        const int place = round % depth, block = round * teams + number;
        const StagedBlock staged =
            staged_block(p.cache, static_cast<CacheType>(types >> 8 * place & 0xffu), stages + place * size);
        if (last > 0)
            source.complete(block, staged, thread % kTeamThreads, kTeamThreads);
        if (source.completes(round * teams, teams)) {
            if constexpr (kTeam > 1)
                sync_block();
            else
                sync_warp();
        }
        attend_block<kTeam, Queries::kCaps>(team, staged, block * kKvTokens, first, last, attended);
        if (round + depth <= last_round) {
            if constexpr (kTeam > 1)
                sync_block();
            else
                sync_warp();
            stage(round + depth, true, false);
        }
        async_commit(); // as many groups as rounds
    }
    store_split<kTeam, kThreads>(p, shared, team, number, attended);
    sync_block(); // before shared memory is written again
}

/// The splits of a row, and what each counts for one of its heads: lane i has those whose number is i, or i +
/// 32, beyond multiples of kMostSplits.
struct SplitWeights {
    const float* values; ///< of split 0 beyond a multiple
    int first, last;
    float weight[2], total;
};
/// By a warp: splits first .. last of a head, whose first beyond a multiple is `partial`.
__device__ inline SplitWeights weigh_partials(const AttentionParams& p, const Partial& partial, int head,
                                              int first, int last) {
    SplitWeights w;
    w.first = first;
    w.last = last;
    w.values = partial.values;
    float most[2], sum[2];
    for (int i = 0; i < 2; ++i) {
        const int slot = lane_index() + i * kWarpLanes,
                  beyond = (slot - w.first % kMostSplits + kMostSplits) % kMostSplits;
        const bool there = beyond <= w.last - w.first;
        most[i] = there ? partial.most_and_sum[2 * slot] : -INFINITY;
        sum[i] = there ? partial.most_and_sum[2 * slot + 1] : 0.0f;
    }
    float largest = warp_max(fmaxf(most[0], most[1]));
    const float sink = p.sinks ? reinterpret_cast<const float*>(p.sinks->data)[head] : -INFINITY;
    largest = fmaxf(largest, sink);
    for (int i = 0; i < 2; ++i)
        w.weight[i] = most[i] > -INFINITY ? __expf(most[i] - largest) : sum[i];
    w.total = warp_sum(sum[0] * w.weight[0] + sum[1] * w.weight[1]);
    if (p.sinks)
        w.total += __expf(sink - largest);
    w.total /= p.value_scale;
    return w;
}
/// The same of a row; `rank`: of it among those with splits.
__device__ inline SplitWeights weigh_splits(const AttentionParams& p, const RowInput& row, int rank,
                                            int head) {
    const int split = split_of(p, row.position);
    return weigh_partials(p, partial_of(p, rank, head, 0), head, first_token(p, row) / split,
                          row.position / split);
}

/// By a warp: values `first` + kEach * lane and the next kEach - 1 of a head's result, from its splits.
template <int kEach>
struct MergedValues {
    float of[kEach];
};
template <int kEach>
__device__ inline MergedValues<kEach> merge_splits(const AttentionParams& p, const SplitWeights& w,
                                                   int first) {
    struct alignas(4 * kEach) Values {
        float of[kEach];
    };
    const std::int64_t width = kv_groups(p.value_dim) * 32;
    const int value = first + kEach * lane_index();
    const float* values = w.values + (value < width ? value : 0);
    MergedValues<kEach> out = {};
#pragma unroll 8
    for (int s = w.first; s <= w.last; ++s) {
        const int slot = s % kMostSplits;
        const float own = shuffle(slot < kWarpLanes ? w.weight[0] : w.weight[1], slot % kWarpLanes);
        const Values split = *reinterpret_cast<const Values*>(values + slot * width);
        for (int i = 0; i < kEach; ++i)
            out.of[i] = fmaf(own, split.of[i], out.of[i]);
    }
    for (float& x : out.of)
        x = x / w.total;
    return out;
}

} // namespace switchyard::cuda
