#include "kernels/cuda/attention_split.cuh"
#include "kernels/cuda/chosen_kernels.h"
#include "kernels/cuda/kv_rows.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

namespace {

/// What a row attends to with a KV head: tokens from `from` on, then what it chose.
struct ChosenList {
    const std::int32_t* chosen; ///< null: all rows
    int from, near, entries;
};

__device__ ChosenList list_of(const ChosenParams& p, std::int64_t row, int kv_head) {
    const AttentionParams& a = p.attention;
    const std::int32_t position = a.rows[row].position;
    ChosenList list = {nullptr, 0, 0, 0};
    int count = 0;
    if (p.table.chosen) {
        list.chosen = p.table.of(row, kv_head * p.table.choices / a.cache.kv_heads);
        count = p.table.count(position);
    }
    if (!p.made) { // of the last block, what the row sees
        const int last = (list.chosen[count - 1] + 1) * p.table.block;
        list.entries = count * p.table.block - max(last - position - 1, 0);
        return list;
    }
    list.from = a.window > 0 ? max(position - a.window + 1, 0) : 0;
    list.near = position + 1 - list.from;
    list.entries = list.near + (p.table.chosen ? count : p.kept.dim > 0 ? (position + 1) / p.kept.tokens : 0);
    return list;
}

/// Where an entry's key and value lie, and their scales.
struct Entry {
    const std::byte *key, *value;
    const std::uint16_t *key_scales, *value_scales;
    CacheType type;
};
__device__ Entry entry_at(const ChosenParams& p, const ChosenList& list, const KvBlockRef* blocks,
                          int head_number, int number) {
    const KvLayerView& cache = p.attention.cache;
    int token = list.from + number;
    if (!p.made) {
        token = list.chosen[number / p.table.block] * p.table.block + number % p.table.block;
    } else if (number >= list.near) {
        const int row = number - list.near;
        return {
            reinterpret_cast<const std::byte*>(kv_row(p.kept, blocks, list.chosen ? list.chosen[row] : row)),
            nullptr, nullptr, nullptr, CacheType::F16};
    }
    const KvBlockRef block = blocks[token / kKvTokens];
    const KvPlanes& planes = cache.planes[static_cast<int>(block.type)];
    const std::byte* head = kv_head(cache, block, head_number);
    const int own = token % kKvTokens;
    const auto* scales = reinterpret_cast<const std::uint16_t*>(head + planes.key_scales);
    const auto* value_scales = reinterpret_cast<const std::uint16_t*>(head + planes.value_scales);
    return {head + own * planes.key_row, head + planes.values + own * planes.value_row,
            scales + own * kv_groups(cache.key_dim), value_scales + own * kv_groups(cache.value_dim),
            block.type};
}

template <typename T>
__device__ T* shuffle_pointer(T* pointer, int lane) {
    return reinterpret_cast<T*>(shuffle(reinterpret_cast<std::uintptr_t>(pointer), lane));
}

/// 32 keys, or their values, of the lanes' own entries as rows of 16-bit floats, by the `threads` threads of
/// a team. `halves`: that is what they are.
__device__ void bring(const std::byte* from, const std::uint16_t* scales, CacheType type, int count,
                      bool halves, int dims, std::byte* to, int to_row, int thread, int threads) {
    const int groups = kv_groups(dims), pieces = groups * 4, values = groups * 32;
    for (int i = thread; halves && i < kKvTokens * pieces; i += threads) {
        const int entry = i / pieces, piece = i % pieces;
        const std::byte* row = shuffle_pointer(from, entry);
        if (entry < count)
            async_copy(to + entry * to_row + piece * 16, row + piece * 16);
    }
    for (int i = thread; !halves && i < kKvTokens * values; i += threads) {
        const int entry = i / values, d = i % values; // the same entry in all lanes of a warp
        const std::byte* row = shuffle_pointer(from, entry);
        const std::uint16_t* own = shuffle_pointer(scales, entry);
        const auto kind = static_cast<CacheType>(shuffle(static_cast<std::int32_t>(type), entry));
        if (entry < count)
            reinterpret_cast<std::uint16_t*>(to + entry * to_row)[d] =
                float_to_half(kv_value(kind, row, own, d));
    }
}

/// Starts bringing entries first .. first + count - 1 to where a block of 32 tokens is staged.
__device__ void stage_entries(const ChosenParams& p, const ChosenList& list, const AttendWork& work,
                              int first, int count, std::byte* to, int thread, int threads) {
    const KvLayerView& cache = p.attention.cache;
    const KvBlockRef* blocks = p.attention.blocks + p.attention.rows[work.tile.row].first_block;
    const int own = first + min(lane_index(), count - 1);
    const Entry entry = entry_at(p, list, blocks, work.kv_head, own);
    const bool halves = ballot(entry.type != CacheType::F16) == 0;
    const StagedBlock staged = staged_block(cache, CacheType::F16, to);
    const auto at = [&](const std::byte* part) { return to + (part - to); };
    bring(entry.key, entry.key_scales, entry.type, count, halves, cache.key_dim, at(staged.keys),
          staged.key_row, thread, threads);
    if (cache.value_dim > 0)
        bring(entry.value, entry.value_scales, entry.type, count, halves, cache.value_dim, at(staged.values),
              staged.value_row, thread, threads);
}

/// A split of a list, as attend_split() has one of a context.
template <int kTeam>
__device__ void attend_list(const ChosenParams& p, const ChosenList& list, AttendShared& shared) {
    constexpr int kTeamThreads = kTeam * kWarpLanes;
    const AttentionParams& a = p.attention;
    const AttendWork& work = shared.work;
    const int thread = static_cast<int>(threadIdx.x), number = thread / kTeamThreads;
    const int queries = staged_queries(a.cache.key_dim),
              size = staged_bytes(a.cache.key_dim, a.cache.value_dim),
              fitting = (a.split_buffer - queries) / size;
    const int teams = min(kAttendThreads / kTeamThreads, fitting), depth = fitting >= 2 * teams ? 2 : 1;
    std::byte* stages = buffer_of(shared) + queries + number * depth * size;
    const int blocks = (work.end - work.begin + kKvTokens - 1) / kKvTokens,
              rounds = (blocks + teams - 1) / teams;
    const auto count_of = [&](int round) { // of the team's block
        const int block = round * teams + number;
        return number < teams && block < blocks ? min(work.end - work.begin - block * kKvTokens, kKvTokens)
                                                : 0;
    };
    const auto stage = [&](int round) {
        if (const int count = count_of(round); count > 0)
            stage_entries(p, list, work, work.begin + (round * teams + number) * kKvTokens, count,
                          stages + round % depth * size, thread % kTeamThreads, kTeamThreads);
    };
    for (int i = 0; i < depth; ++i) {
        stage(i);
        async_commit();
    }
    auto* q = reinterpret_cast<FragmentWords*>(buffer_of(shared));
    BufferedQueries source{a};
    stage_queries(a, work, source, work.tile.row, 1, warp_index(), kAttendThreads / kWarpLanes, q,
                  shared.queries);
    sync_block();
    if (thread < kQueryTile) { // positions in the list
        shared.queries.first[thread] = 0;
        shared.queries.last[thread] = thread < work.heads ? list.entries - 1 : -1;
    }
    const Team team = {q,
                       &shared.queries,
                       &shared.scores,
                       thread % kTeamThreads / kWarpLanes,
                       kv_groups(a.value_dim),
                       kTeam == 1 ? kWarpValueGroups : (kv_groups(a.value_dim) + kTeam - 1) / kTeam,
                       work.heads > 8};
    Attended<warp_value_groups(kTeam)> attended;
    sync_block();
    for (int round = 0; round < rounds; ++round) {
        if (depth == 2)
            async_wait<1>();
        else
            async_wait<0>();
        if constexpr (kTeam > 1)
            sync_block();
        else
            sync_warp();
        attend_block<kTeam>(team, staged_block(a.cache, CacheType::F16, stages + round % depth * size),
                            work.begin + (round * teams + number) * kKvTokens, 0, count_of(round), attended);
        if (round + depth < rounds) {
            if constexpr (kTeam > 1)
                sync_block();
            else
                sync_warp();
            stage(round + depth);
        }
        async_commit(); // as many groups as rounds
    }
    store_split<kTeam, kAttendThreads>(a, shared, team, number, attended);
}

} // namespace

static __global__ void __launch_bounds__(kAttendThreads, 2)
    attend_chosen(const __grid_constant__ ChosenParams p) {
    AttendShared& shared = shared_memory<AttendShared>();
    wait_for_previous();
    let_next_start();
    const AttentionParams& a = p.attention;
    const int row = static_cast<int>(blockIdx.y);
    if (a.rows[row].position < 0)
        return;
    const int per = heads_per_kv(a), tiles = query_head_tiles(per), together = a.cache.kv_heads * tiles;
    const int piece = static_cast<int>(blockIdx.x) % together,
              split = static_cast<int>(blockIdx.x) / together;
    const ChosenList list = list_of(p, row, piece / tiles);
    const int size = chosen_split(list.entries);
    if (split * size >= list.entries)
        return;
    if (threadIdx.x == 0) {
        AttendWork& work = shared.work;
        work.tile = {row, 1, 0, 0};
        work.kv_head = piece / tiles;
        work.first_head = work.kv_head * per + piece % tiles * kQueryTile;
        work.heads = min(kQueryTile, per - piece % tiles * kQueryTile);
        work.split = split;
        work.begin = split * size;
        work.end = min(list.entries, work.begin + size);
        work.rank = row;
    }
    sync_block();
    if (attention_team(a.value_dim) == 1)
        attend_list<1>(p, list, shared);
    else
        attend_list<4>(p, list, shared);
}

static __global__ void __launch_bounds__(kMergeThreads, 8)
    chosen_merge(const __grid_constant__ ChosenParams p) {
    wait_for_previous();
    let_next_start();
    const AttentionParams& a = p.attention;
    const int row = static_cast<int>(blockIdx.x) / a.heads, head = static_cast<int>(blockIdx.x) % a.heads;
    const int group = static_cast<int>(blockIdx.y) * (kMergeThreads / kWarpLanes) + warp_index();
    if (a.rows[row].position < 0 || group >= kv_groups(a.value_dim))
        return;
    const int entries = list_of(p, row, head / heads_per_kv(a)).entries;
    const Partial partial = partial_of(a, row, head, 0);
    const SplitWeights weights = weigh_partials(a, partial, head, 0, (entries - 1) / chosen_split(entries));
    const float out = merge_splits<1>(a, weights, group * 32).of[0];
    const int value = group * 32 + lane_index();
    if (value < a.value_dim)
        a.out[(std::int64_t{row} * a.heads + head) * a.value_dim + value] = out;
}

SWITCHYARD_CHOSEN_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
