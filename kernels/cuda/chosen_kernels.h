// Attention of rows to some of their context (sparse attention): to the blocks of tokens that they chose, or
// to a window of tokens and rows that were made of several before it (DeepSeek-V4). What a row attends to is
// a list, whose entries are brought together, 32 at a time, as 16-bit floats in shared memory; from there it
// is the attention of attention_kernels.h: splits of the list (AttendChosen), merged in their order
// (ChosenMerge). A row's bits depend on its own query, list and context.
#pragma once

#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/index_kernels.h"

#include <algorithm>

namespace switchyard::cuda {

/// Entries of a split: a multiple of 32, so that there are kMostSplits at most.
SWITCHYARD_ANYWHERE constexpr std::int32_t chosen_split(std::int32_t entries) {
    std::int32_t split = 128;
    while (split * kMostSplits < entries)
        split *= 2;
    return split;
}

struct ChosenParams {
    /// Its window: tokens of the list, the last ones, with `made`; 0: all. Of the scratch each row has its
    /// part, prompts' rows too: split_rows is row_count.
    AttentionParams attention;
    /// Of the first row. Without `chosen`, with `made`: all rows.
    ChoiceTable table;
    /// Rows of several tokens, which `table` chooses from: keys of all heads, and values as with a latent
    /// cache. dim 0: there are none.
    KvRowsView kept;
    std::int32_t made; ///< the list is a window of tokens and `kept`; else tokens that were chosen
};

/// Entries of a list at most, of a context of so many tokens.
inline int most_chosen(const ChosenParams& p, int context) {
    const int chosen = p.table.chosen ? p.table.count(context - 1) : 0;
    if (!p.made)
        return std::min(chosen * p.table.block, context);
    const int window = p.attention.window > 0 ? std::min(p.attention.window, context) : context;
    return window + (p.table.chosen ? chosen : p.kept.dim > 0 ? context / p.kept.tokens : 0);
}
/// AttendChosen; `context`: tokens that a row sees at most.
inline GridSize attend_chosen_grid(const ChosenParams& p, int context) {
    const AttentionParams& a = p.attention;
    const int splits = std::clamp((most_chosen(p, context) + 127) / 128, 1, kMostSplits);
    return {static_cast<unsigned>(splits * a.cache.kv_heads * query_head_tiles(a.heads / a.cache.kv_heads)),
            static_cast<unsigned>(a.row_count)};
}
/// ChosenMerge, after it.
inline GridSize chosen_merge_grid(const ChosenParams& p) { return merge_grid(p.attention); }

#define SWITCHYARD_CHOSEN_KERNELS(X)                                                                         \
    X(AttendChosen, attend_chosen, ChosenParams, AttendShared, kAttendThreads, 2)                            \
    X(ChosenMerge, chosen_merge, ChosenParams, NoShared, kMergeThreads, 8)

} // namespace switchyard::cuda
