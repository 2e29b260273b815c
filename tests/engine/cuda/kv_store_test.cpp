// The memory of KV blocks on a device.
#include "engine/backends/cuda/kv_store.h"
#include "engine/base/error.h"
#include "kernels/cuda/emulation/emulated_device.h"

#include <gtest/gtest.h>

namespace switchyard::cuda {
namespace {

KvStore store_on(int compute) {
    Plan plan;
    plan.kv.push_back({.kv_heads = 2, .key_dim = 64, .value_dim = 64});
    EmulatedOptions options;
    options.memory_bytes = std::size_t{256} << 20;
    options.compute = compute;
    return KvStore(plan, std::make_shared<DevicePool>(make_emulated_device(options)));
}

TEST(CudaKvStore, OlderCardsKeepNoFp8) {
    for (const int compute : {75, 80, 86}) {
        KvStore store = store_on(compute);
        try {
            store.allocate(BlockType::FP8);
            ADD_FAILURE() << compute;
        } catch (const Error& error) {
            EXPECT_EQ(std::string(error.what()),
                      "the KV cache cannot be kept as FP8 on emulated device, whose compute capability is " +
                          std::to_string(compute / 10) + "." + std::to_string(compute % 10) +
                          " and not 8.9 or newer: choose F16, Q8_0 or Q4_0");
        }
        EXPECT_EQ(store.bytes(), 0u);
        store.release(store.allocate(BlockType::Q8_0));
    }
    for (const int compute : {89, 90}) {
        KvStore store = store_on(compute);
        const KvBlockId block = store.allocate(BlockType::FP8);
        EXPECT_EQ(store.block_bytes(BlockType::FP8) * 2, store.block_bytes(BlockType::F16));
        store.release(block);
    }
}

} // namespace
} // namespace switchyard::cuda
