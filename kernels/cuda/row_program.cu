#include "kernels/cuda/row_program_kernels.h"

#include "kernels/cuda/attend_row.cuh"
#include "kernels/cuda/down.cuh"
#include "kernels/cuda/gate_up_row.cuh"
#include "kernels/cuda/latent_row.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {
namespace {

struct ProgramShared {
    alignas(16) std::byte memory[16]; ///< and more behind it
};

/// Of the entry at a place in shared memory: by its number, so that the compiler knows where it is.
template <class Params>
__device__ __forceinline__ const Params& params_of(int entry_at) {
    return *reinterpret_cast<const Params*>(shared_memory<ProgramShared>().memory + entry_at +
                                            sizeof(RowEntry));
}

/// By the block: asks for what its Down will read first of each unit, as soon as the units are known.
__device__ __forceinline__ void ask_for_down(const GateUpRowParams& p, const GateUpRowShared& shared) {
    const FeedForwardParams& layer = p.up.layer;
    const int tile = static_cast<int>(blockIdx.x), routed = p.router ? shared.up.unit_count : 0,
              units = routed + layer.block_count, unit = static_cast<int>(threadIdx.x);
    if (tile >= tile_rows(layer.out_width) || unit >= units)
        return;
    const MatrixView& down = unit < routed ? layer.expert.down[shared.up.units[unit].expert]
                                           : *layer.blocks[unit - routed].matrices.down;
    ask_for_tiles(down.data, down.type, down.cols, tile, 1,
                  kMostAhead / static_cast<std::uint32_t>(units) / 16 * 16);
}

SWITCHYARD_APART __device__ void queries(int entry, BehindStage order) {
    multiply_queries(params_of<LatentQueryParams>(entry), shared_memory<RowProductShared>(), order);
}
SWITCHYARD_APART __device__ void attention(int entry, BehindStage order) {
    attend_projected<kRowProgramThreads>(params_of<AttendRowParams>(entry), shared_memory<AttendShared>(),
                                         order);
}
SWITCHYARD_APART __device__ void values(int entry, BehindStage order) {
    multiply_values(params_of<LatentValueParams>(entry), shared_memory<LatentValueShared>(), order);
}
SWITCHYARD_APART __device__ void hidden(int entry, BehindStage order) {
    const auto& p = params_of<GateUpRowParams>(entry);
    gate_up_of_row(p, shared_memory<GateUpRowShared>(), order);
    ask_for_down(p, shared_memory<GateUpRowShared>());
}
SWITCHYARD_APART __device__ void outputs(int entry, BehindStage order) {
    down(params_of<FeedForwardParams>(entry), shared_memory<RowDownShared>(), order);
}

__device__ void go_through(RowStage stage, int entry, BehindStage order) {
    switch (stage) {
    case RowStage::LatentQuery:
        return queries(entry, order);
    case RowStage::AttendRow:
        return attention(entry, order);
    case RowStage::LatentValue:
        return values(entry, order);
    case RowStage::GateUpRow:
        return hidden(entry, order);
    case RowStage::Down:
        return outputs(entry, order);
    }
}

/// By the block: starts to copy an entry.
__device__ void bring_entry(std::byte* to, const std::byte* from, int bytes) {
    for (int i = static_cast<int>(threadIdx.x) * 16; i < bytes; i += kRowProgramThreads * 16)
        async_copy(to + i, from + i);
    async_commit();
}

} // namespace

static __global__ void __launch_bounds__(kRowProgramThreads, 2)
    row_program(const __grid_constant__ RowProgramParams p) {
    std::byte* entries = shared_memory<ProgramShared>().memory + p.entries_at;
    const std::byte* next = p.program;
    bring_entry(entries, next, p.first_bytes);
    next += p.first_bytes;
    async_wait<0>();
    wait_for_previous();
    sync_block();
    for (int i = 0; i < p.stages; ++i) {
        const int at = i % 2 * kMostRowEntry;
        const RowEntry entry = *reinterpret_cast<const RowEntry*>(entries + at);
        bring_entry(entries + (i + 1) % 2 * kMostRowEntry, next, entry.next_bytes);
        next += entry.next_bytes;
        if (i + 1 == p.stages)
            let_next_start();
        go_through(entry.stage, p.entries_at + at, {i == 0 ? nullptr : p.arrived + i - 1});
        async_wait<0>();
        sync_block();
        if (threadIdx.x == kRowProgramThreads - 1) // the first ones ask for weights
            count_arrival(p.arrived + i);
    }
}

SWITCHYARD_ROW_PROGRAM_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
