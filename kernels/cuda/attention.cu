#include "kernels/cuda/kv_cache.cuh"
#include "kernels/cuda/launchers.h"

namespace switchyard::cuda {

static __global__ void __launch_bounds__(kAttendThreads, 2)
    attend(const __grid_constant__ AttentionParams p) {
    AttendShared& shared = shared_memory<AttendShared>();
    wait_for_previous();
    let_next_start();
    const int thread = static_cast<int>(threadIdx.x), key_dim = p.cache.key_dim;
    for (std::int64_t i = blockIdx.x; i < std::int64_t{p.row_count} * p.heads; i += gridDim.x) {
        const std::int64_t r = i / p.heads, head = i % p.heads;
        const RowInput& row = p.rows[r];
        if (row.position < 0)
            continue;
        for (int d = thread; d < key_dim; d += kAttendThreads)
            shared.q[d] = p.q[i * key_dim + d] * p.scale;
        const int window = row.window > 0 ? row.window : p.window;
        const int from = window > 0 ? max(0, row.position - window + 1) : 0;
        const float sink = p.sinks ? reinterpret_cast<const float*>(p.sinks->data)[head] : 0.0f;
        float most = p.sinks ? sink : -INFINITY, sum = p.sinks ? 1.0f : 0.0f;
        float acc[(kMostKeyDim + kAttendThreads - 1) / kAttendThreads] = {};
        for (int b = from / kKvTokens; b <= row.position / kKvTokens; ++b) {
            const KvBlockRef block = p.blocks[row.first_block + b];
            const KvPlanes& planes = p.cache.planes[static_cast<int>(block.type)];
            const std::byte* keys =
                kv_head(p.cache, block, static_cast<int>(head) * p.cache.kv_heads / p.heads);
            const bool latent = p.cache.value_dim == 0;
            const std::byte* values = keys + (latent ? 0 : planes.values);
            const int value_row = latent ? planes.key_row : planes.value_row;
            const auto* key_scales = reinterpret_cast<const std::uint16_t*>(keys + planes.key_scales);
            const auto* value_scales =
                latent ? key_scales : reinterpret_cast<const std::uint16_t*>(keys + planes.value_scales);
            const int key_groups = kv_groups(key_dim);
            const int value_groups = latent ? key_groups : kv_groups(p.value_dim);
            const int first = max(from - b * kKvTokens, 0), last = min(row.position - b * kKvTokens, 31);
            sync_block();
            for (int t = first + warp_index(); t <= last; t += kAttendThreads / kWarpLanes) {
                float score = 0.0f;
                for (int d = lane_index(); d < key_dim + lane_index(); d += kWarpLanes)
                    if (d < key_dim)
                        score = fmaf(shared.q[d],
                                     load_kv(block.type, keys + std::int64_t{t} * planes.key_row,
                                             key_scales + t * key_groups, d),
                                     score);
                score = warp_sum(score);
                if (lane_index() == 0)
                    shared.scores[t] = score;
            }
            sync_block();
            float next = most;
            for (int t = first; t <= last; ++t)
                next = fmaxf(next, shared.scores[t]);
            const float correction = __expf(most - next);
            sum *= correction;
            for (float& a : acc)
                a *= correction;
            most = next;
            for (int t = first; t <= last; ++t) {
                const float weight = __expf(shared.scores[t] - most);
                sum += weight;
                for (int k = 0, d = thread; d < p.value_dim; d += kAttendThreads, ++k)
                    acc[k] = fmaf(weight,
                                  load_kv(block.type, values + std::int64_t{t} * value_row,
                                          value_scales + t * value_groups, d),
                                  acc[k]);
            }
        }
        for (int k = 0, d = thread; d < p.value_dim; d += kAttendThreads, ++k)
            p.out[i * p.value_dim + d] = acc[k] / sum;
        sync_block();
    }
}

SWITCHYARD_ATTENTION_KERNELS(SWITCHYARD_DEFINE_LAUNCHER)

} // namespace switchyard::cuda
