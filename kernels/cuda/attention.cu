#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/kv_cache.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

namespace {

constexpr int kWarps = kAttendThreads / kWarpLanes;
constexpr int kMostValueGroups = kMostValueDim / 32 / kWarps; ///< of a warp
__device__ int lane_here() { return thread_index_here() % kWarpLanes; }
__device__ int warp_here() { return thread_index_here() / kWarpLanes; }

/// Keys that are values as well are read twice: so many tokens at once that they are still near.
constexpr int kLatentTokens = 64;

__device__ int heads_per_kv(const AttentionParams& p) { return p.heads / p.cache.kv_heads; }
/// A power of two, so that tiles end where splits do.
__device__ int most_tile_rows(const AttentionParams& p) {
    int rows = 1;
    while (2 * rows * heads_per_kv(p) <= kQueryTile)
        rows *= 2;
    return rows;
}
__device__ int first_token(const AttentionParams& p, const RowInput& row) {
    const int window = row.window > 0 ? row.window : p.window;
    return window > 0 ? max(0, row.position - window + 1) : 0;
}
__device__ bool follows(const RowInput& row, const RowInput& before) {
    return row.position == before.position + 1 && row.first_block == before.first_block;
}
/// Tiles that the query heads of a KV head make.
__device__ int head_tiles(const AttentionParams& p) {
    return (heads_per_kv(p) + kQueryTile - 1) / kQueryTile;
}
__device__ bool few_heads(const AttentionParams& p) { return p.cache.kv_heads * head_tiles(p) <= 2; }

__device__ RowTile tile_at(const AttentionParams& p, int row) {
    const int most = most_tile_rows(p);
    RowTile tile = {row, 0, 0, 0, 1};
    if (row >= p.row_count || p.rows[row].position < 0)
        return tile;
    const int position = p.rows[row].position;
    if (position % most != 0 && row > 0 && follows(p.rows[row], p.rows[row - 1]))
        return tile;
    tile.rows = 1;
    tile.from = first_token(p, p.rows[row]);
    while ((position + tile.rows) % most != 0 && row + tile.rows < p.row_count &&
           follows(p.rows[row + tile.rows], p.rows[row + tile.rows - 1])) {
        tile.from = min(tile.from, first_token(p, p.rows[row + tile.rows]));
        ++tile.rows;
    }
    tile.last = position + tile.rows - 1;
    tile.split = attention_split(position, few_heads(p));
    return tile;
}

/// How many pieces of work begin with a row.
__device__ int work_of(const AttentionParams& p, int row) {
    const RowTile tile = tile_at(p, row);
    const int splits = tile.rows > 0 ? tile.last / tile.split - tile.from / tile.split + 1 : 0;
    return splits * p.cache.kv_heads * head_tiles(p);
}

__device__ AttendWork work_at(const AttentionParams& p, int row, int piece) {
    const int per = heads_per_kv(p), tiles = head_tiles(p), together = p.cache.kv_heads * tiles;
    const int head_tile = piece % tiles;
    AttendWork work;
    work.tile = tile_at(p, row);
    work.begin = (work.tile.from / work.tile.split + piece / together) * work.tile.split;
    work.kv_head = piece % together / tiles;
    work.first_head = work.kv_head * per + head_tile * kQueryTile;
    work.heads = min(kQueryTile, per - head_tile * kQueryTile);
    return work;
}

/// A query's values into shared memory, a warp two queries.
__device__ void load_queries(const AttentionParams& p, AttendShared& shared) {
    const AttendWork& work = shared.work;
    const int lane = lane_here(), groups = kv_groups(p.cache.key_dim);
    const int queries = work.tile.rows * work.heads;
    for (int query = warp_here(); query < kQueryTile; query += kWarps) {
        const bool used = query < queries;
        const int r = used ? query / work.heads : 0, row = work.tile.row + r;
        const std::int64_t head = work.first_head + (used ? query % work.heads : 0);
        const float* q = p.q + (std::int64_t{row} * p.heads + head) * p.cache.key_dim;
        float most = 0.0f;
        for (int g = 0; used && g < groups; ++g) {
            const int d = g * 32 + lane;
            most = fmaxf(most, d < p.cache.key_dim ? fabsf(q[d] * p.scale) : 0.0f);
        }
        // Divided by a power of two, the largest is in 2^8 .. 2^9.
        const std::uint32_t power = max(float_bits(warp_max(most)) & 0x7f800000u, 0x0d800000u);
        const float inverse = bits_float(0x7f000000u - power) * 256.0f;
        auto* halves = reinterpret_cast<std::uint16_t*>(shared.q);
        for (int g = 0; g < groups; ++g) {
            const int d = g * 32 + lane;
            const float x = used && d < p.cache.key_dim ? q[d] * p.scale * inverse : 0.0f;
            const std::uint16_t first = float_to_half(x);
            const int place = ((g * 4 + query / 8) * kWarpLanes + query % 8 * 4) * 8 + lane;
            halves[place] = first;
            halves[place + 2 * kWarpLanes * 8] = float_to_half(x - half_to_float(first));
        }
        if (lane == 0) {
            shared.query_scale[query] = bits_float(power) * (1.0f / 256.0f);
            shared.most[query] = -INFINITY;
            shared.sum[query] = 0.0f;
            shared.first[query] = used ? first_token(p, p.rows[row]) : 0;
            shared.last[query] = used ? p.rows[row].position : -1;
        }
    }
}

/// Scores of the tile's queries with kTiles * 8 tokens of a block from `token` on: sums as mma_half's c.
template <CacheType kType, int kTiles>
__device__ void score_tokens(const AttendShared& shared, const KvPlanes& planes, const std::byte* keys,
                             int token, int groups, bool both, float (&sum)[kTiles][4]) {
    const int lane = lane_here(), g = lane / 4, t = lane % 4;
    const std::byte* row = keys + std::int64_t{token + g} * planes.key_row;
    const auto* scales = reinterpret_cast<const std::uint16_t*>(keys + planes.key_scales);
    SWITCHYARD_UNROLL(1)
    for (int group = 0; group < groups; ++group) {
        FragmentWords b[kTiles];
        for (int n = 0; n < kTiles; ++n)
            b[n] = key_words<kType>(
                row + std::int64_t{8 * n} * planes.key_row + group * kv_group_bytes(kType), t);
        float fresh[kTiles][4] = {};
        for (int part = 0; part < 2; ++part) {
            const FragmentWords* from = shared.q + (group * 4 + part * 2) * kWarpLanes + lane;
            const FragmentWords low = from[0], high = both ? from[kWarpLanes] : FragmentWords{{0, 0, 0, 0}};
            for (int step = 0; step < 2; ++step) {
                const std::uint32_t a[4] = {low.word[2 * step], high.word[2 * step], low.word[2 * step + 1],
                                            high.word[2 * step + 1]};
                for (int n = 0; n < kTiles; ++n)
                    mma_half(kv_has_scales(kType) ? fresh[n] : sum[n], a,
                             {b[n].word[2 * step], b[n].word[2 * step + 1]});
            }
        }
        if constexpr (kv_has_scales(kType))
            for (int n = 0; n < kTiles; ++n)
                for (int i = 0; i < 4; ++i) {
                    const int own = token + 8 * n + 2 * t + i % 2;
                    sum[n][i] = fmaf(half_to_float(scales[own * groups + group]), fresh[n][i], sum[n][i]);
                }
    }
}

/// Scores of all tokens from `begin` up to `end` of a chunk into shared memory. `block`: lane i's is the
/// chunk's block i.
template <int kTiles>
__device__ void score_chunk(const AttentionParams& p, AttendShared& shared, const KvBlockRef& block,
                            int chunk, int begin, int end) {
    const AttendWork& work = shared.work;
    constexpr int kTokens = kTiles * 8;
    const int lane = lane_here(), g = lane / 4, t = lane % 4, groups = kv_groups(p.cache.key_dim);
    const bool both = work.tile.rows * work.heads > 8;
    for (int unit = warp_here(); chunk + unit * kTokens < end; unit += kWarps) {
        const int token = unit * kTokens; // of the chunk
        const auto data = shuffle(reinterpret_cast<std::uint64_t>(block.data), token / kKvTokens);
        const auto type = static_cast<CacheType>(shuffle(static_cast<int>(block.type), token / kKvTokens));
        if (chunk + token + kTokens <= begin)
            continue;
        const KvBlockRef own = {reinterpret_cast<std::byte*>(data), type, 0};
        const KvPlanes& planes = p.cache.planes[static_cast<int>(type)];
        const std::byte* keys = kv_head(p.cache, own, work.kv_head);
        float sum[kTiles][4] = {};
        switch (type) {
        case CacheType::F16:
            score_tokens<CacheType::F16>(shared, planes, keys, token % kKvTokens, groups, both, sum);
            break;
        case CacheType::Q8_0:
            score_tokens<CacheType::Q8_0>(shared, planes, keys, token % kKvTokens, groups, both, sum);
            break;
        case CacheType::Q4_0:
            score_tokens<CacheType::Q4_0>(shared, planes, keys, token % kKvTokens, groups, both, sum);
            break;
        case CacheType::FP8:
            score_tokens<CacheType::FP8>(shared, planes, keys, token % kKvTokens, groups, both, sum);
            break;
        }
        for (int n = 0; n < kTiles; ++n)
            for (int i = 0; i < 4; ++i)
                shared.scores[g + i / 2 * 8][token + 8 * n + 2 * t + i % 2] = sum[n][i];
    }
}

/// Softmax's weights of a chunk's tokens, a warp two queries; running maximum and sum.
__device__ void weigh_chunk(AttendShared& shared, int chunk, int end) {
    constexpr int kOfLane = kScoreTokens / kWarpLanes;
    const int lane = lane_here();
    for (int query = warp_here(); query < kQueryTile; query += kWarps) {
        const int first = shared.first[query], last = shared.last[query];
        const float scale = shared.query_scale[query], before = shared.most[query];
        float score[kOfLane], most = before;
        for (int i = 0; i < kOfLane; ++i) {
            const int token = chunk + i * kWarpLanes + lane;
            const bool seen = token >= first && token <= last && token < end;
            score[i] = seen ? shared.scores[query][i * kWarpLanes + lane] * scale : -INFINITY;
            most = fmaxf(most, score[i]);
        }
        most = warp_max(most);
        const bool any = most > -INFINITY;
        float sum = 0.0f;
        auto* halves = reinterpret_cast<std::uint16_t*>(shared.weights);
        for (int i = 0; i < kOfLane && chunk + i * kWarpLanes < end; ++i) {
            // A score that is no number gives a weight that is none.
            const float weight = score[i] == -INFINITY || !any ? (score[i] == score[i] ? 0.0f : score[i])
                                                               : __expf(score[i] - most);
            sum += weight;
            const int step = i * 2 + lane / 16, k = lane % 16;
            const int place =
                (step * 2 * kWarpLanes + query % 8 * 4 + k % 8 / 2) * 8 + (query / 8 + k / 8 * 2) * 2 + k % 2;
            const std::uint16_t part = float_to_half(weight);
            halves[place] = part;
            halves[place + kWarpLanes * 8] = float_to_half(weight - half_to_float(part));
        }
        sum = warp_sum(sum);
        if (lane == 0) {
            const float correction = before > -INFINITY ? __expf(before - most) : 1.0f;
            shared.correction[query] = correction;
            shared.most[query] = most;
            shared.sum[query] = fmaf(shared.sum[query], correction, sum);
        }
    }
}

/// Adds a block's weighted values, 32 tokens, to the sums of a warp's groups of 32 values.
template <CacheType kType>
__device__ void add_values(const AttendShared& shared, const std::byte* values, std::int64_t row_bytes,
                           const std::uint16_t* scales, int scale_groups, int step, int first, int last,
                           int group, int groups, float (&acc)[kMostValueGroups][4][4]) {
    const int lane = lane_here(), g = lane / 4, t = lane % 4;
    for (int half = 0; half < 2; ++half) {
        const FragmentWords* weights = shared.weights + (step + half) * 2 * kWarpLanes + lane;
        const FragmentWords one = weights[0], two = weights[kWarpLanes];
        int token[4];
        bool seen[4]; // by some query; what else is there may be anything
        for (int i = 0; i < 4; ++i) {
            token[i] = half * 16 + 2 * t + i % 2 + i / 2 * 8;
            seen[i] = token[i] >= first && token[i] < last;
        }
        SWITCHYARD_UNROLL(kMostValueGroups)
        for (int k = 0; k < kMostValueGroups; ++k) {
            const int own = group + k * kWarps;
            if (own >= groups || (k > 0 && groups < kWarps))
                continue;
            TwoWords words[4];
            for (int i = 0; i < 4; ++i)
                words[i] =
                    seen[i]
                        ? value_words<kType>(values + token[i] * row_bytes + own * kv_group_bytes(kType), g)
                        : TwoWords{{0, 0}};
            std::uint32_t b[4][2];
            for (int j = 0; j < 4; ++j)
                for (int i = 0; i < 2; ++i)
                    b[j][i] = value_pair<kType>(words[2 * i], words[2 * i + 1], j);
            if constexpr (!kv_has_scales(kType)) {
                for (int j = 0; j < 4; ++j) {
                    mma_half(acc[k][j], one.word, b[j]);
                    mma_half(acc[k][j], two.word, b[j]);
                }
                continue;
            }
            // Weights times scales, again as pairs: divided by a power of two a query, as they may be small.
            float scale[4], most[2] = {0.0f, 0.0f}, x[4][2];
            for (int i = 0; i < 4; ++i)
                scale[i] = seen[i] ? half_to_float(scales[token[i] * scale_groups + own]) : 0.0f;
            for (int i = 0; i < 4; ++i) // word i: query g + i % 2 * 8, tokens i / 2 * 2 and the next
                for (int n = 0; n < 2; ++n) {
                    x[i][n] = (half_to_float(static_cast<std::uint16_t>(one.word[i] >> 16 * n)) +
                               half_to_float(static_cast<std::uint16_t>(two.word[i] >> 16 * n))) *
                              scale[i / 2 * 2 + n];
                    most[i % 2] = fmaxf(most[i % 2], fabsf(x[i][n]));
                }
            float power[2], inverse[2];
            for (int i = 0; i < 2; ++i) {
                most[i] = fmaxf(most[i], shuffle_xor(most[i], 1));
                most[i] = fmaxf(most[i], shuffle_xor(most[i], 2));
                const std::uint32_t bits = max(float_bits(most[i]) & 0x7f800000u, 0x0d800000u);
                power[i] = bits_float(bits);
                inverse[i] = bits_float(0x7f000000u - bits);
            }
            std::uint32_t a[2][4];
            for (int i = 0; i < 4; ++i) {
                const HalfPairs pair = split_halves(x[i][0] * inverse[i % 2], x[i][1] * inverse[i % 2]);
                a[0][i] = pair.first;
                a[1][i] = pair.second;
            }
            for (int j = 0; j < 4; ++j) {
                float fresh[4] = {};
                mma_half(fresh, a[0], b[j]);
                mma_half(fresh, a[1], b[j]);
                for (int i = 0; i < 4; ++i)
                    acc[k][j][i] = fmaf(power[i / 2], fresh[i], acc[k][j][i]);
            }
        }
    }
}

/// How a warp's share of the values is cut: warps take groups of 32 values; where those are few, several
/// share one and take blocks in turn.
struct ValueShare {
    int groups, parts, group, part;
};
__device__ ValueShare value_share(int value_dim) {
    const int groups = kv_groups(value_dim);
    if (groups >= kWarps)
        return {groups, 1, warp_here(), 0};
    return {groups, kWarps / groups, warp_here() % groups, warp_here() / groups};
}

__device__ void add_chunk(const AttentionParams& p, const AttendShared& shared, const ValueShare& share,
                          const KvBlockRef& block, int chunk, int begin, int end,
                          float (&acc)[kMostValueGroups][4][4]) {
    const AttendWork& work = shared.work;
    const bool latent = p.cache.value_dim == 0;
    const int scale_groups = latent ? kv_groups(p.cache.key_dim) : share.groups;
    for (int b = 0; chunk + b * kKvTokens < end; ++b) {
        const auto data = shuffle(reinterpret_cast<std::uint64_t>(block.data), b);
        const auto type = static_cast<CacheType>(shuffle(static_cast<int>(block.type), b));
        const int first = begin - chunk - b * kKvTokens, last = end - chunk - b * kKvTokens;
        if (b % share.parts != share.part || first >= kKvTokens)
            continue;
        const KvBlockRef own = {reinterpret_cast<std::byte*>(data), type, 0};
        const KvPlanes& planes = p.cache.planes[static_cast<int>(type)];
        const std::byte* head = kv_head(p.cache, own, work.kv_head);
        const std::byte* values = head + (latent ? 0 : planes.values);
        const std::int64_t row_bytes = latent ? planes.key_row : planes.value_row;
        const auto* scales =
            reinterpret_cast<const std::uint16_t*>(head + (latent ? planes.key_scales : planes.value_scales));
        const auto add = [&]<CacheType kType>() {
            add_values<kType>(shared, values, row_bytes, scales, scale_groups, 2 * b, first, last,
                              share.group, share.groups, acc);
        };
        switch (type) {
        case CacheType::F16:
            add.template operator()<CacheType::F16>();
            break;
        case CacheType::Q8_0:
            add.template operator()<CacheType::Q8_0>();
            break;
        case CacheType::Q4_0:
            add.template operator()<CacheType::Q4_0>();
            break;
        case CacheType::FP8:
            add.template operator()<CacheType::FP8>();
            break;
        }
    }
}

/// Where a split's values of a query go, and its maximum and sum.
struct Partial {
    float* values;
    float* most_and_sum;
};
__device__ Partial partial_of(const AttentionParams& p, std::int64_t row, std::int64_t head, int split) {
    const std::int64_t width = kv_groups(p.value_dim) * 32,
                       at = (row * p.heads + head) * kMostSplits + split % kMostSplits;
    return {p.partials + at * width,
            p.partials + std::int64_t{p.row_count} * p.heads * kMostSplits * width + 2 * at};
}

/// A split's result. Warps that share a group of values add theirs in order.
__device__ void store_split(const AttentionParams& p, AttendShared& shared, const ValueShare& share,
                            const float (&acc)[kMostValueGroups][4][4]) {
    const AttendWork& work = shared.work;
    const int lane = lane_here(), g = lane / 4, t = lane % 4, queries = work.tile.rows * work.heads;
    const int split = work.begin / work.tile.split;
    const auto partial = [&](int query) {
        return partial_of(p, work.tile.row + query / work.heads, work.first_head + query % work.heads, split);
    };
    const int thread = thread_index_here();
    if (thread < queries) {
        float* at = partial(thread).most_and_sum;
        at[0] = shared.most[thread];
        at[1] = shared.sum[thread];
    }
    float* shares = &shared.scores[0][0]; // [part][query][groups * 32]
    const int width = share.groups * 32;
    SWITCHYARD_UNROLL(kMostValueGroups)
    for (int k = 0; k < kMostValueGroups; ++k) {
        const int own = share.group + k * kWarps;
        if (own >= share.groups || (k > 0 && share.groups < kWarps) || share.part >= share.parts)
            continue;
        for (int i = 0; i < 4; ++i) { // query g + i / 2 * 8, values from 8t + i % 2 * 4 on
            const int query = g + i / 2 * 8, value = own * 32 + 8 * t + i % 2 * 4;
            const FragmentWords four = {{float_bits(acc[k][0][i]), float_bits(acc[k][1][i]),
                                         float_bits(acc[k][2][i]), float_bits(acc[k][3][i])}};
            float* to = share.parts > 1   ? shares + (share.part * kQueryTile + query) * width + value
                        : query < queries ? partial(query).values + value
                                          : nullptr;
            if (to)
                *reinterpret_cast<FragmentWords*>(to) = four;
        }
    }
    if (share.parts == 1)
        return;
    sync_block();
    for (int i = thread; i < queries * width; i += kAttendThreads) {
        float sum = shares[i];
        for (int part = 1; part < share.parts; ++part)
            sum += shares[part * kQueryTile * width + i];
        partial(i / width).values[i % width] = sum;
    }
}

__device__ void attend_split(const AttentionParams& p, AttendShared& shared) {
    const AttendWork& work = shared.work;
    load_queries(p, shared);
    sync_block();
    const ValueShare share = value_share(p.value_dim);
    float acc[kMostValueGroups][4][4] = {};
    const int size = p.cache.value_dim == 0 ? kLatentTokens : kScoreTokens;
    const int g = lane_here() / 4;
    const int split_end = min(work.begin + work.tile.split, work.tile.last + 1);
    for (int chunk = work.begin; chunk < split_end; chunk += size) {
        const int begin = max(chunk, work.tile.from), end = min(chunk + size, split_end);
        if (begin >= end)
            continue;
        const int own = chunk / kKvTokens + lane_here();
        const KvBlockRef block =
            p.blocks[p.rows[work.tile.row].first_block + min(own, (end - 1) / kKvTokens)];
        if (end - chunk > kLatentTokens)
            score_chunk<2>(p, shared, block, chunk, begin, end);
        else
            score_chunk<1>(p, shared, block, chunk, begin, end);
        sync_block();
        weigh_chunk(shared, chunk, end);
        sync_block();
        const float correction[2] = {shared.correction[g], shared.correction[g + 8]};
        for (auto& group : acc)
            for (auto& tile : group)
                for (int i = 0; i < 4; ++i)
                    tile[i] *= correction[i / 2];
        if (share.part < share.parts)
            add_chunk(p, shared, share, block, chunk, begin, end, acc);
    }
    store_split(p, shared, share, acc);
    sync_block(); // before shared memory is written again
}

} // namespace

static __global__ void __launch_bounds__(kAttendThreads, 2)
    attend(const __grid_constant__ AttentionParams p) {
    AttendShared& shared = shared_memory<AttendShared>();
    wait_for_previous();
    let_next_start();
    int item = static_cast<int>(blockIdx.x), done = 0;
    // 32 rows at a time: how much work each has, and which is this block's.
    for (int rows = 0; rows < p.row_count; rows += kWarpLanes) {
        const int count = work_of(p, rows + lane_index());
        int until = count; // this row's and that before it
        for (int distance = 1; distance < kWarpLanes; distance *= 2) {
            const int before = shuffle_up(until, distance);
            until += lane_index() >= distance ? before : 0;
        }
        const int all = shuffle(until, kWarpLanes - 1);
        for (; item < done + all; item += static_cast<int>(gridDim.x)) {
            const int owner = lowest_bit(ballot(done + until > item));
            if (static_cast<int>(threadIdx.x) == owner)
                shared.work = work_at(p, rows + owner, item - done - (until - count));
            sync_block();
            attend_split(p, shared);
        }
        done += all;
    }
}

static __global__ void __launch_bounds__(kMergeThreads, 8)
    attend_merge(const __grid_constant__ AttentionParams p) {
    wait_for_previous();
    let_next_start();
    const std::int64_t row = blockIdx.x / p.heads, head = blockIdx.x % p.heads;
    const RowInput& input = p.rows[row];
    const int lane = lane_index(), groups = kv_groups(p.value_dim);
    const int group = static_cast<int>(blockIdx.y) * (kMergeThreads / kWarpLanes) + warp_index();
    if (input.position < 0 || group >= groups)
        return;
    const int split = attention_split(input.position, few_heads(p));
    const int first = first_token(p, input) / split, last = input.position / split;
    // Lane i has the splits whose number is i, or i + 32, beyond multiples of 64.
    const float* maxima = partial_of(p, row, head, 0).most_and_sum;
    float most[2], sum[2];
    for (int i = 0; i < 2; ++i) {
        const int slot = lane + i * kWarpLanes,
                  beyond = (slot - first % kMostSplits + kMostSplits) % kMostSplits;
        const bool there = beyond <= last - first;
        most[i] = there ? maxima[2 * slot] : -INFINITY;
        sum[i] = there ? maxima[2 * slot + 1] : 0.0f;
    }
    float largest = warp_max(fmaxf(most[0], most[1]));
    const float sink = p.sinks ? reinterpret_cast<const float*>(p.sinks->data)[head] : -INFINITY;
    largest = fmaxf(largest, sink);
    float weight[2];
    for (int i = 0; i < 2; ++i)
        weight[i] = most[i] > -INFINITY ? __expf(most[i] - largest) : sum[i];
    float total = warp_sum(sum[0] * weight[0] + sum[1] * weight[1]);
    if (p.sinks)
        total += __expf(sink - largest);
    const float* values = partial_of(p, row, head, 0).values + group * 32 + lane;
    float out = 0.0f;
    SWITCHYARD_UNROLL(8)
    for (int s = first; s <= last; ++s) {
        const int slot = s % kMostSplits;
        const float own = shuffle(slot < kWarpLanes ? weight[0] : weight[1], slot % kWarpLanes);
        out = fmaf(own, values[std::int64_t{slot} * groups * 32], out);
    }
    const int value = group * 32 + lane;
    if (value < p.value_dim)
        p.out[(row * p.heads + head) * p.value_dim + value] = out / total;
}

SWITCHYARD_ATTENTION_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
