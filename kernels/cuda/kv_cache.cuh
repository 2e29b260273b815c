// Single values of the KV cache, written and read by kernels.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/kv_layout.h"

namespace switchyard::cuda {

/// Where a KV head's keys and values begin in a block.
__device__ inline std::byte* kv_head(const KvLayerView& cache, const KvBlockRef& block, int head) {
    const KvPlanes& planes = cache.planes[static_cast<int>(block.type)];
    return block.data + planes.layer + std::int64_t{head} * planes.head;
}

/// Where value i of a Q4_0 row stands: its low half, of a value i with bit 1 set the high one.
__device__ inline int q4_byte(int i) { return i / 8 * 4 + (i & 1) * 2 + (i >> 2 & 1); }

/// Value d of a token, whose bytes are `row` and whose scales are `scales`.
__device__ inline float kv_value(CacheType type, const std::byte* row, const std::uint16_t* scales, int d) {
    switch (type) {
    case CacheType::F16:
        return half_to_float(reinterpret_cast<const std::uint16_t*>(row)[d]);
    case CacheType::FP8:
        return e4m3_to_float(reinterpret_cast<const std::uint8_t*>(row)[d]);
    case CacheType::Q8_0:
        return multiply_rounded(static_cast<float>(reinterpret_cast<const std::int8_t*>(row)[d]),
                                half_to_float(scales[d / 32]));
    case CacheType::Q4_0: {
        const int both = reinterpret_cast<const std::uint8_t*>(row)[d / 32 * 16 + q4_byte(d % 32)];
        return multiply_rounded(static_cast<float>(((d & 2) != 0 ? both >> 4 : both & 15) - 8),
                                half_to_float(scales[d / 32]));
    }
    }
    return 0.0f;
}

/// Stores 32 values of a token, one a lane (0 behind the last). `row`: the token's bytes; `scales`: its
/// scales.
__device__ inline void store_kv_group(CacheType type, float x, std::byte* row, std::uint16_t* scales,
                                      int group) {
    const int lane = lane_index();
    switch (type) {
    case CacheType::F16:
        reinterpret_cast<std::uint16_t*>(row)[group * 32 + lane] = float_to_half(x);
        break;
    case CacheType::FP8:
        reinterpret_cast<std::uint8_t*>(row)[group * 32 + lane] = float_to_e4m3(x);
        break;
    case CacheType::Q8_0: {
        // Rounded first, so that the integers fit the scale that is kept.
        const std::uint16_t bits = float_to_half(warp_max(fabsf(x)) / 127.0f);
        const float scale = half_to_float(bits), inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
        const float q = x * inverse; // NaN of a NaN, and of an infinity
        reinterpret_cast<std::int8_t*>(row)[group * 32 + lane] =
            static_cast<std::int8_t>(q == q ? round_to_int(fminf(fmaxf(q, -127.0f), 127.0f)) : 0);
        if (lane == 0)
            scales[group] = bits;
        break;
    }
    case CacheType::Q4_0: {
        // The value that is largest in size becomes -8, as in the format of files.
        const float largest = warp_max(fabsf(x));
        const std::uint32_t those = ballot(fabsf(x) == largest);
        const float extreme = shuffle(x, those ? lowest_bit(those) : 0);
        const std::uint16_t bits = float_to_half(extreme / -8.0f);
        const float scale = half_to_float(bits), inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
        const float q = x * inverse;
        const int own = (q == q ? round_to_int(fminf(fmaxf(q, -8.0f), 7.0f)) : 0) + 8,
                  high = shuffle_down(own, 2);
        if ((lane & 2) == 0)
            reinterpret_cast<std::uint8_t*>(row)[group * 16 + q4_byte(lane)] =
                static_cast<std::uint8_t>(own | high << 4);
        if (lane == 0)
            scales[group] = bits;
        break;
    }
    }
}

} // namespace switchyard::cuda
