#include "kernels/cuda/launchers.h"
#include "kernels/cuda/row_units.cuh"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kRopeThreads)
    rope_tables(const __grid_constant__ RopeTablesParams p) {
    wait_for_previous();
    let_next_start();
    const std::int64_t row = blockIdx.x;
    const std::int32_t position = p.rows[row].position;
    if (position < 0)
        return;
    for (int t = 0; t < p.tables; ++t) {
        const RopeTable& table = p.table[t];
        const bool in_long = table.long_frequencies && p.rows[row].in_long;
        const float* frequencies = in_long ? table.long_frequencies : table.inverse_frequencies;
        const float magnitude = in_long ? table.long_magnitude : table.magnitude;
        for (int i = static_cast<int>(threadIdx.x); i < table.pairs; i += kRopeThreads) {
            // The angle is rounded to float first: the authors' code multiplies floats.
            const double angle = static_cast<float>(position) * frequencies[i];
            table.cosines[row * table.pairs + i] = static_cast<float>(cos(angle)) * magnitude;
            table.sines[row * table.pairs + i] = static_cast<float>(sin(angle)) * magnitude;
        }
    }
}

static __global__ void __launch_bounds__(kRowStepThreads, 8)
    row_steps(const __grid_constant__ RowStepsParams p) {
    RowStepsShared& shared = shared_memory<RowStepsShared>();
    wait_for_previous();
    let_next_start();
    const std::int64_t r = blockIdx.y;
    const RowInput& row = p.rows[r];
    if (row.position < 0)
        return;
    int v = 0, u = static_cast<int>(blockIdx.x);
    while (u >= p.value[v].width / p.value[v].unit)
        u -= p.value[v].width / p.value[v].unit, ++v;
    const RowValue& value = p.value[v];
    const int thread = static_cast<int>(threadIdx.x), unit = value.unit, first = u * unit;
    float* data = value.data + r * value.width + first;
    const bool staged = unit <= RowStepsShared::kStaged;
    float* x = staged ? shared.unit : data;
    if (staged)
        for (int i = thread; i < unit; i += kRowStepThreads)
            x[i] = data[i];
    sync_block();
    const BlockOfUnit team{shared.sums};
    const bool changed = change_unit(team, p, v, x, r, first);
    if (staged && changed)
        for (int i = thread; i < unit; i += kRowStepThreads)
            data[i] = x[i];
    if (value.store != RowStore::None)
        store_unit(team, p, value, x, first, row);
    for (int i = thread; i < value.copied; i += kRowStepThreads)
        value.copy[r * value.copy_row + u * value.copy_unit + i] = x[value.copy_at + i];
}

SWITCHYARD_ROW_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
