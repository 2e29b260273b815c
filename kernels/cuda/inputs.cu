#include "kernels/cuda/inputs.cuh"
#include "kernels/cuda/launchers.h"
#include "kernels/cuda/tile_values.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kInputThreads, 2) embed(const __grid_constant__ EmbedParams p) {
    const MatrixView table = *p.table;
    wait_for_previous();
    let_next_start();
    const RowInput& row = p.rows[blockIdx.x];
    const bool padding = row.position < 0;
    const TileRowReader reader(table, padding ? 0 : row.token);
    float* out = p.out + static_cast<std::int64_t>(blockIdx.x) * p.out_stride;
    for (int c = static_cast<int>(threadIdx.x); c < p.width; c += kInputThreads)
        out[c] = padding ? 0.0f : multiply_rounded(reader.value(c), p.scale);
}

static __global__ void __launch_bounds__(kInputThreads, 2) prepare(const __grid_constant__ PrepareParams p) {
    InputShared& shared = shared_memory<InputShared>();
    const float* gain = p.gain ? reinterpret_cast<const float*>(p.gain->data) : nullptr;
    wait_for_previous();
    let_next_start();
    const auto prepared = static_cast<std::int64_t>(blockIdx.x);
    if (p.count && prepared >= *p.count) // the same for all threads of the block
        return;
    const std::int64_t row = p.gather ? p.gather[prepared] : prepared / p.heads;
    if (row < 0) // the same for all threads of the block
        return;
    RowSource source(p.in + row * p.in_stride + prepared % p.heads * p.head_stride, gain, p.width);
    if (gain)
        find_rms(source, p.epsilon, shared);
    const WeighedRow weighed{source, p.weights ? p.weights[prepared] : 1.0f};
    write_prepared_row(weighed, p.out, *p.formats, prepared);
}

SWITCHYARD_INPUT_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
