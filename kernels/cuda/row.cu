#include "kernels/cuda/kv_cache.cuh"
#include "kernels/cuda/launchers.h"

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
        for (int i = static_cast<int>(threadIdx.x); i < table.pairs; i += kRopeThreads) {
            // The angle is rounded to float first: the authors' code multiplies floats.
            const double angle = static_cast<float>(position) * table.inverse_frequencies[i];
            table.cosines[row * table.pairs + i] = static_cast<float>(cos(angle)) * table.magnitude;
            table.sines[row * table.pairs + i] = static_cast<float>(sin(angle)) * table.magnitude;
        }
    }
}

namespace {

/// All groups of a unit that a step norms; the unit begins at value `first` of its row.
__device__ void norm_unit(const RowStep& step, float* x, int first, int unit, float* sums) {
    const float* gain = reinterpret_cast<const float*>(step.gain->data);
    const int thread = static_cast<int>(threadIdx.x);
    for (int begin = 0; begin < unit && first + begin < step.count; begin += step.group) {
        float sum = 0.0f;
        for (int i = thread; i < step.group; i += kRowStepThreads)
            sum = fmaf(x[begin + i], x[begin + i], sum);
        sum = warp_sum(sum);
        if (lane_index() == 0)
            sums[warp_index()] = sum;
        sync_block();
        const float mean = (sums[0] + sums[1] + (sums[2] + sums[3])) / static_cast<float>(step.group);
        const float factor = 1.0f / sqrtf(mean + step.epsilon);
        for (int i = thread; i < step.group; i += kRowStepThreads)
            x[begin + i] = x[begin + i] * factor * gain[i];
        sync_block(); // before the sums are written again
    }
}

__device__ void rotate_unit(const RowStep& step, float* x, std::int64_t row, int unit) {
    const int pairs = step.dims / 2, heads = unit / step.head_dim;
    for (int i = static_cast<int>(threadIdx.x); i < heads * pairs; i += kRowStepThreads) {
        const int head = i / pairs, pair = i % pairs;
        float* from = x + head * step.head_dim + step.offset;
        float& a = from[step.interleaved ? 2 * pair : pair];
        float& b = from[step.interleaved ? 2 * pair + 1 : pairs + pair];
        const float c = step.cosines[row * pairs + pair], s = step.sines[row * pairs + pair];
        const float rotated = fmaf(a, c, -(b * s));
        b = fmaf(b, c, a * s);
        a = rotated;
    }
}

/// Stores the heads of a unit into the row's block of the cache, a warp 32 values of one.
__device__ void store_unit(const RowStepsParams& p, const RowValue& value, const float* x, int first,
                           const RowInput& row) {
    const KvBlockRef block = p.blocks[row.first_block + row.position / kKvTokens];
    const KvPlanes& planes = p.cache.planes[static_cast<int>(block.type)];
    const bool keys = value.store == RowStore::Keys;
    const int dims = keys ? p.cache.key_dim : p.cache.value_dim, groups = kv_groups(dims);
    const int token = row.position % kKvTokens, count = value.unit / dims * groups;
    const std::int64_t at = keys ? 0 : planes.values;
    const std::int64_t scales = keys ? planes.key_scales : planes.value_scales;
    for (int i = warp_index(); i < count; i += kRowStepThreads / kWarpLanes) {
        const int head = i / groups, group = i % groups, dim = group * 32 + lane_index();
        std::byte* data = kv_head(p.cache, block, first / dims + head);
        store_kv_group(block.type, dim < dims ? x[head * dims + dim] : 0.0f,
                       data + at + std::int64_t{token} * (keys ? planes.key_row : planes.value_row),
                       reinterpret_cast<std::uint16_t*>(data + scales) + token * groups, group);
    }
}

} // namespace

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
    bool changed = false;
    for (int s = 0; s < p.steps; ++s) {
        const RowStep& step = p.step[s];
        if (step.value != v)
            continue;
        if (step.gain)
            norm_unit(step, x, first, unit, shared.sums);
        else
            rotate_unit(step, x, r, unit);
        changed = true;
        sync_block();
    }
    if (staged && changed)
        for (int i = thread; i < unit; i += kRowStepThreads)
            data[i] = x[i];
    if (value.store != RowStore::None)
        store_unit(p, value, x, first, row);
    for (int i = thread; i < value.copied; i += kRowStepThreads)
        value.copy[r * value.copy_row + u * value.copy_unit + i] = x[value.copy_at + i];
}

static __global__ void __launch_bounds__(kRecurrenceThreads)
    recurrence(const __grid_constant__ RecurrenceParams p) {
    wait_for_previous();
    let_next_start();
    const SequenceStates& sequence = p.sequences[blockIdx.y];
    const int c = static_cast<int>(blockIdx.x * kRecurrenceThreads + threadIdx.x);
    if (c >= p.width || sequence.rows == 0)
        return;
    const float decay = reinterpret_cast<const float*>(p.decay->data)[c];
    float state = sequence.before ? sequence.before[p.state_offset + c] : 0.0f;
    const StateAfter *kept = p.after + sequence.first_after, *end = kept + sequence.after;
    for (std::int64_t i = 0; i < sequence.rows; ++i) {
        const std::int64_t row = sequence.first_row + i;
        state = decay * state + p.in[row * p.in_stride + c];
        p.out[row * p.width + c] = state;
        for (; kept != end && kept->rows == i + 1; ++kept)
            kept->state[p.state_offset + c] = state;
    }
}

SWITCHYARD_ROW_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
