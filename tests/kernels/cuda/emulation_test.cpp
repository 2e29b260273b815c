// The emulated device itself: that it runs kernels as a device would, and finds the faults that it is for.
#include "kernels/cuda/launchers.h"
#include "tests/kernels/cuda/test_device.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <numeric>
#include <random>
#include <set>
#include <stdexcept>
#include <vector>

namespace switchyard::cuda {
namespace {

constexpr int kThreads = 128;

struct Params {
    float* out;
    const float* in;
    int fault;
};

template <void (*kKernel)(Params)>
void start(Stream& stream, GridSize grid, const Params& params, bool dependent = false,
           std::size_t shared = 4096) {
    emulation::enqueue(&stream, {Kernel::kCount, grid, dependent, &params}, kThreads, shared, sizeof params,
                       [](const void* p) { kKernel(*static_cast<const Params*>(p)); });
}

struct Sums {
    float of_warp[kThreads / 32];
    float values[kThreads];
};

/// out[block] = the sum of the block's 128 inputs, through shared memory. Faults are planted by number.
void sum_blocks(Params p) {
    Sums& shared = shared_memory<Sums>();
    const auto i = static_cast<int>(threadIdx.x);
    wait_for_previous();
    shared.values[i] = p.in[blockIdx.x * kThreads + threadIdx.x];
    if (p.fault != 1)
        sync_block();
    // Read what another warp wrote.
    float sum = warp_sum(shared.values[(i + 32) % kThreads]);
    if (lane_index() == 0)
        shared.of_warp[warp_index()] = sum;
    if (p.fault == 2 && warp_index() == 0)
        return; // before a meeting
    sync_block();
    if (i == 0)
        p.out[blockIdx.x] = shared.of_warp[0] + shared.of_warp[1] + shared.of_warp[2] + shared.of_warp[3];
}

/// Reads before it waits for who writes.
void read_early(Params p) {
    const float x = p.in[0];
    wait_for_previous();
    if (threadIdx.x == 0)
        p.out[0] = 2 * x;
}

struct Ring {
    alignas(16) float values[kThreads * 4];
};

/// Doubles its inputs on their way through shared memory.
void copy_through(Params p) {
    Ring& shared = shared_memory<Ring>();
    const std::size_t i = 4 * threadIdx.x;
    async_copy(shared.values + i, p.in + i);
    async_commit();
    if (p.fault == 3)
        async_wait<1>();
    else
        async_wait<0>();
    sync_block();
    for (std::size_t k = i; k < i + 4; ++k)
        p.out[k] = 2 * shared.values[kThreads * 4 - 1 - k];
}

void diverge(Params p) {
    float x = 1;
    if (lane_index() < 16)
        x = shuffle_xor(x, 1);
    p.out[threadIdx.x] = x;
}

void run_over(Params p) { p.out[threadIdx.x + static_cast<unsigned>(p.fault)] = 1; }

/// Each lane reads what the next has written.
void rotate_lanes(Params p) {
    Sums& shared = shared_memory<Sums>();
    const auto i = static_cast<int>(threadIdx.x);
    wait_for_previous();
    shared.values[i] = p.in[i];
    if (p.fault != 4)
        sync_warp();
    p.out[i] = shared.values[i / 32 * 32 + (i + 1) % 32];
}

#if defined(__SANITIZE_THREAD__)
constexpr bool kFindsRaces = true;
#else
constexpr bool kFindsRaces = false;
#endif

/// The thread sanitizer ends a process in which it found a race with 66.
template <typename Run>
void expect_race(const Run& run) {
    EXPECT_EXIT(
        {
            run();
            std::exit(0);
        },
        testing::ExitedWithCode(66), "data race");
}

struct EmulatedKernels : testing::Test {
    std::unique_ptr<Device> device = make_emulated_device();
    std::unique_ptr<Stream> stream = device->make_stream();
    std::vector<float> values = std::vector<float>(4 * kThreads);
    EmulatedKernels() { std::iota(values.begin(), values.end(), 1.0f); }
};

TEST_F(EmulatedKernels, SumThroughSharedMemory) {
    const float* in = upload(*device, *stream, values);
    float* out = upload(*device, *stream, std::vector<float>(4));
    start<sum_blocks>(*stream, {4, 1}, {out, in, 0});
    EXPECT_EQ(download(*stream, out, 4), (std::vector<float>{8256, 24640, 41024, 57408}));
}

TEST_F(EmulatedKernels, AMissingBarrierShows) {
    const float* in = upload(*device, *stream, values);
    float* out = upload(*device, *stream, std::vector<float>(4));
    const auto sums = [&] {
        start<sum_blocks>(*stream, {4, 1}, {out, in, 1});
        return download(*stream, out, 4);
    };
    if (kFindsRaces)
        expect_race(sums);
    else
        EXPECT_TRUE(std::ranges::any_of(sums(), [](float sum) { return std::isnan(sum); }));
}

TEST_F(EmulatedKernels, LanesThatDoNotMeetShow) {
    const float* in = upload(*device, *stream, values);
    float* out = upload(*device, *stream, values);
    const auto rotated = [&](int fault) {
        start<rotate_lanes>(*stream, {1, 1}, {out, in, fault});
        return download(*stream, out, kThreads);
    };
    EXPECT_EQ(rotated(0)[31], 1);
    if (kFindsRaces)
        expect_race([&] { rotated(4); });
    else
        EXPECT_TRUE(std::ranges::any_of(rotated(4), [](float x) { return std::isnan(x); }));
}

TEST_F(EmulatedKernels, AThreadThatLeavesBeforeABarrierShows) {
    const float* in = upload(*device, *stream, values);
    start<sum_blocks>(*stream, {1, 1}, {const_cast<float*>(in), in, 2});
    EXPECT_THROW(stream->synchronise(), std::logic_error);
}

TEST_F(EmulatedKernels, LanesThatDivergeShow) {
    float* out = upload(*device, *stream, values);
    start<diverge>(*stream, {1, 1}, {out, nullptr, 0});
    EXPECT_THROW(stream->synchronise(), std::logic_error);
}

TEST_F(EmulatedKernels, ADependentLaunchBeginsBeforeTheOneBeforeIt) {
    const float* in = upload(*device, *stream, values);
    float* sum = upload(*device, *stream, std::vector<float>{-1});
    float* out = upload(*device, *stream, std::vector<float>{0});
    const auto early = [&] {
        start<sum_blocks>(*stream, {1, 1}, {sum, in, 0});
        start<read_early>(*stream, {1, 1}, {out, sum, 0}, true);
        return download(*stream, out, 1).front();
    };
    if (kFindsRaces)
        expect_race(early);
    else
        EXPECT_EQ(early(), -2); // the old value: a fault of read_early
    start<sum_blocks>(*stream, {1, 1}, {sum, in, 0});
    start<read_early>(*stream, {1, 1}, {out, sum, 0}, false);
    EXPECT_EQ(download(*stream, out, 1).front(), 2 * 8256);
}

/// Waits for nobody, in all blocks or in all but one.
void wait_seldom(Params p) {
    if (p.fault == 0 && blockIdx.x == 2)
        wait_for_previous();
}

TEST_F(EmulatedKernels, ADependentLaunchWaitsSomewhere) {
    const float* in = upload(*device, *stream, values);
    float* sum = upload(*device, *stream, std::vector<float>{-1});
    const auto follow = [&](int fault, bool dependent) {
        start<sum_blocks>(*stream, {1, 1}, {sum, in, 0});
        start<wait_seldom>(*stream, {6, 1}, {nullptr, nullptr, fault}, dependent);
        stream->synchronise();
    };
    EXPECT_NO_THROW(follow(0, true));
    EXPECT_NO_THROW(follow(1, false));
    EXPECT_THROW(follow(1, true), std::logic_error);
}

// Who starts while another waits may begin before what that one waits for.
TEST_F(EmulatedKernels, DependentLaunchesInARowBeginBeforeTheFirst) {
    const float* in = upload(*device, *stream, values);
    float* sum = upload(*device, *stream, std::vector<float>{-1});
    float* out = upload(*device, *stream, std::vector<float>{0});
    const auto third = [&] {
        start<sum_blocks>(*stream, {1, 1}, {sum, in, 0});
        start<wait_seldom>(*stream, {6, 1}, {nullptr, nullptr, 0}, true);
        start<read_early>(*stream, {1, 1}, {out, sum, 0}, true);
        return download(*stream, out, 1).front();
    };
    if (kFindsRaces)
        expect_race(third);
    else
        EXPECT_EQ(third(), -2);
}

TEST_F(EmulatedKernels, ACopyLandsWhenItIsWaitedFor) {
    const float* in = upload(*device, *stream, values);
    float* out = upload(*device, *stream, values);
    start<copy_through>(*stream, {1, 1}, {out, in, 0});
    EXPECT_EQ(download(*stream, out, 1).front(), 2 * 512);
    start<copy_through>(*stream, {1, 1}, {out, in, 3});
    EXPECT_TRUE(std::isnan(download(*stream, out, 1).front()));
}

TEST_F(EmulatedKernels, TheHostMayNotTouchItsMemory) {
    float* out = upload(*device, *stream, values);
    // Killed by a signal, or ended by a sanitizer that catches it.
    EXPECT_EXIT(
        {
            *const_cast<volatile float*>(out);
            std::_Exit(0);
        },
        [](int status) { return !testing::ExitedWithCode(0)(status); }, "");
}

TEST_F(EmulatedKernels, AGraphReadsHostMemoryWhenItRuns) {
    std::vector<float> staging(values);
    float* in = upload(*device, *stream, values);
    float* out = upload(*device, *stream, std::vector<float>(1));
    stream->begin_recording();
    stream->copy_to_device(reinterpret_cast<std::byte*>(in), reinterpret_cast<std::byte*>(staging.data()),
                           kThreads * sizeof(float));
    start<sum_blocks>(*stream, {1, 1}, {out, in, 0});
    const auto graph = stream->end_recording();
    for (const float first : {1.0f, 101.0f}) {
        staging[0] = first;
        stream->start(*graph);
        EXPECT_EQ(download(*stream, out, 1).front(), 8255 + first);
    }
    EXPECT_EQ(counts_of(*device).graphs, 2u);
}

TEST_F(EmulatedKernels, MemoryEnds) {
    const std::size_t free = device->memory().free;
    EXPECT_EQ(device->allocate(free + 1), nullptr);
    std::byte* all = device->allocate(free / 2);
    ASSERT_NE(all, nullptr);
    EXPECT_EQ(device->allocate(free / 2), nullptr);
    device->release(all);
    EXPECT_EQ(device->memory().free, free);
}

TEST(EmulatedDevice, IsLost) {
    const auto device = make_emulated_device({.lost_at = 2});
    const auto stream = device->make_stream();
    float* out = upload(*device, *stream, std::vector<float>(256));
    start<run_over>(*stream, {1, 1}, {out, nullptr, 0});
    stream->synchronise();
    start<run_over>(*stream, {1, 1}, {out, nullptr, 0});
    EXPECT_THROW(stream->synchronise(), DeviceError);
}

/// Products of tiles against plain sums, from fragments as the PTX manual lays them out.
struct TileParams {
    const std::int8_t* a;  // [16][32]
    const std::uint8_t* b; // [32][8]
    std::int32_t* out;     // [2][16][8]: b signed, b not
};

void multiply_tiles(TileParams p) {
    const int g = lane_index() / 4, t = lane_index() % 4;
    std::uint32_t a[4], b[2];
    for (int i = 0; i < 4; ++i)
        std::memcpy(&a[i], p.a + (g + i % 2 * 8) * 32 + i / 2 * 16 + 4 * t, 4);
    for (int i = 0; i < 2; ++i) {
        b[i] = 0;
        for (int k = 0; k < 4; ++k)
            b[i] |= static_cast<std::uint32_t>(p.b[(16 * i + 4 * t + k) * 8 + g]) << (8 * k);
    }
    std::int32_t sum[2][4] = {};
    mma_bytes<true>(sum[0], a, b);
    mma_bytes<false>(sum[1], a, b);
    for (int s = 0; s < 2; ++s)
        for (int i = 0; i < 4; ++i)
            p.out[s * 128 + (g + i / 2 * 8) * 8 + 2 * t + i % 2] = sum[s][i];
}

TEST_F(EmulatedKernels, TilesOfBytes) {
    std::mt19937 random(3);
    std::vector<std::int8_t> a(16 * 32);
    std::vector<std::uint8_t> b(32 * 8);
    for (auto& x : a)
        x = static_cast<std::int8_t>(random());
    for (auto& x : b)
        x = static_cast<std::uint8_t>(random());
    std::vector<std::int32_t> expected(256);
    for (int s = 0; s < 2; ++s)
        for (std::size_t i = 0; i < 16; ++i)
            for (std::size_t j = 0; j < 8; ++j)
                for (std::size_t k = 0; k < 32; ++k)
                    expected[static_cast<std::size_t>(s) * 128 + i * 8 + j] +=
                        a[i * 32 + k] * (s == 0 ? static_cast<std::int8_t>(b[k * 8 + j]) : b[k * 8 + j]);
    const TileParams params{upload(*device, *stream, a), upload(*device, *stream, b),
                            upload(*device, *stream, std::vector<std::int32_t>(256))};
    emulation::enqueue(stream.get(), {Kernel::kCount, {1, 1}, false, &params}, 32, 0, sizeof params,
                       [](const void* p) { multiply_tiles(*static_cast<const TileParams*>(p)); });
    EXPECT_EQ(download(*stream, params.out, 256), expected);
}

TEST_F(EmulatedKernels, HalvesRoundToNearest) {
    for (std::uint32_t bits = 0; bits < 0x7c00; ++bits) {
        const float x = half_to_float(static_cast<std::uint16_t>(bits));
        const float next = half_to_float(static_cast<std::uint16_t>(bits + 1));
        ASSERT_EQ(float_to_half(x), bits);
        if (bits + 1 < 0x7c00) {
            ASSERT_EQ(float_to_half(x + (next - x) * 0.25f), bits);
            ASSERT_EQ(float_to_half(-(x + (next - x) * 0.5f)), 0x8000 | (bits + (bits & 1)));
        }
    }
    EXPECT_EQ(float_to_half(65520.0f), 0x7c00);
    EXPECT_EQ(float_to_half(65519.0f), 0x7bff);
}

} // namespace
} // namespace switchyard::cuda
