// A step of one row, of an answer, in one launch: its blocks stay on the device and go through stages that
// are launches elsewhere, with the same bits. Between two stages all blocks meet at a counter; while a block
// waits there it has already asked for the weights that it multiplies next (stage_order.cuh).
//
// The program is entries in device memory, one behind the other: a RowEntry, and behind it the parameters of
// the stage's own kernel. Blocks copy one entry ahead into shared memory.
#pragma once

#include "kernels/cuda/attend_row_kernels.h"
#include "kernels/cuda/gate_up_row_kernels.h"
#include "kernels/cuda/latent_row_kernels.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace switchyard::cuda {

/// Stages by the kernels that they are elsewhere; ProductRow is a LatentQuery without heads.
enum class RowStage : std::int32_t { LatentQuery, AttendRow, LatentValue, GateUpRow, Down };

/// A LatentQueryParams that is the row's products alone.
inline LatentQueryParams without_heads(const RowProductParams& row) {
    LatentQueryParams p = {};
    p.row = row;
    return p;
}

struct alignas(16) RowEntry {
    RowStage stage;
    std::int32_t next_bytes; ///< of the entry behind it; 0: it is the last
};

/// Bytes of an entry with such parameters.
template <class Params>
constexpr std::int32_t row_entry_bytes() {
    static_assert(alignof(Params) <= 16);
    return static_cast<std::int32_t>(sizeof(RowEntry) + (sizeof(Params) + 15) / 16 * 16);
}
inline constexpr std::int32_t kMostRowEntry =
    std::max({row_entry_bytes<LatentQueryParams>(), row_entry_bytes<AttendRowParams>(),
              row_entry_bytes<LatentValueParams>(), row_entry_bytes<GateUpRowParams>(),
              row_entry_bytes<FeedForwardParams>()});

/// What blocks of the program are made of; of Down one team a block.
inline constexpr int kRowProgramThreads = kProductThreads;
using RowDownShared = DownShared<1, 1>;

/// Bytes of shared memory that AttendRow's buffer of splits needs in a block of the program, so that a row
/// has the bits that `split_buffer` (split_buffer_bytes()) gives it: as many staged blocks at a time.
constexpr std::int32_t row_program_split_buffer(const KvLayerView& cache, std::int32_t value_dim,
                                                std::int32_t split_buffer) {
    const std::int32_t team = attention_team(value_dim), queries = staged_queries(cache.key_dim),
                       size = staged_bytes(cache.key_dim, cache.value_dim),
                       teams = std::min(kAttendThreads / 32 / team, (split_buffer - queries) / size),
                       merged = team == 1 ? 4 * kQueryTile * kv_groups(value_dim) * 128 : 0;
    return (std::max(queries + teams * size, merged) + 127) / 128 * 128;
}

/// Where two entries stand in shared memory, behind what stages have, and all bytes of a block.
constexpr std::int32_t row_program_entries_at(std::size_t stages_bytes) {
    return (static_cast<std::int32_t>(stages_bytes) + 15) / 16 * 16;
}
constexpr std::size_t row_program_shared(std::size_t stages_bytes) {
    return static_cast<std::size_t>(row_program_entries_at(stages_bytes) + 2 * kMostRowEntry);
}

/// Any grid serves whose blocks are all on the device at once.
struct RowProgramParams {
    const std::byte* program;
    std::uint32_t* arrived; ///< [stages], zeros at first
    std::int32_t stages, first_bytes;
    std::int32_t entries_at;
};

#define SWITCHYARD_ROW_PROGRAM_KERNELS(X)                                                                    \
    X(RowProgram, row_program, RowProgramParams, NoShared, kRowProgramThreads, 2)

} // namespace switchyard::cuda
