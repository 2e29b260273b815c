// The operations of device_code.h as the device has them. All PTX stands here.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>
#include <cuda_runtime.h>

#include <cstdint>

/// A device function that has registers of its own, for kernels that call several.
#define SWITCHYARD_APART __noinline__

namespace switchyard::cuda {

// ---- Threads that meet

__device__ inline void sync_block() { __syncthreads(); }
__device__ inline void sync_warp() { __syncwarp(); }

/// The block's shared memory as a T. A kernel uses it as one T alone.
template <typename T>
__device__ inline T& shared_memory() {
    extern __shared__ __align__(128) unsigned char switchyard_shared[];
    return *reinterpret_cast<T*>(switchyard_shared);
}

// ---- Lanes that exchange values; all lanes of the warp take part

template <typename T>
__device__ inline T shuffle(T value, int lane) {
    return __shfl_sync(0xffffffffu, value, lane);
}
template <typename T>
__device__ inline T shuffle_xor(T value, int mask) {
    return __shfl_xor_sync(0xffffffffu, value, mask);
}
template <typename T>
__device__ inline T shuffle_down(T value, int distance) {
    return __shfl_down_sync(0xffffffffu, value, static_cast<unsigned>(distance));
}
template <typename T>
__device__ inline T shuffle_up(T value, int distance) {
    return __shfl_up_sync(0xffffffffu, value, static_cast<unsigned>(distance));
}
__device__ inline std::uint32_t ballot(bool vote) { return __ballot_sync(0xffffffffu, vote); }
/// The lanes that have the same value as this one.
__device__ inline std::uint32_t lanes_with(std::uint32_t value) {
    return __match_any_sync(0xffffffffu, value);
}
__device__ inline std::uint32_t max_of_lanes(std::uint32_t value) {
#if __CUDA_ARCH__ >= 800
    return __reduce_max_sync(0xffffffffu, value);
#else
    for (int distance = 16; distance > 0; distance /= 2)
        value = max(value, shuffle_xor(value, distance));
    return value;
#endif
}
__device__ inline std::uint32_t sum_of_lanes(std::uint32_t value) {
#if __CUDA_ARCH__ >= 800
    return __reduce_add_sync(0xffffffffu, value);
#else
    for (int distance = 16; distance > 0; distance /= 2)
        value += shuffle_xor(value, distance);
    return value;
#endif
}
__device__ inline std::uint32_t min_of_lanes(std::uint32_t value) { return ~max_of_lanes(~value); }

// ---- Numbers

__device__ inline float half_to_float(std::uint16_t bits) { return __half2float(__ushort_as_half(bits)); }
__device__ inline std::uint16_t float_to_half(float x) { return __half_as_ushort(__float2half_rn(x)); }
/// Two at once, `low` in the low bits.
__device__ inline std::uint32_t floats_to_halves(float low, float high) {
    const __half2 both = __floats2half2_rn(low, high);
    return static_cast<std::uint32_t>(__half_as_ushort(both.y)) << 16 | __half_as_ushort(both.x);
}
__device__ inline float bfloat_to_float(std::uint16_t bits) {
    return __uint_as_float(static_cast<std::uint32_t>(bits) << 16);
}
__device__ inline std::uint16_t float_to_bfloat(float x) {
    return __bfloat16_as_ushort(__float2bfloat16_rn(x));
}
/// E4M3 numbers: to nearest, at most +-448; NaN stays.
__device__ inline std::uint8_t float_to_e4m3(float x) {
    return __nv_cvt_float_to_fp8(x, __NV_SATFINITE, __NV_E4M3);
}
__device__ inline float e4m3_to_float(std::uint8_t bits) {
    return __half2float(__half(__nv_cvt_fp8_to_halfraw(bits, __NV_E4M3)));
}
__device__ inline std::uint32_t float_bits(float x) { return __float_as_uint(x); }
__device__ inline float bits_float(std::uint32_t x) { return __uint_as_float(x); }
/// Two E4M3 numbers, in the low bytes, as two F16 numbers.
__device__ inline std::uint32_t e4m3_to_halves(std::uint32_t two) {
    const __half2_raw both = __nv_cvt_fp8x2_to_halfraw2(static_cast<__nv_fp8x2_storage_t>(two), __NV_E4M3);
    return static_cast<std::uint32_t>(both.y) << 16 | both.x;
}
/// Two F16 numbers, the first in the low half: rounded from floats, and their differences.
__device__ inline std::uint32_t pack_halves(float first, float second) {
    const __half2_raw both = __floats2half2_rn(first, second);
    return static_cast<std::uint32_t>(both.y) << 16 | both.x;
}
__device__ inline std::uint32_t subtract_halves(std::uint32_t x, std::uint32_t y) {
    const __half2_raw a = {static_cast<std::uint16_t>(x), static_cast<std::uint16_t>(x >> 16)};
    const __half2_raw b = {static_cast<std::uint16_t>(y), static_cast<std::uint16_t>(y >> 16)};
    const __half2_raw difference = __hsub2(a, b);
    return static_cast<std::uint32_t>(difference.y) << 16 | difference.x;
}
/// Chooses four of the eight bytes of (low, high): nibble i of `selector` says which becomes byte i.
__device__ inline std::uint32_t permute_bytes(std::uint32_t low, std::uint32_t high, std::uint32_t selector) {
    return __byte_perm(low, high, selector);
}
/// sum + the products of four signed bytes.
__device__ inline std::int32_t dot4(std::uint32_t a, std::uint32_t b, std::int32_t sum) {
    return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
}
/// x + y and x * y, each rounded by itself: the compiler makes no fused operation of them.
__device__ inline float add_rounded(float x, float y) { return __fadd_rn(x, y); }
__device__ inline float multiply_rounded(float x, float y) { return __fmul_rn(x, y); }
/// Nearest integer, ties to even.
__device__ inline std::int32_t round_to_int(float x) { return __float2int_rn(x); }
__device__ inline int count_bits(std::uint32_t x) { return __popc(x); }
__device__ inline int lowest_bit(std::uint32_t x) { return __ffs(static_cast<int>(x)) - 1; }

// ---- Matrix tiles of a warp; fragments as in the PTX manual, "Matrix Fragments for mma.m16n8k32" and
// "m16n8k16"

/// c [16 x 8] += a [16 x 32] b [32 x 8] of 8-bit integers, a signed and b signed or not. With g = lane / 4
/// and t = lane % 4, byte i of a[0] is (row g, column 4t + i), a[1] is row g + 8, a[2] and a[3] are 16
/// columns on; byte i of b[0] is (row 4t + i, column g), b[1] 16 rows on; c[0], c[1] are (row g, columns 2t,
/// 2t + 1), c[2], c[3] 8 rows on.
template <bool kSignedB>
__device__ inline void mma_bytes(std::int32_t (&c)[4], const std::uint32_t (&a)[4],
                                 const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    if constexpr (kSignedB)
        asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
            "{%0,%1,%2,%3};"
            : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
    else
        asm("mma.sync.aligned.m16n8k32.row.col.s32.s8.u8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
            "{%0,%1,%2,%3};"
            : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else // four products of 8 x 16 with 16 x 8: the same fragments, a register at a time
    const auto part = [](std::int32_t& c0, std::int32_t& c1, std::uint32_t a_part, std::uint32_t b_part) {
        if constexpr (kSignedB)
            asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                : "+r"(c0), "+r"(c1)
                : "r"(a_part), "r"(b_part));
        else
            asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.u8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
                : "+r"(c0), "+r"(c1)
                : "r"(a_part), "r"(b_part));
    };
    part(c[0], c[1], a[0], b[0]);
    part(c[2], c[3], a[1], b[0]);
    part(c[0], c[1], a[2], b[1]);
    part(c[2], c[3], a[3], b[1]);
#endif
}

/// The same with 16 columns of a and 16 rows of b: a[0], a[1] and b alone.
template <bool kSignedB>
__device__ inline void mma_bytes_half(std::int32_t (&c)[4], const std::uint32_t (&a)[2], std::uint32_t b) {
#if __CUDA_ARCH__ >= 800
    if constexpr (kSignedB)
        asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
            : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(b));
    else
        asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.u8.s32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
            : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
            : "r"(a[0]), "r"(a[1]), "r"(b));
#else
    if constexpr (kSignedB) {
        asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
            : "+r"(c[0]), "+r"(c[1])
            : "r"(a[0]), "r"(b));
        asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
            : "+r"(c[2]), "+r"(c[3])
            : "r"(a[1]), "r"(b));
    } else {
        asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.u8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
            : "+r"(c[0]), "+r"(c[1])
            : "r"(a[0]), "r"(b));
        asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.u8.s32 {%0,%1}, {%2}, {%3}, {%0,%1};"
            : "+r"(c[2]), "+r"(c[3])
            : "r"(a[1]), "r"(b));
    }
#endif
}

/// c [16 x 8] += a [16 x 16] b [16 x 8] in floats of 16 bits, sums in floats. With g = lane / 4, t = lane % 4
/// the two values of a[0] are (row g, columns 2t, 2t + 1), a[1] is 8 rows on, a[2] 8 columns on, a[3] both;
/// those of b[0] are (rows 2t, 2t + 1, column g), b[1] 8 rows on; c as above.
__device__ inline void mma_half(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(b[0]));
    asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[2]), "r"(a[3]), "r"(b[1]));
#endif
}
__device__ inline void mma_bfloat(float (&c)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else // before 8.0 nothing multiplies these: weights in BF16 are placed as F32 there
    __trap();
#endif
}

// ---- Copies that go on beside the thread

/// 16 bytes into shared memory; both addresses are multiples of 16.
__device__ inline void async_copy(void* shared, const void* global) {
#if __CUDA_ARCH__ >= 800
    const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
#else
    *static_cast<uint4*>(shared) = *static_cast<const uint4*>(global);
#endif
}
/// Closes a group of copies of this thread.
__device__ inline void async_commit() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}
/// Waits until at most kPending of this thread's latest groups are under way. Others see the copies after
/// the next barrier.
template <int kPending>
__device__ inline void async_wait() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
}

/// What no launch writes, through the first-level cache.
template <typename T>
__device__ inline T load_constant(const void* from) {
    return __ldg(static_cast<const T*>(from));
}
/// Weights are read once a step: they should not push out what is read again.
__device__ inline uint4 load_weights(const void* from) { // 16 bytes
    uint4 v;
#if __CUDA_ARCH__ >= 700
    asm volatile("ld.global.nc.L1::no_allocate.v4.u32 {%0,%1,%2,%3}, [%4];"
                 : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
                 : "l"(from));
#else
    v = *static_cast<const uint4*>(from);
#endif
    return v;
}
/// The same for the scales beside them: 1, 2, 4, 8 or 16 bytes.
template <typename T>
__device__ inline T load_scales(const void* from) {
    static_assert(sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8 || sizeof(T) == 16);
    T v;
    if constexpr (sizeof(T) == 1) {
        std::uint16_t wide;
        asm volatile("ld.global.nc.L1::no_allocate.u8 %0, [%1];" : "=h"(wide) : "l"(from));
        v = static_cast<T>(wide);
    } else if constexpr (sizeof(T) == 2)
        asm volatile("ld.global.nc.L1::no_allocate.u16 %0, [%1];" : "=h"(v) : "l"(from));
    else if constexpr (sizeof(T) == 4)
        asm volatile("ld.global.nc.L1::no_allocate.u32 %0, [%1];" : "=r"(v) : "l"(from));
    else if constexpr (sizeof(T) == 8)
        asm volatile("ld.global.nc.L1::no_allocate.v2.u32 {%0,%1}, [%2];" : "=r"(v.x), "=r"(v.y) : "l"(from));
    else
        v = load_weights(from);
    return v;
}

/// Asks for what will be read, into the second-level cache; both are multiples of 16. Only where launches
/// overlap, so that there is something to wait for.
__device__ inline void prefetch_weights(const void* from, std::uint32_t bytes) {
#if __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(from), "r"(bytes));
#endif
}

// ---- Launches that overlap

/// Before memory is touched that the launch before writes, or that it reads and this one writes.
__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// The next launch may begin.
__device__ inline void let_next_start() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/// Nanoseconds of a clock that all multiprocessors share.
__device__ inline std::uint64_t device_time() {
    std::uint64_t t;
    asm volatile("mov.u64 %0, %globaltimer;" : "=l"(t));
    return t;
}

/// Adds 1 to a counter in the block's shared memory: sums of integers know no order.
__device__ inline void count_shared(std::uint32_t* counter) { atomicAdd(counter, 1u); }

// ---- Blocks of a launch that hand over to each other, by counters that are zero at first

/// By one thread, behind a meeting of its block: counts the block's arrival, and whoever sees the count sees
/// what the block has written. Returns how many came before it; what those wrote is there for this thread,
/// and behind the next meeting for its block.
__device__ inline std::uint32_t arrive_at(std::uint32_t* counter) {
    __threadfence();
    const std::uint32_t before = atomicAdd(counter, 1u);
    __threadfence();
    return before;
}
/// The same for who does not ask how many came before: one fence, and nothing to wait for.
__device__ inline void count_arrival(std::uint32_t* counter) {
    asm volatile("red.release.gpu.global.add.u32 [%0], 1;" ::"l"(counter) : "memory");
}
/// By one thread: until `count` blocks have arrived, all of which must be running or have run. What they
/// wrote is there for this thread, and behind the next meeting for its block. A wait of seconds is in vain,
/// and ends the launch with an error.
__device__ inline void wait_for_arrivals(const std::uint32_t* counter, std::uint32_t count) {
    constexpr std::uint64_t kInVain = 5'000'000'000; // nanoseconds
    std::uint64_t began = 0;
    for (int tries = 1;; ++tries) {
        std::uint32_t there;
        // What other blocks of the multiprocessor have in the first-level cache stays there meanwhile.
        asm volatile("ld.relaxed.gpu.global.u32 %0, [%1];" : "=r"(there) : "l"(counter) : "memory");
        if (there >= count)
            break;
        if (tries % 4096 != 0) // the clock is slow to read
            continue;
        const std::uint64_t now = device_time();
        began = began == 0 ? now : began;
        if (now - began > kInVain)
            __trap();
    }
    asm volatile("fence.acq_rel.gpu;" ::: "memory");
}

} // namespace switchyard::cuda
