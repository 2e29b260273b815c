// What a card does not compute as the CPU does is off: a type of weights, or the card.
#include "engine/backends/cuda/self_check.h"
#include "kernels/cuda/kernel_list.h"
#include "tests/engine/cuda/emulated_backend.h"

#include <gtest/gtest.h>

namespace switchyard::cuda {
namespace {

std::shared_ptr<Backend> unchecked(std::function<bool(const Launch&)> loses) {
    return test::emulated_backend({.loses = std::move(loses)});
}

TEST(SelfCheck, ACardThatComputesAsTheCpuIsUsed) {
    const SelfCheck check = check_card(*unchecked(nullptr));
    EXPECT_EQ(check.trouble, "");
    EXPECT_TRUE(check.off.empty());
}

TEST(SelfCheck, ACardThatLosesAKernelIsNotUsed) {
    for (const Kernel lost : {Kernel::Attend, Kernel::AttendPrompt}) {
        const auto loses = [lost](const Launch& launch) { return launch.kernel == lost; };
        EXPECT_EQ(check_card(*unchecked(loses)).trouble, "its kernels compute something else than the CPU")
            << kernel_name(lost);
    }
    const auto loses = [](const Launch& launch) { return launch.kernel == Kernel::Embed; };
    try {
        make_cuda_backend(make_emulated_device({.loses = loses}));
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "emulated device is not used: its kernels compute something else than the CPU");
    }
}

TEST(SelfCheck, ATypeThatDiffersIsPlacedAsAnother) {
    const auto loses = [](const Launch& launch) {
        return launch.kernel == Kernel::Encode &&
               static_cast<const EncodeParams*>(launch.params)->type == BlockType::Q5_1;
    };
    EXPECT_EQ(check_card(*unchecked(loses)).off, std::vector{BlockType::Q5_1});
    const auto backend = make_cuda_backend(make_emulated_device({.loses = loses}), {.threads = 1});
    std::vector<std::byte> blocks(16 * row_bytes(BlockType::Q5_1, 64));
    const TensorView tensor{"weight", BlockType::Q5_1, {64, 16}, blocks.data(), blocks.size()};
    const WeightSource source{
        .name = "weight", .role = WeightRole::Attention, .use = WeightUse::Matrix, .tensor = &tensor};
    EXPECT_EQ(backend->place(source, 0, nullptr).type, BlockType::Q8_0);
}

} // namespace
} // namespace switchyard::cuda
