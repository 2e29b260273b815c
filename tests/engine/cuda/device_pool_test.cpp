// Device memory in pieces: what is taken, what is free, what goes back.
#include "engine/backends/cuda/cuda_backend.h"
#include "engine/backends/cuda/device_pool.h"
#include "engine/base/error.h"
#include "kernels/cuda/emulation/emulated_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace switchyard::cuda {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct DevicePoolTest : testing::Test {
    std::shared_ptr<Device> device = make_emulated_device({.memory_bytes = 64 * kMiB});
    std::shared_ptr<DevicePool> pool = std::make_shared<DevicePool>(device, 4 * kMiB);
};

TEST_F(DevicePoolTest, PiecesShareAStretchAndNeverOverlap) {
    const std::size_t free = device->memory().free;
    std::mt19937 random(5);
    std::vector<std::pair<std::shared_ptr<std::byte>, std::size_t>> pieces;
    for (int i = 0; i < 2000; ++i) {
        if (pieces.size() > 40 || (!pieces.empty() && random() % 3 == 0)) {
            std::swap(pieces[random() % pieces.size()], pieces.back());
            pieces.pop_back();
        } else {
            const std::size_t bytes = 1 + random() % (200 << 10);
            pieces.emplace_back(pool->allocate(bytes, "a test"), bytes);
        }
        std::vector<std::pair<const std::byte*, std::size_t>> sorted;
        std::size_t used = 0;
        for (const auto& [memory, bytes] : pieces) {
            ASSERT_EQ(reinterpret_cast<std::uintptr_t>(memory.get()) % 256, 0u);
            sorted.emplace_back(memory.get(), bytes);
            used += (bytes + 255) / 256 * 256;
        }
        std::ranges::sort(sorted);
        for (std::size_t p = 1; p < sorted.size(); ++p)
            ASSERT_LE(sorted[p - 1].first + sorted[p - 1].second, sorted[p].first);
        ASSERT_EQ(pool->used_bytes(), used);
        ASSERT_GE(pool->held_bytes(), used);
    }
    pieces.clear();
    EXPECT_EQ(pool->held_bytes(), 0u) << "what nobody holds goes back to the device";
    EXPECT_EQ(device->memory().free, free);
}

TEST_F(DevicePoolTest, ABackendTellsHowItsDeviceIs) {
    const auto backend = make_cuda_backend(device);
    const DeviceStatus status = backend->device_status();
    EXPECT_EQ(status.total, 64 * kMiB);
    EXPECT_EQ(status.taken, 0u);
    EXPECT_EQ(status.free, device->memory().free);
    EXPECT_FALSE(status.short_of_memory);
    EXPECT_EQ(status.lost, "");
}

TEST_F(DevicePoolTest, KnowsWhetherTheLastWishFailed) {
    EXPECT_FALSE(pool->short_of_memory());
    EXPECT_THROW(pool->allocate(80 * kMiB, "a weight"), Error);
    EXPECT_TRUE(pool->short_of_memory());
    const auto piece = pool->allocate(kMiB, "a weight");
    EXPECT_FALSE(pool->short_of_memory());
}

TEST_F(DevicePoolTest, SaysWhatWasNeededForWhatAndWhatIsFree) {
    const auto most = pool->allocate(48 * kMiB, "a weight");
    try {
        pool->allocate(20 * kMiB, "the KV cache");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(std::string(error.what()).find("the KV cache needs 20.0 MiB on emulated device, of which "),
                  0u)
            << error.what();
    }
    // Where no whole stretch is free, the piece itself may be.
    EXPECT_NE(pool->allocate(3 * kMiB, "a weight"), nullptr);
}

TEST_F(DevicePoolTest, PiecesOutliveIt) {
    auto piece = pool->allocate(1000, "a test");
    pool.reset();
    EXPECT_LT(device->memory().free, 64 * kMiB - 4 * kMiB);
    piece.reset();
    EXPECT_GT(device->memory().free, 64 * kMiB - 4 * kMiB);
}

} // namespace
} // namespace switchyard::cuda
