// What a team of warps does with a tile of up to 16 queries and blocks of 32 tokens (attention_kernels.h).
#pragma once

#include "kernels/cuda/attention.cuh"
#include "kernels/cuda/kv_cache.cuh"

namespace switchyard::cuda {

// ---- Rows whose queries share keys

__device__ inline int first_token(const AttentionParams& p, const RowInput& row) {
    const int window = row.window > 0 ? row.window : p.window;
    const int first = window > 0 ? max(0, row.position - window + 1) : 0;
    return p.chunk > 0 ? max(first, row.position / p.chunk * p.chunk) : first;
}
/// What a row's queries are multiplied with.
__device__ inline float query_scale(const AttentionParams& p, const RowInput& row) {
    if (p.heat == 0.0f)
        return p.scale;
    const auto steps = static_cast<float>((row.position + p.heat_offset) / p.heat_length);
    return p.scale * (1.0f + p.heat * log1pf(steps));
}
__device__ inline bool follows(const RowInput& row, const RowInput& before) {
    return row.position == before.position + 1 && row.first_block == before.first_block &&
           row.prompt == before.prompt && row.decompressed == before.decompressed;
}
/// Whether attention takes the row by splits, or with the others of its prompt.
__device__ inline bool takes(const RowInput& row, bool prompt) {
    return row.position >= 0 && (row.prompt != 0) == prompt;
}

/// The tile that begins with a row. Tiles of at most `most` rows end at multiples of it.
__device__ inline RowTile tile_at(const AttentionParams& p, int row, int most, bool prompt) {
    RowTile tile = {row, 0, 0, 0};
    if (row >= p.row_count || !takes(p.rows[row], prompt) ||
        (prompt && p.form >= 0 && p.rows[row].decompressed != p.form))
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
    return tile;
}

struct StagedBlock;

/// Where attention has its queries from, and which tokens are not in the cache yet: here from the buffer of
/// queries, and the launch in front writes the tokens of the batch's own rows.
struct BufferedQueries {
    static constexpr int kThreads = kAttendThreads; ///< of a block
    static constexpr bool kCaps = true;             ///< scores may have a cap
    const AttentionParams& p;

    /// By the block, before it reads what launches in front wrote.
    __device__ static void wait() { wait_for_previous(); }
    /// A sequence's rows stand together in the batch: what is before them was there before the step, and no
    /// launch in front of this one touches it.
    __device__ int cached_until(const AttendWork& work) const {
        return p.rows[work.tile.row].position - work.tile.row - p.rows_before;
    }
    /// By the block, behind the wait for the launch in front.
    __device__ void begin(const AttendWork&) {}
    /// How many tokens of a block there are to copy, of `last`.
    __device__ int copied(int, int last) const { return last; }
    /// By all lanes of a warp; valid until the next call.
    __device__ const float* query(int row, std::int64_t head) const {
        return p.q + (std::int64_t{row} * p.heads + head) * p.cache.key_dim;
    }
    /// By the `threads` threads that staged a block: adds to it what was not to be copied.
    __device__ void complete(int, const StagedBlock&, int, int) {}
    /// Whether complete() adds something to one of `count` blocks from `first` on.
    __device__ static bool completes(int, int) { return false; }
};

/// A team's queries into shared memory as pairs of 16-bit floats, [32 dimensions][first, second][queries 0..,
/// 8..][lane]: lane 4g + t has dimensions 8t .. 8t + 7 of query g. Each is divided by a power of two, so
/// that its largest value is in 2^8 .. 2^9. `warp` of `warps` does its share; `rows` of them are there.
/// `source.query(row, head)` says where a query is, to all lanes of a warp.
template <class Queries>
__device__ inline void stage_queries(const AttentionParams& p, const AttendWork& work, Queries& source,
                                     int first_row, int rows, int warp, int warps, FragmentWords* to,
                                     QueryTile& queries) {
    const int lane = lane_index(), groups = kv_groups(p.cache.key_dim);
    auto* halves = reinterpret_cast<std::uint16_t*>(to);
    for (int query = warp; query < kQueryTile; query += warps) {
        const bool used = query < rows * work.heads;
        const int row = first_row + (used ? query / work.heads : 0);
        const std::int64_t head = work.first_head + (used ? query % work.heads : 0);
        const float* q = used ? source.query(row, head) : nullptr;
        const float scale = used ? query_scale(p, p.rows[row]) : 0.0f;
        float most = 0.0f;
        for (int g = 0; used && g < groups; ++g) {
            const int d = g * 32 + lane;
            most = fmaxf(most, d < p.cache.key_dim ? fabsf(q[d] * scale) : 0.0f);
        }
        const std::uint32_t power = max(float_bits(warp_max(most)) & 0x7f800000u, 0x0d800000u);
        const float inverse = bits_float(0x7f000000u - power) * 256.0f;
        for (int g = 0; g < groups; ++g) {
            const int d = g * 32 + lane;
            const float x = used && d < p.cache.key_dim ? q[d] * scale * inverse : 0.0f;
            const std::uint16_t first = float_to_half(x);
            const int place = ((g * 4 + query / 8) * kWarpLanes + query % 8 * 4) * 8 + lane;
            halves[place] = first;
            halves[place + 2 * kWarpLanes * 8] = float_to_half(x - half_to_float(first));
        }
        if (lane == 0) {
            queries.scale[query] = bits_float(power) * (1.0f / 256.0f);
            queries.first[query] = used ? first_token(p, p.rows[row]) : 0;
            queries.last[query] = used ? p.rows[row].position : -1;
            if (query == 0)
                queries.cap = p.cap;
        }
    }
}

// ---- Blocks in shared memory

/// What a launch has of shared memory behind the kernel's struct.
template <typename Shared>
__device__ inline std::byte* buffer_of(Shared& shared) {
    static_assert(sizeof(Shared) % 16 == 0);
    return reinterpret_cast<std::byte*>(&shared) + sizeof(Shared);
}

struct StagedBlock {
    const std::byte *keys, *values;
    const std::uint16_t *key_scales, *value_scales;
    std::int32_t key_row, value_row;       ///< bytes from token to token
    std::int32_t key_groups, value_groups; ///< of 32; also from token to token of scales
    CacheType type;
};

/// Where the parts of a block are that was staged at `at`.
__device__ inline StagedBlock staged_block(const KvLayerView& cache, CacheType type, const std::byte* at) {
    const KvPlanes& planes = cache.planes[static_cast<int>(type)];
    const bool latent = cache.value_dim == 0;
    StagedBlock block;
    block.type = type;
    block.key_groups = kv_groups(cache.key_dim);
    block.keys = at;
    block.key_row = staged_row(planes.key_row, latent ? 16 : kv_group_bytes(type));
    at += kKvTokens * block.key_row;
    block.key_scales = reinterpret_cast<const std::uint16_t*>(at);
    if (latent) {
        block.values = block.keys;
        block.value_scales = block.key_scales;
        block.value_row = block.key_row;
        block.value_groups = block.key_groups;
        return block;
    }
    at += kv_has_scales(type) ? kKvTokens * 2 * block.key_groups : 0;
    block.value_groups = kv_groups(cache.value_dim);
    block.values = at;
    block.value_row = staged_row(planes.value_row, 16);
    block.value_scales = reinterpret_cast<const std::uint16_t*>(at + kKvTokens * block.value_row);
    return block;
}

/// Starts copies of the tokens first .. last - 1 of a plane, by thread `thread` of `threads`.
__device__ inline void stage_rows(std::byte* to, std::int32_t to_row, const std::byte* from, std::int32_t row,
                                  int first, int last, int thread, int threads) {
    const int pieces = row / 16;
    if (pieces > threads) {
        for (int t = first; t < last; ++t)
            for (int i = thread; i < pieces; i += threads)
                async_copy(to + t * to_row + i * 16, from + t * row + i * 16);
        return;
    }
    const int at_once = threads / pieces, own = thread / pieces, piece = thread % pieces;
    if (own < at_once)
        for (int t = first + own; t < last; t += at_once)
            async_copy(to + t * to_row + piece * 16, from + t * row + piece * 16);
}

/// Starts the copies of a KV head's tokens first .. last - 1 of a block. They are not committed.
__device__ inline void stage_block(const KvLayerView& cache, const KvBlockRef& block, int head, std::byte* to,
                                   int first, int last, int thread, int threads) {
    const KvPlanes& planes = cache.planes[static_cast<int>(block.type)];
    const std::byte* from = kv_head(cache, block, head);
    const StagedBlock staged = staged_block(cache, block.type, to);
    const auto at = [&](const void* part) { return to + (static_cast<const std::byte*>(part) - to); };
    stage_rows(at(staged.keys), staged.key_row, from, planes.key_row, first, last, thread, threads);
    if (kv_has_scales(block.type)) // 4 pieces of 16 bytes for each 32 dimensions
        for (int i = thread; i < 4 * staged.key_groups; i += threads)
            async_copy(at(staged.key_scales) + i * 16, from + planes.key_scales + i * 16);
    if (cache.value_dim == 0)
        return;
    stage_rows(at(staged.values), staged.value_row, from + planes.values, planes.value_row, first, last,
               thread, threads);
    if (kv_has_scales(block.type))
        for (int i = thread; i < 4 * staged.value_groups; i += threads)
            async_copy(at(staged.value_scales) + i * 16, from + planes.value_scales + i * 16);
}

// ---- The work of a warp; its lane is 4g + t as in mma_half, and has queries g and g + 8

/// Groups of 32 values of a warp, at most: where a team has twice the warps, half of them.
inline constexpr int kWarpValueGroups = 4;
SWITCHYARD_ANYWHERE constexpr int warp_value_groups(int team) {
    return team == 1 || team == 4 ? kWarpValueGroups : kWarpValueGroups / 2;
}

/// The running softmax of a tile (flash attention: Dao et al., arXiv 2205.14135), of a warp's values.
template <int kGroups>
struct Attended {
    float most[2] = {-INFINITY, -INFINITY};
    float sum[2] = {0.0f, 0.0f}; ///< of the lane's own tokens: added up over t at the end
    /// Of group k, tile j: value 8t + j of 32 for query g and 8t + 4 + j, and for query g + 8.
    float values[kGroups][4][4] = {};
};

/// Scores of the tile's queries with kTiles * 8 tokens from `token` on, as mma_half's c: of the dimensions in
/// groups first_group .. last_group - 1. `kAtOnce`: groups that are read at once, as registers allow.
template <CacheType kType, int kTiles, int kAtOnce>
__device__ inline void score_tokens(const FragmentWords* q, bool both, const StagedBlock& block, int token,
                                    int first_group, int last_group, float (&sum)[kTiles][4]) {
    const int lane = lane_index(), g = lane / 4, t = lane % 4;
    const std::byte* row = block.keys + (token + g) * block.key_row;
#pragma unroll kAtOnce
    for (int group = first_group; group < last_group; ++group) {
        FragmentWords b[kTiles];
        for (int n = 0; n < kTiles; ++n)
            b[n] = key_words<kType>(row + 8 * n * block.key_row + group * kv_group_bytes(kType), t);
        float fresh[kTiles][4] = {};
        for (int part = 0; part < 2; ++part) {
            const FragmentWords* from = q + (group * 4 + part * 2) * kWarpLanes + lane;
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
                    sum[n][i] = fmaf(half_to_float(block.key_scales[own * block.key_groups + group]),
                                     fresh[n][i], sum[n][i]);
                }
    }
}

/// Scores s of the lane's queries become cap * tanh(s / cap), and no more need the queries' scales.
__device__ inline void cap_scores(const QueryTile& queries, float (&scores)[4][4]) {
    const float cap = queries.cap, inverse = 1.0f / cap;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        const float scale = queries.scale[lane_index() / 4 + 8 * r] * inverse;
#pragma unroll
        for (int n = 0; n < 4; ++n)
#pragma unroll
            for (int i = 2 * r; i < 2 * r + 2; ++i) {
                const float x = scores[n][i] * scale, e = __expf(-2.0f * fabsf(x));
                scores[n][i] = copysignf(cap * __fdividef(1.0f - e, 1.0f + e), x);
            }
    }
}

/// Softmax's weights of 32 tokens from `begin` on in place of their scores; what is there so far is
/// corrected.
template <bool kCaps, int kGroups>
__device__ inline void weigh(const QueryTile& queries, int begin, float (&scores)[4][4],
                             Attended<kGroups>& attended) {
    const int lane = lane_index(), g = lane / 4, t = lane % 4;
    const bool capped = kCaps && queries.cap > 0.0f;
    if (capped)
        cap_scores(queries, scores);
#pragma unroll
    for (int r = 0; r < 2; ++r) {
        const int query = g + 8 * r, first = queries.first[query], last = queries.last[query];
        const float scale = capped ? 1.0f : queries.scale[query], before = attended.most[r];
        float most = before;
        for (int n = 0; n < 4; ++n)
            for (int i = 2 * r; i < 2 * r + 2; ++i) {
                const int token = begin + 8 * n + 2 * t + i % 2;
                scores[n][i] = token >= first && token <= last ? scores[n][i] * scale : -INFINITY;
                most = fmaxf(most, scores[n][i]);
            }
        most = fmaxf(most, shuffle_xor(most, 1));
        most = fmaxf(most, shuffle_xor(most, 2));
        const float correction = before > -INFINITY ? __expf(before - most) : 1.0f;
        float sum = 0.0f;
        for (int n = 0; n < 4; ++n)
            for (int i = 2 * r; i < 2 * r + 2; ++i) { // a score that is no number gives a weight that is none
                scores[n][i] = scores[n][i] == -INFINITY ? 0.0f : __expf(scores[n][i] - most);
                sum += scores[n][i];
            }
        attended.most[r] = most;
        attended.sum[r] = fmaf(attended.sum[r], correction, sum);
        for (auto& group : attended.values)
            for (auto& tile : group)
                for (int i = 2 * r; i < 2 * r + 2; ++i)
                    tile[i] *= correction;
    }
}

/// Weights times the scales of a group's values, again as pairs: divided by a power of two a query, as they
/// may be small.
struct ScaledWeights {
    std::uint32_t first[4], second[4];
    float power[2];
};
__device__ inline ScaledWeights scaled_weights(const float (&weights)[4][4], int half,
                                               const float (&scale)[4]) {
    // Word i of a fragment: query g + i % 2 * 8, tokens i / 2 * 8 + 2t and the next.
    float x[4][2], most[2] = {0.0f, 0.0f};
    for (int i = 0; i < 4; ++i)
        for (int n = 0; n < 2; ++n) {
            x[i][n] = weights[2 * half + i / 2][i % 2 * 2 + n] * scale[i / 2 * 2 + n];
            most[i % 2] = fmaxf(most[i % 2], fabsf(x[i][n]));
        }
    ScaledWeights scaled;
    float inverse[2];
    for (int r = 0; r < 2; ++r) {
        most[r] = fmaxf(most[r], shuffle_xor(most[r], 1));
        most[r] = fmaxf(most[r], shuffle_xor(most[r], 2));
        const std::uint32_t bits = max(float_bits(most[r]) & 0x7f800000u, 0x0d800000u);
        scaled.power[r] = bits_float(bits);
        inverse[r] = bits_float(0x7f000000u - bits);
    }
    for (int i = 0; i < 4; ++i) {
        const HalfPairs pair = split_halves(x[i][0] * inverse[i % 2], x[i][1] * inverse[i % 2]);
        scaled.first[i] = pair.first;
        scaled.second[i] = pair.second;
    }
    return scaled;
}

/// Adds 32 tokens' values times their weights. Tokens before `first` and from `last` on are seen by no query:
/// what is there may be anything. The warp has groups first_group .. groups - 1, kGroups at most.
template <CacheType kType, int kGroups>
__device__ inline void add_values(const StagedBlock& block, const float (&weights)[4][4], int first, int last,
                                  int first_group, int groups, Attended<kGroups>& attended) {
    const int lane = lane_index(), g = lane / 4, t = lane % 4;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        std::uint32_t one[4], two[4];
        for (int i = 0; i < 4 && !kv_has_scales(kType); ++i) {
            const float* pair = &weights[2 * half + i / 2][i % 2 * 2];
            const HalfPairs halves = split_halves(pair[0], pair[1]);
            one[i] = halves.first;
            two[i] = halves.second;
        }
        int token[4];
        bool seen[4];
        for (int i = 0; i < 4; ++i) {
            token[i] = half * 16 + 2 * t + i % 2 + i / 2 * 8;
            seen[i] = token[i] >= first && token[i] < last;
        }
#pragma unroll
        for (int k = 0; k < kGroups; ++k) {
            const int group = first_group + k;
            if (group >= groups)
                continue;
            TwoWords words[4];
            for (int i = 0; i < 4; ++i)
                words[i] = seen[i] ? value_words<kType>(block.values + token[i] * block.value_row +
                                                            group * kv_group_bytes(kType),
                                                        g)
                                   : TwoWords{{0, 0}};
            std::uint32_t b[4][2];
            for (int j = 0; j < 4; ++j)
                for (int i = 0; i < 2; ++i)
                    b[j][i] = value_pair<kType>(words[2 * i], words[2 * i + 1], j);
            if constexpr (!kv_has_scales(kType)) {
                for (int j = 0; j < 4; ++j)
                    mma_half(attended.values[k][j], one, b[j]);
                for (int j = 0; j < 4; ++j)
                    mma_half(attended.values[k][j], two, b[j]);
            } else {
                float scale[4];
                for (int i = 0; i < 4; ++i)
                    scale[i] = seen[i]
                                   ? half_to_float(block.value_scales[token[i] * block.value_groups + group])
                                   : 0.0f;
                const ScaledWeights scaled = scaled_weights(weights, half, scale);
                for (int j = 0; j < 4; ++j) {
                    float fresh[4] = {};
                    mma_half(fresh, scaled.first, b[j]);
                    mma_half(fresh, scaled.second, b[j]);
                    for (int i = 0; i < 4; ++i)
                        attended.values[k][j][i] =
                            fmaf(scaled.power[i / 2], fresh[i], attended.values[k][j][i]);
                }
            }
        }
    }
}

/// Calls `function` with a cache type as its template argument.
template <typename Function>
__device__ inline void for_type(CacheType type, const Function& function) {
    switch (type) {
    case CacheType::F16:
        function.template operator()<CacheType::F16>();
        break;
    case CacheType::Q8_0:
        function.template operator()<CacheType::Q8_0>();
        break;
    case CacheType::Q4_0:
        function.template operator()<CacheType::Q4_0>();
        break;
    case CacheType::FP8:
        function.template operator()<CacheType::FP8>();
        break;
    }
}

/// What a team needs to go through blocks.
struct Team {
    const FragmentWords* q;
    const QueryTile* queries;
    TeamScores* scores; ///< of teams of several warps
    int warp;           ///< of the team
    int value_groups;   ///< of all its warps
    int warp_groups;    ///< that each has, the last ones fewer; warp_value_groups() at most
    bool both;          ///< more than 8 queries
};

/// A block of 32 tokens from position `begin` on, of which a query of the team sees first .. last - 1; none
/// where last is 0. With teams of 4 warps or more, which share the scores, all blocks' warps meet in it.
template <int kTeam, bool kCaps = true>
__device__ inline void attend_block(const Team& team, const StagedBlock& block, int begin, int first,
                                    int last, Attended<warp_value_groups(kTeam)>& attended) {
    constexpr int kAtOnce = warp_value_groups(kTeam) / 2;
    const int g = lane_index() / 4, t = lane_index() % 4;
    float weights[4][4] = {};
    if constexpr (kTeam < 4) {
        if (last > 0)
            for_type(block.type, [&]<CacheType kType>() {
                score_tokens<kType, 4, kAtOnce>(team.q, team.both, block, 0, 0, block.key_groups, weights);
            });
    } else { // the first four: half of the tokens and of the dimensions each
        const int token = team.warp % 2 * 16, half = team.warp / 2, middle = (block.key_groups + 1) / 2;
        if (last > 0 && team.warp < 4) {
            float sum[2][4] = {};
            for_type(block.type, [&]<CacheType kType>() {
                score_tokens<kType, 2, kAtOnce>(team.q, team.both, block, token, half == 0 ? 0 : middle,
                                                half == 0 ? middle : block.key_groups, sum);
            });
            for (int n = 0; n < 2; ++n)
                for (int i = 0; i < 4; ++i)
                    team.scores->scores[half][g + i / 2 * 8][token + 8 * n + 2 * t + i % 2] = sum[n][i];
        }
        sync_block();
#pragma unroll
        for (int n = 0; n < 4; ++n)
            for (int i = 0; i < 4; ++i) {
                const int query = g + i / 2 * 8, own = n * 8 + 2 * t + i % 2;
                weights[n][i] = team.scores->scores[0][query][own] + team.scores->scores[1][query][own];
            }
    }
    if (last == 0)
        return;
    weigh<kCaps>(*team.queries, begin, weights, attended);
    for_type(block.type, [&]<CacheType kType>() {
        add_values<kType>(block, weights, first, last, team.warp * team.warp_groups,
                          min((team.warp + 1) * team.warp_groups, team.value_groups), attended);
    });
}

} // namespace switchyard::cuda
