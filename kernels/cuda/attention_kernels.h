// Causal attention over the KV cache: grouped queries, windows, sinks; over a latent cache (MLA) in the
// absorbed form, where the query has been taken into the latent space and a key's first values are its value.
//
// A row's context is cut into splits, whose size follows from its own position alone (attention_split()). A
// split's result is a maximum, a sum and the weighted values (Attend); they are merged in ascending order
// (AttendMerge). So a row's bits depend on its own query and context, whatever else is in the batch.
//
// Rows of a prompt, many of one sequence (RowInput::prompt), are taken together by AttendPrompt, from the
// first token to the last and without splits. The two forms agree to rounding; which one a row takes is its
// own.
//
// Products are by mma in 16-bit floats with sums in floats: a query, scaled to a power of two, and the
// weights of softmax are each split into two 16-bit floats; keys and values are 16-bit floats or integers,
// which those hold exactly. What is lost is 2^-22 of a factor.
//
// The decompressed form of latent attention is the same function: v_b (attended latent) = attended v_b
// latent, and q . (k_b^T latent) = (k_b q) . latent. A prompt's rows that ask for it (RowInput::decompressed)
// attend to the keys and values of prompt_latent_kernels.h; others are computed as absorbed ones.
#pragma once

#include "kernels/cuda/kv_layout.h"
#include "kernels/cuda/step_data.h"

#include <cstddef>

namespace switchyard::cuda {

/// Dimensions of a key and of a value, at most.
inline constexpr int kMostKeyDim = 576, kMostValueDim = 512;
/// Splits of a row's context, at most.
inline constexpr int kMostSplits = 64;

/// Tokens of a split, a power of two from 32 on: splits are few enough to be merged quickly and many enough
/// that one row fills the device. A row's splits lie at multiples of it. `few`: a KV head or two, which need
/// more splits than eight heads do.
SWITCHYARD_ANYWHERE constexpr std::int32_t attention_split(std::int32_t position, bool few) {
    std::int32_t split = 32;
    for (;; split *= 2) {
        const std::int32_t by_size = split * split / 4 * (few ? 2 : 1), most = split * kMostSplits;
        if (position < (by_size < most ? by_size : most))
            return split;
    }
}

/// Queries share a KV head's keys by 16: heads of a row, and of further rows of its sequence.
inline constexpr int kQueryTile = 16;

struct AttentionParams {
    const RowInput* rows;     ///< [row_count]; a window of the row's own goes before the step's
    const KvBlockRef* blocks; ///< the step's table; row r's block of position p is at first_block + p / 32
    KvLayerView cache;
    const float* q;          ///< [row_count][heads][key_dim], not scaled
    const MatrixView* sinks; ///< [heads] floats, logits of an empty key; null: none
    float* out;              ///< [row_count][heads][value_dim]
    float* partials;         ///< attention_scratch_floats() floats of anything, aligned to 16 bytes
    std::int32_t row_count, heads;
    std::int32_t rows_before; ///< rows of the batch in front of `rows`
    std::int32_t split_rows;  ///< of the scratch: at least the rows that have a position and are no prompt's
    std::int32_t
        value_dim;       ///< of the cache, or with a latent cache those of a key's first that are its value
    std::int32_t window; ///< tokens that a query sees at most; 0: all
    std::int32_t chunk;  ///< it sees those alone that have the same position / chunk; 0: all
    float scale;         ///< of scores
    float cap;           ///< scores s become cap * tanh(s / cap); 0: they stay
    /// A query is multiplied by 1 + heat * log(1 + floor((position + heat_offset) / heat_length)); 0: it
    /// stays.
    float heat;
    std::int32_t heat_length, heat_offset;
    float value_scale = 1.0f; ///< of results
    /// The form of latent attention that the prompt's rows which are taken ask for (RowInput::decompressed);
    /// below zero: any.
    std::int32_t form;
    /// Bytes of shared memory of Attend and AttendPrompt behind their structs: split_buffer_bytes() and
    /// prompt_buffer_bytes(). A row's bits depend on them: they are the device's and the shape's own.
    std::int32_t split_buffer, prompt_buffer;
};

/// Of AttentionParams::partials: weighted values [split_rows][heads][kMostSplits][value_dim in whole groups
/// of 32], then a maximum and a sum each.
constexpr std::size_t attention_scratch_floats(int split_rows, int heads, int value_dim) {
    return static_cast<std::size_t>(split_rows) * static_cast<std::size_t>(heads) * kMostSplits *
           (static_cast<std::size_t>(kv_groups(value_dim)) * 32 + 2);
}

// Warps that share a tile of queries are a team: each has a share of the values, up to 128. A team goes
// through the cache by blocks of 32 tokens, which it copies into shared memory first.

inline constexpr int kAttendThreads = 128, kMergeThreads = 128, kPromptAttendThreads = 256;

/// Warps of a team.
SWITCHYARD_ANYWHERE constexpr std::int32_t attention_team(std::int32_t value_dim) {
    return value_dim <= 128 ? 1 : 4;
}
/// Bytes from token to token in shared memory, so that lanes meet in few banks.
SWITCHYARD_ANYWHERE constexpr std::int32_t staged_row(std::int32_t row, std::int32_t beyond_128) {
    return row + (beyond_128 - row % 128 + 128) % 128;
}
/// Bytes of a staged block of any type: of F16, the largest.
SWITCHYARD_ANYWHERE constexpr std::int32_t staged_bytes(std::int32_t key_dim, std::int32_t cached_value_dim) {
    const std::int32_t keys = kv_groups(key_dim) * 64, values = kv_groups(cached_value_dim) * 64;
    return kKvTokens *
           (cached_value_dim == 0 ? staged_row(keys, 16) : staged_row(keys, 64) + staged_row(values, 16));
}
/// Bytes of a tile's queries in shared memory.
SWITCHYARD_ANYWHERE constexpr std::int32_t staged_queries(std::int32_t key_dim) {
    return kv_groups(key_dim) * 4 * 32 * 16;
}

/// Attend, the splits of rows that are no prompt's. Any grid serves: blocks take what there is to do in turn.
inline GridSize attend_grid(const AttentionParams& p, int multiprocessors) {
    const auto most = static_cast<unsigned>(2 * multiprocessors),
               work = static_cast<unsigned>(p.split_rows * p.heads) * kMostSplits;
    return {work < most ? work : most, 1};
}
/// AttendMerge, after it: `out` of the same rows.
inline GridSize merge_grid(const AttentionParams& p) {
    return {static_cast<unsigned>(p.row_count * p.heads),
            static_cast<unsigned>((kv_groups(p.value_dim) + 3) / 4)};
}

/// Rows of a prompt that share a tile of queries, a power of two.
SWITCHYARD_ANYWHERE constexpr std::int32_t query_tile_rows(std::int32_t heads_per_kv) {
    std::int32_t rows = 1;
    while (2 * rows * heads_per_kv <= kQueryTile)
        rows *= 2;
    return rows;
}
/// Query tiles that the heads of a KV head make.
SWITCHYARD_ANYWHERE constexpr std::int32_t query_head_tiles(std::int32_t heads_per_kv) {
    return (heads_per_kv + kQueryTile - 1) / kQueryTile;
}
/// Query tiles that a block of AttendPrompt has at once.
SWITCHYARD_ANYWHERE inline std::int32_t prompt_tiles(const AttentionParams& p) {
    const std::int32_t teams = kPromptAttendThreads / 32 / attention_team(p.value_dim);
    const std::int32_t fitting = (p.prompt_buffer - 2 * staged_bytes(p.cache.key_dim, p.cache.value_dim)) /
                                 staged_queries(p.cache.key_dim);
    return fitting < teams ? fitting : teams;
}
/// AttendPrompt: `out` of a prompt's rows.
inline GridSize attend_prompt_grid(const AttentionParams& p) {
    const std::int32_t per = p.heads / p.cache.kv_heads;
    const std::int32_t rows = query_tile_rows(per) * prompt_tiles(p);
    return {static_cast<unsigned>((p.row_count + rows - 1) / rows),
            static_cast<unsigned>(p.cache.kv_heads * query_head_tiles(per))};
}

/// Consecutive rows of one sequence whose queries share keys.
struct RowTile {
    std::int32_t row, rows;  ///< the first; none where it belongs to the tile of one before it
    std::int32_t from, last; ///< tokens that some of them see
};

/// Some query heads of a KV head, of some rows.
struct AttendWork {
    RowTile tile;
    std::int32_t kv_head, first_head, heads;
    std::int32_t split, begin, end; ///< Attend: a split's number and tokens
    std::int32_t rank;              ///< Attend: of the tile's first row among those with splits
};

/// What a tile's queries see.
struct QueryTile {
    float scale[kQueryTile];                          ///< a power of two that a query was divided by
    float cap;                                        ///< AttentionParams'
    std::int32_t first[kQueryTile], last[kQueryTile]; ///< tokens; none: first > last
};

/// Scores of a tile's queries with a block's tokens, of half of the dimensions each, where warps share them.
struct TeamScores {
    float scores[2][kQueryTile][kKvTokens + 8];
};

/// Behind it are the tile's queries, then staged blocks; in the end what teams merge.
struct alignas(16) AttendShared {
    TeamScores scores;
    QueryTile queries;
    AttendWork work;
    float most[4][kQueryTile], sum[4][kQueryTile]; ///< of a team
    bool last;                                     ///< AttendRow: of a tile's splits
};

/// Behind it are each team's queries, then two staged blocks.
struct alignas(16) PromptAttendShared {
    TeamScores scores[2];
    QueryTile queries[kPromptAttendThreads / 32];
};

/// Values of a unit (row_kernels.h) of queries that AttendRow takes with latent attention, at most; with
/// others a unit is a head.
inline constexpr int kMostLatentUnit = 256;
/// Bytes of shared memory that AttendRow has beyond Attend: a query and its unit for each warp of a block,
/// and a token.
SWITCHYARD_ANYWHERE constexpr std::int32_t
attend_row_bytes(std::int32_t key_dim, std::int32_t cached_value_dim, int threads = kAttendThreads) {
    const std::int32_t floats =
        threads / 32 * (key_dim + (cached_value_dim == 0 ? kMostLatentUnit : 0)) + key_dim + cached_value_dim;
    return (floats * 4 + 127) / 128 * 128;
}

/// Bytes of shared memory behind AttendShared where a block may have `shared` in all: so much that two blocks
/// fit a multiprocessor, or all of it if less does not do, but for what AttendRow needs. 0: the shape does
/// not fit.
constexpr std::int32_t split_buffer_bytes(std::int32_t key_dim, std::int32_t value_dim, bool latent,
                                          std::size_t shared) {
    constexpr auto kOwn = static_cast<std::int32_t>(sizeof(AttendShared));
    const std::int32_t blocks = staged_bytes(key_dim, latent ? 0 : value_dim),
                       merged =
                           attention_team(value_dim) == 1 ? 4 * kQueryTile * kv_groups(value_dim) * 128 : 0,
                       least = staged_queries(key_dim) + blocks > merged ? staged_queries(key_dim) + blocks
                                                                         : merged;
    const std::int32_t row = attend_row_bytes(key_dim, latent ? 0 : value_dim),
                       all = static_cast<std::int32_t>(shared) - kOwn - row,
                       half = static_cast<std::int32_t>(shared / 2) - 512 - kOwn - row;
    if (key_dim > kMostKeyDim || value_dim > kMostValueDim || least > all)
        return 0;
    return (least <= half ? half : all) / 128 * 128;
}
/// The same behind PromptAttendShared, one block a multiprocessor. 0: no row may be marked as a prompt's.
constexpr std::int32_t prompt_buffer_bytes(std::int32_t key_dim, std::int32_t value_dim, bool latent,
                                           std::size_t shared) {
    const std::int32_t least = staged_queries(key_dim) + 2 * staged_bytes(key_dim, latent ? 0 : value_dim),
                       all = static_cast<std::int32_t>(shared) -
                             static_cast<std::int32_t>(sizeof(PromptAttendShared));
    if (key_dim > kMostKeyDim || value_dim > kMostValueDim || least > all)
        return 0;
    const std::int32_t teams = kPromptAttendThreads / 32 / attention_team(value_dim),
                       most = least + (teams - 1) * staged_queries(key_dim);
    return most < all ? most : all / 128 * 128;
}

#define SWITCHYARD_ATTENTION_KERNELS(X)                                                                      \
    X(Attend, attend, AttentionParams, AttendShared, kAttendThreads, 2)                                      \
    X(AttendMerge, attend_merge, AttentionParams, NoShared, kMergeThreads, 8)
#define SWITCHYARD_PROMPT_ATTENTION_KERNELS(X)                                                               \
    X(AttendPrompt, attend_prompt, AttentionParams, PromptAttendShared, kPromptAttendThreads, 1)

} // namespace switchyard::cuda
