// What a card does not compute as the CPU does is off: a type of weights, or the card. Each is asked once.
#include "engine/backends/cuda/self_check.h"
#include "kernels/cuda/kernel_list.h"
#include "tests/engine/cuda/emulated_backend.h"
#include "tests/support/temporary_folder.h"

#include <gtest/gtest.h>

#include <fstream>

namespace switchyard::cuda {
namespace {

using Loses = std::function<bool(const Launch&)>;

/// An emulated card, and how often it was asked to compute something.
struct Card {
    explicit Card(Loses loses = nullptr)
        : device(make_emulated_device({.loses = [this, loses = std::move(loses)](const Launch& launch) {
              ++launches;
              return loses && loses(launch);
          }})) {}
    std::shared_ptr<Backend> backend(const std::filesystem::path& file = {}, const std::string& build = "1") {
        return make_cuda_backend(device, {.threads = 1, .card_checks = file, .build = build});
    }
    SelfCheck check(const std::filesystem::path& file = {}) {
        return {[this](StepLaunches launches) {
                    return make_cuda_backend(device, {.threads = 1, .launches = launches, .check = false});
                },
                CheckMemory(file), "card"};
    }
    std::atomic<int> launches{0};
    std::shared_ptr<Device> device;
};

Loses loses_kernel(Kernel lost) {
    return [lost](const Launch& launch) { return launch.kernel == lost; };
}
/// A card that lays out weights of one type wrongly.
Loses loses_type(BlockType type) {
    return [type](const Launch& launch) {
        return launch.kernel == Kernel::Encode &&
               static_cast<const EncodeParams*>(launch.params)->type == type;
    };
}

/// A matrix of a file, of zeros.
struct FileMatrixOf {
    explicit FileMatrixOf(BlockType type)
        : blocks(16 * row_bytes(type, 256)), tensor{"weight", type, {256, 16}, blocks.data(), blocks.size()},
          source{
              .name = "weight", .role = WeightRole::Attention, .use = WeightUse::Matrix, .tensor = &tensor} {}
    FileMatrixOf(const FileMatrixOf&) = delete;
    BlockType placed(Backend& backend) const { return backend.place(source, 0, nullptr).type; }

    std::vector<std::byte> blocks;
    TensorView tensor;
    WeightSource source;
};

TEST(SelfCheck, ACardThatComputesAsTheCpuIsUsed) {
    Card card;
    SelfCheck check = card.check();
    EXPECT_EQ(check.trouble(), "");
    for (int t = 0; t < kBlockTypes; ++t)
        EXPECT_TRUE(check.serves(static_cast<BlockType>(t))) << traits(static_cast<BlockType>(t)).name;
}

TEST(SelfCheck, ACardThatLosesAKernelIsNotUsed) {
    for (const Kernel lost :
         {Kernel::Attend, Kernel::AttendPrompt, Kernel::AttendRow, Kernel::LatentQuery, Kernel::GateUpRow}) {
        Card card(loses_kernel(lost));
        EXPECT_EQ(card.check().trouble(), "its kernels compute something else than the CPU")
            << kernel_name(lost);
    }
    try {
        Card(loses_kernel(Kernel::Embed)).backend();
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "emulated device is not used: its kernels compute something else than the CPU");
    }
}

TEST(SelfCheck, ACardThatLosesAKernelOfStatesIsNotUsedForModelsThatHaveThem) {
    for (const Kernel lost : {Kernel::Convolve, Kernel::DeltaRuleSlice, Kernel::StateSpace, Kernel::Gate}) {
        Card card(loses_kernel(lost));
        EXPECT_FALSE(card.check().serves_states()) << kernel_name(lost);
    }
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "card-checks.json";
    Card card(loses_kernel(Kernel::Convolve));
    EXPECT_NO_THROW(test::load_reference("qwen3", card.backend(file)));
    Card whole;
    try {
        test::load_reference("lfm2", card.backend(file));
        FAIL();
    } catch (const Error& error) {
        EXPECT_STREQ(error.what(),
                     "emulated device is not used for this model: its kernels compute layers of "
                     "this kind otherwise than the CPU");
    }
    EXPECT_ANY_THROW(test::load_reference("lfm2", whole.backend(file))) << "asked again";
    EXPECT_NO_THROW(test::load_reference("lfm2", whole.backend()));
}

TEST(SelfCheck, ACardThatLosesAKernelOfChoicesIsNotUsedForModelsThatChoose) {
    EXPECT_TRUE(Card().check().serves_choices());
    for (const Kernel lost : {Kernel::IndexKeys, Kernel::IndexScores, Kernel::IndexChoice,
                              Kernel::AttendChosen, Kernel::ChosenMerge, Kernel::Compress, Kernel::StreamSums,
                              Kernel::MixStreams, Kernel::SpreadStreams}) {
        Card card(loses_kernel(lost));
        EXPECT_FALSE(card.check().serves_choices()) << kernel_name(lost);
    }
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "card-checks.json";
    Card card(loses_kernel(Kernel::IndexScores)), whole;
    EXPECT_ANY_THROW(test::load_reference("minimax_m3", card.backend(file)));
    EXPECT_NO_THROW(test::load_reference("lfm2", card.backend(file)));
    EXPECT_ANY_THROW(test::load_reference("minimax_m3", whole.backend(file))) << "asked again";
    EXPECT_NO_THROW(test::load_reference("minimax_m3", whole.backend()));
}

TEST(SelfCheck, SoIsACardThatLosesAKernelOfWhatFewModelsHave) {
    for (const Kernel lost : {Kernel::SelectiveScan, Kernel::NormGroups, Kernel::AddRows, Kernel::RouteOther,
                              Kernel::WeighInputs}) {
        Card card(loses_kernel(lost));
        EXPECT_FALSE(card.check().serves_states()) << kernel_name(lost);
    }
}

TEST(SelfCheck, ProgramsThatDifferAreOff) {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "card-checks.json";
    Card card(loses_kernel(Kernel::RowProgram));
    EXPECT_EQ(card.check().trouble(), "") << "the card can do without";
    EXPECT_FALSE(card.check(file).takes_programs());
    Card whole;
    EXPECT_FALSE(whole.check(file).takes_programs()) << "asked again";
    EXPECT_TRUE(whole.check().takes_programs());
}

TEST(SelfCheck, ACardThatIsLostInAProgramIsNotAskedAgain) {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "card-checks.json";
    Card card([](const Launch& launch) -> bool {
        if (launch.kernel == Kernel::RowProgram)
            throw DeviceError("the device failed", true);
        return false;
    });
    EXPECT_ANY_THROW(card.check(file).takes_programs());
    Card whole;
    EXPECT_FALSE(whole.check(file).takes_programs());
}

TEST(SelfCheck, ATypeThatDiffersIsPlacedAsAnother) {
    Card card(loses_type(BlockType::Q5_1));
    SelfCheck check = card.check();
    EXPECT_FALSE(check.is_off(BlockType::Q5_1)) << "not asked yet";
    EXPECT_FALSE(check.serves(BlockType::Q5_1));
    EXPECT_TRUE(check.is_off(BlockType::Q5_1));
    EXPECT_TRUE(check.serves(BlockType::Q5_0));
    const auto backend = card.backend();
    EXPECT_EQ(FileMatrixOf(BlockType::Q5_1).placed(*backend), BlockType::Q8_0);
    EXPECT_EQ(FileMatrixOf(BlockType::Q5_0).placed(*backend), BlockType::Q5_0);
}

TEST(SelfCheck, AModelAsksForItsOwnTypesAndADialForOneMore) {
    Card card;
    const auto backend = card.backend();
    const int opened = card.launches;
    EXPECT_GT(opened, 0);
    const FileMatrixOf own(BlockType::Q4_K);
    backend->expect({own.source});
    const int expected = card.launches;
    EXPECT_GT(expected, opened);
    own.placed(*backend);
    const int placed = card.launches;
    EXPECT_LE(placed, expected + 2) << "asked again";
    backend->placed_size(own.source, BlockType::Q6_K);
    EXPECT_EQ(card.launches, placed) << "a forecast asks nothing";
    EXPECT_EQ(backend->encode(own.source, 0, BlockType::Q6_K, nullptr, {}).type, BlockType::Q6_K);
    EXPECT_GT(card.launches, placed + 10);
}

TEST(SelfCheck, WhatWasFoundIsNotAskedAgain) {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "new" / "card-checks.json";
    Card card(loses_type(BlockType::Q5_1));
    EXPECT_EQ(FileMatrixOf(BlockType::Q5_1).placed(*card.backend(file)), BlockType::Q8_0);
    // The same card again, which has learnt it since: it is off all the same, and asked nothing.
    Card again;
    const auto backend = again.backend(file);
    EXPECT_EQ(again.launches, 0);
    const FileMatrixOf own(BlockType::Q5_1);
    backend->expect({own.source});
    EXPECT_EQ(again.launches, 0);
    EXPECT_EQ(own.placed(*backend), BlockType::Q8_0);
    // Another build, or card, is asked.
    EXPECT_EQ(own.placed(*again.backend(file, "2")), BlockType::Q5_1);
    Card third;
    EXPECT_EQ(own.placed(*third.backend(file, "2")), BlockType::Q5_1);
    EXPECT_LE(third.launches, 2);
}

TEST(SelfCheck, ACardWithTroubleIsRefusedTheNextTimeToo) {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "card-checks.json";
    Card card(loses_kernel(Kernel::Attend));
    EXPECT_THROW(card.backend(file), Error);
    Card again;
    EXPECT_THROW(again.backend(file), Error);
    EXPECT_EQ(again.launches, 0);
    EXPECT_NO_THROW(again.backend(file, "2"));
}

TEST(CheckMemory, KnowsNothingOfWhatIsDamagedAndKeepsTheLatestCards) {
    const test::TemporaryFolder folder;
    const auto file = folder.path() / "card-checks.json";
    const CheckMemory memory(file);
    for (const char* text :
         {"", "{", "[]", R"({"cards": 7})", R"({"cards": [3, {"card": 4}]})",
          R"({"cards": [{"card": "a", "trouble": 1, "types": {"Q4_K": "yes", "no": true}}]})"}) {
        std::ofstream(file) << text;
        EXPECT_EQ(memory.find("a"), CardFindings{}) << text;
    }
    std::filesystem::resize_file(file, std::uintmax_t{300} << 20);
    EXPECT_EQ(memory.find("a"), CardFindings{}) << "nobody reads so much";
    std::filesystem::remove(file);
    std::filesystem::create_directory(file);
    memory.add("a", {.trouble = "", .serves = {}});
    EXPECT_EQ(memory.find("a"), CardFindings{}) << "a folder";
    std::filesystem::remove(file);
    for (int i = 0; i < 40; ++i)
        memory.add("card " + std::to_string(i), {.trouble = "", .serves = {}});
    memory.add("card 39", {.trouble = {}, .serves = {{BlockType::Q4_K, false}}});
    EXPECT_EQ(memory.find("card 0"), CardFindings{});
    const CardFindings last = memory.find("card 39");
    EXPECT_EQ(last.trouble, "");
    EXPECT_EQ(last.serves, (std::map<BlockType, bool>{{BlockType::Q4_K, false}}));
    // Where nothing can be written, nothing is kept, and nobody is stopped.
    CheckMemory(folder.path() / "card-checks.json" / "x").add("a", {.trouble = "", .serves = {}});
    EXPECT_EQ(CheckMemory({}).find("a"), CardFindings{});
}

} // namespace
} // namespace switchyard::cuda
