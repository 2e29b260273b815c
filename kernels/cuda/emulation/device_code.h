// The operations of kernels/cuda/device_code.h on the CPU. Each thread of a block is a fiber; lanes of a warp
// meet at every operation that exchanges values, and a warp runs until all its lanes wait for the block.
#pragma once

#include "kernels/cuda/emulation/block.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __grid_constant__
#define __launch_bounds__(...)
#define SWITCHYARD_APART

#define threadIdx (::switchyard::cuda::emulation::this_thread().thread_index())
#define blockIdx (::switchyard::cuda::emulation::this_thread().block_index())
#define blockDim (::switchyard::cuda::emulation::this_thread().block_size())
#define gridDim (::switchyard::cuda::emulation::this_thread().grid_size())

namespace switchyard::cuda {

// CUDA's own vector types and functions that kernels use.
struct alignas(8) uint2 {
    std::uint32_t x, y;
};
struct alignas(16) uint4 {
    std::uint32_t x, y, z, w;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
struct alignas(8) float2 {
    float x, y;
};
using ::copysignf, ::cos, ::sin, ::exp, ::expf, ::fabsf, ::fmaf, ::fmaxf, ::fminf, ::log, ::log1pf, ::logf,
    ::sqrtf, ::tanhf;
using std::max;
using std::min;
inline float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
inline float __expf(float x) { return std::exp(x); }
inline float __fdividef(float x, float y) { return x / y; }

// ---- Threads that meet

inline void sync_block() { emulation::this_thread().meet_block(); }
inline void sync_warp() { emulation::this_thread().meet_warp(); }
template <typename T>
inline T& shared_memory() {
    return *reinterpret_cast<T*>(emulation::this_thread().shared_memory());
}

// ---- Lanes that exchange values

template <typename T>
inline T shuffle(T value, int lane) {
    static_assert(sizeof(T) <= sizeof(emulation::Words) && std::is_trivially_copyable_v<T>);
    emulation::Words words = {};
    std::memcpy(&words, &value, sizeof value);
    const emulation::Words* all = emulation::this_thread().exchange(words);
    std::memcpy(&value, &all[lane & 31], sizeof value);
    return value;
}
template <typename T>
inline T shuffle_xor(T value, int mask) {
    return shuffle(value, emulation::this_thread().lane() ^ mask);
}
template <typename T>
inline T shuffle_down(T value, int distance) {
    const int lane = emulation::this_thread().lane();
    return shuffle(value, lane + distance < 32 ? lane + distance : lane);
}
template <typename T>
inline T shuffle_up(T value, int distance) {
    const int lane = emulation::this_thread().lane();
    return shuffle(value, lane >= distance ? lane - distance : lane);
}
inline std::uint32_t ballot(bool vote) {
    const emulation::Words* all = emulation::this_thread().exchange({vote ? 1u : 0u});
    std::uint32_t votes = 0;
    for (int i = 0; i < 32; ++i)
        votes |= all[i].word[0] << i;
    return votes;
}
inline std::uint32_t lanes_with(std::uint32_t value) {
    const emulation::Words* all = emulation::this_thread().exchange({value});
    std::uint32_t lanes = 0;
    for (int i = 0; i < 32; ++i)
        lanes |= (all[i].word[0] == value ? 1u : 0u) << i;
    return lanes;
}
inline std::uint32_t max_of_lanes(std::uint32_t value) {
    const emulation::Words* all = emulation::this_thread().exchange({value});
    for (int i = 0; i < 32; ++i)
        value = std::max(value, all[i].word[0]);
    return value;
}
inline std::uint32_t sum_of_lanes(std::uint32_t value) {
    const emulation::Words* all = emulation::this_thread().exchange({value});
    std::uint32_t sum = 0;
    for (int i = 0; i < 32; ++i)
        sum += all[i].word[0];
    return sum;
}
inline std::uint32_t min_of_lanes(std::uint32_t value) { return ~max_of_lanes(~value); }

// ---- Numbers

inline float half_to_float(std::uint16_t bits) { return emulation::half_value(bits); }
inline std::uint16_t float_to_half(float x) { return emulation::half_bits(x); }
inline std::uint32_t floats_to_halves(float low, float high) {
    return static_cast<std::uint32_t>(float_to_half(high)) << 16 | float_to_half(low);
}
inline float bfloat_to_float(std::uint16_t bits) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16);
}
inline std::uint16_t float_to_bfloat(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return 0x7fff;
    return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}
inline std::uint8_t float_to_e4m3(float x) { return emulation::e4m3_bits(x); }
inline float e4m3_to_float(std::uint8_t bits) { return emulation::e4m3_value(bits); }
inline std::uint32_t float_bits(float x) { return std::bit_cast<std::uint32_t>(x); }
inline float bits_float(std::uint32_t x) { return std::bit_cast<float>(x); }
inline std::uint32_t pack_halves(float first, float second) {
    return static_cast<std::uint32_t>(float_to_half(second)) << 16 | float_to_half(first);
}
inline std::uint32_t e4m3_to_halves(std::uint32_t two) {
    return pack_halves(e4m3_to_float(static_cast<std::uint8_t>(two)),
                       e4m3_to_float(static_cast<std::uint8_t>(two >> 8)));
}
inline std::uint32_t subtract_halves(std::uint32_t x, std::uint32_t y) {
    const auto low = [](std::uint32_t both) { return half_to_float(static_cast<std::uint16_t>(both)); };
    return pack_halves(low(x) - low(y), low(x >> 16) - low(y >> 16));
}
inline std::uint32_t permute_bytes(std::uint32_t low, std::uint32_t high, std::uint32_t selector) {
    const std::uint64_t bytes = std::uint64_t{high} << 32 | low;
    std::uint32_t out = 0;
    for (int i = 0; i < 4; ++i) {
        const std::uint32_t nibble = selector >> (4 * i) & 0xfu;
        auto byte = static_cast<std::uint32_t>(bytes >> (8 * (nibble & 7u)) & 0xffu);
        if (nibble & 8u) // its sign, eight times
            byte = byte & 0x80u ? 0xffu : 0u;
        out |= byte << (8 * i);
    }
    return out;
}
inline std::int32_t dot4(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
    for (int i = 0; i < 4; ++i)
        sum += static_cast<std::int8_t>(a >> (8 * i)) * static_cast<std::int8_t>(b >> (8 * i));
    return sum;
}
inline float add_rounded(float x, float y) { return x + y; }
inline float multiply_rounded(float x, float y) { return x * y; }
inline std::int32_t round_to_int(float x) { return static_cast<std::int32_t>(std::nearbyint(x)); }
inline int count_bits(std::uint32_t x) { return std::popcount(x); }
inline int lowest_bit(std::uint32_t x) { return x == 0 ? -1 : std::countr_zero(x); }

// ---- Matrix tiles of a warp

template <bool kSignedB>
inline void mma_bytes(std::int32_t (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    using emulation::Meeting;
    emulation::this_thread().multiply(kSignedB ? Meeting::SignedBytes : Meeting::UnsignedBytes, a, b, c);
}
template <bool kSignedB>
inline void mma_bytes_half(std::int32_t (&c)[4], const std::uint32_t (&a)[2], std::uint32_t b) {
    using emulation::Meeting;
    emulation::this_thread().multiply(kSignedB ? Meeting::SignedBytesHalf : Meeting::UnsignedBytesHalf,
                                      {a[0], a[1], 0, 0}, {b, 0}, c);
}
inline void mma_half(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    emulation::this_thread().multiply(emulation::Meeting::Halves, a, b, c);
}
inline void mma_bfloat(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
    emulation::this_thread().multiply(emulation::Meeting::Bfloats, a, b, c);
}

// ---- Copies that go on beside the thread: they land when they are waited for, and no sooner

inline void async_copy(void* shared, const void* global) {
    emulation::this_thread().async_copy(shared, global);
}
inline void async_commit() { emulation::this_thread().async_commit(); }
template <int kPending>
inline void async_wait() {
    emulation::this_thread().async_wait(kPending);
}
template <typename T>
inline T load_constant(const void* from) {
    return *static_cast<const T*>(from);
}
inline uint4 load_weights(const void* from) { return *static_cast<const uint4*>(from); }
template <typename T>
inline T load_scales(const void* from) {
    return *static_cast<const T*>(from);
}

inline void prefetch_weights(const void* from, std::uint32_t bytes) {
    emulation::check_prefetch(static_cast<const std::byte*>(from), bytes);
}

// ---- Launches that overlap

inline void wait_for_previous() { emulation::this_thread().wait_for_previous(); }
inline void let_next_start() {}

/// A block's threads take turns.
inline void count_shared(std::uint32_t* counter) { ++*counter; }

// ---- Blocks of a launch that hand over to each other

inline std::uint32_t arrive_at(std::uint32_t* counter) {
    return std::atomic_ref(*counter).fetch_add(1, std::memory_order_acq_rel);
}
inline void count_arrival(std::uint32_t* counter) { arrive_at(counter); }
inline void wait_for_arrivals(const std::uint32_t* counter, std::uint32_t count) {
    if (!emulation::this_thread().waits_for_arrivals())
        return;
    while (std::atomic_ref(*const_cast<std::uint32_t*>(counter)).load(std::memory_order_acquire) < count)
        emulation::this_thread().yield();
}

inline std::uint64_t device_time() { return emulation::device_time(); }

} // namespace switchyard::cuda
