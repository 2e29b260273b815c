#include "engine/run/recoder.h"
#include "tests/engine/run/fake_engine.h"

#include <gtest/gtest.h>

namespace switchyard {
namespace {

using fake::FakeModel;
using namespace std::chrono_literals;

class RecoderTest : public testing::Test {
  protected:
    Recoder make() { return Recoder(model.sources, nullptr, model.backend, model.weights, nullptr); }

    static std::vector<std::byte> bytes_of(const Slice& slice) {
        return {slice.data, slice.data + slice.bytes};
    }
    /// The slice re-encoded the plain way.
    std::vector<std::byte> expected(std::size_t weight, std::size_t slice, BlockType type) const {
        const TensorView& tensor = *model.sources[weight].tensor;
        const std::size_t in = row_bytes(tensor.type, tensor.cols()), out = row_bytes(type, tensor.cols());
        const auto rows = static_cast<std::size_t>(tensor.rows());
        std::vector<std::byte> result(rows * out);
        std::vector<float> values(static_cast<std::size_t>(tensor.cols()));
        for (std::size_t r = 0; r < rows; ++r) {
            decode_row(tensor.type, tensor.data + (slice * rows + r) * in, values);
            encode_row(type, values, result.data() + r * out);
        }
        return result;
    }
    static void wait_until(auto&& condition) {
        for (int i = 0; i < 5000 && !condition(); ++i)
            std::this_thread::sleep_for(1ms);
        ASSERT_TRUE(condition());
    }

    FakeModel model;
};

TEST_F(RecoderTest, EverySliceBecomesTheTypeOrItsFallback) {
    Recoder recoder = make();
    recoder.retarget(BlockType::Q4_K);
    const auto set = recoder.wait_applied(UINT32_MAX);
    EXPECT_TRUE(recoder.progress().finished());
    EXPECT_EQ(recoder.total(), FakeModel::kSlices);
    EXPECT_EQ(set->weights[0]->slices[0].type, BlockType::Q4_K);
    EXPECT_EQ(bytes_of(set->weights[0]->slices[0]), expected(0, 0, BlockType::Q4_K));
    for (std::size_t m = 0; m < 6; ++m) {
        EXPECT_EQ(set->weights[1]->slices[m].type, BlockType::Q5_0) << "rows of 64 hold no Q4_K";
        EXPECT_EQ(bytes_of(set->weights[1]->slices[m]), expected(1, m, BlockType::Q5_0));
        EXPECT_FALSE(set->weights[1]->slices[m].place.mapped());
        EXPECT_GT(set->weights[1]->slices[m].generation, 0u);
    }
    EXPECT_EQ(set->weights[2]->slices[0].data, model.weights->weights[2]->slices[0].data) << "a router stays";
}

TEST_F(RecoderTest, ASwapSharesWhatItDoesNotChangeAndSaysWhatItDoes) {
    Recoder recoder = make();
    recoder.retarget(BlockType::Q8_0);
    const auto set = recoder.wait_applied(3);
    EXPECT_EQ(set->weights[2], model.weights->weights[2]) << "the router's table is the same one";
    EXPECT_EQ(set->weights[3], model.weights->weights[3]) << "the head's turn has not come";
    EXPECT_NE(set->weights[1], model.weights->weights[1]);
    EXPECT_EQ(set->weights[1]->slices[5].data, model.weights->weights[1]->slices[5].data);
    // Each version names what differs from the one before: a table elsewhere follows by these alone.
    auto followed = *model.weights;
    std::vector<SliceId> all;
    Recoder again = make();
    again.retarget(BlockType::Q8_0);
    for (std::uint32_t n = 1; n <= 3; ++n) {
        const auto next = again.wait_applied(n);
        EXPECT_EQ(next->version, followed.version + 1);
        all.insert(all.end(), next->changed.begin(), next->changed.end());
        followed = *next;
    }
    EXPECT_EQ(all, (std::vector<SliceId>{{0, 0}, {1, 0}, {1, 1}}));
}

TEST_F(RecoderTest, StandsStillInTheBackgroundButForWindowsAndWhereItIsWaitedFor) {
    Recoder recoder = make();
    recoder.set_background(true);
    recoder.retarget(BlockType::Q4_K);
    std::this_thread::sleep_for(50ms);
    EXPECT_FALSE(recoder.ready()) << "a step may be under way";
    EXPECT_TRUE(recoder.busy());
    recoder.open_window(WorkGate::Clock::time_point::max());
    wait_until([&] { return recoder.ready(); });
    recoder.close_window();
    recoder.retarget(BlockType::Q8_0); // also one that stands at the gate is left for the new one
    std::this_thread::sleep_for(20ms);
    EXPECT_FALSE(recoder.ready());
    recoder.wait_applied(UINT32_MAX);
    EXPECT_TRUE(recoder.progress().finished());
    EXPECT_FALSE(recoder.busy());
    recoder.retarget(BlockType::Q4_0); // and its end waits for nobody
}

// Between two tokens nothing is freed: a large matrix takes as long as a token.
TEST_F(RecoderTest, WhatWasSwappedOutIsFreedOnItsOwnThread) {
    std::atomic<int> freed{0}, freed_here{0};
    auto start = std::make_shared<WeightSet>(*model.weights);
    int slices = 0;
    for (std::size_t w = 0; w < 2; ++w) {
        auto weight = std::make_shared<Weight>(*start->weights[w]);
        for (Slice& slice : weight->slices) {
            const std::size_t bytes = std::size_t{3} << 20; // several parts
            auto* copy = new std::byte[bytes]();
            std::copy_n(slice.data, slice.bytes, copy);
            const auto owner = std::this_thread::get_id();
            slice.owner = std::shared_ptr<const void>(copy, [&, owner](const void* memory) {
                freed_here += std::this_thread::get_id() == owner;
                ++freed;
                delete[] static_cast<const std::byte*>(memory);
            });
            slice.data = copy;
            slice.bytes = bytes;
            slice.place = {};
            ++slices;
        }
        start->weights[w] = std::move(weight);
    }
    Recoder recoder(model.sources, nullptr, model.backend, std::move(start), nullptr);
    recoder.retarget(BlockType::Q4_0);
    recoder.wait_applied(UINT32_MAX);
    wait_until([&] { return !recoder.working(); });
    EXPECT_EQ(freed, slices);
    EXPECT_EQ(freed_here, 0);
}

TEST_F(RecoderTest, GoingBackGivesTheFilesOwnBits) {
    Recoder recoder = make();
    recoder.retarget(BlockType::Q4_0);
    recoder.wait_applied(UINT32_MAX);
    recoder.retarget(std::nullopt);
    const auto set = recoder.wait_applied(UINT32_MAX);
    for (std::size_t w = 0; w < set->weights.size(); ++w)
        for (std::size_t m = 0; m < set->weights[w]->slices.size(); ++m) {
            const Slice& slice = set->weights[w]->slices[m];
            EXPECT_EQ(slice.type, model.weights->weights[w]->slices[m].type);
            EXPECT_EQ(bytes_of(slice), bytes_of(model.weights->weights[w]->slices[m]));
            EXPECT_EQ(slice.generation, 0u);
        }
    EXPECT_TRUE(recoder.state()->empty());
}

TEST_F(RecoderTest, TheFilesOwnTypeIsNotEncodedAgain) {
    Recoder recoder = make();
    recoder.retarget(BlockType::F16);
    const auto set = recoder.wait_applied(UINT32_MAX);
    EXPECT_EQ(set->weights[0]->slices[0].data, model.weights->weights[0]->slices[0].data);
    EXPECT_EQ(set->weights[3]->slices[0].type, BlockType::F16) << "Q8_0 in the file";
}

TEST_F(RecoderTest, SlicesSwapInOrderAndOnlyWhenApplied) {
    Recoder recoder = make();
    const auto before = recoder.weights();
    recoder.retarget(BlockType::Q8_0);
    wait_until([&] { return recoder.ready(); });
    EXPECT_EQ(recoder.weights(), before);
    EXPECT_EQ(recoder.progress().done, 0u);
    for (std::uint32_t count = 1; count <= FakeModel::kSlices; ++count) {
        const auto set = recoder.wait_applied(count);
        EXPECT_EQ(recoder.progress().done, count);
        EXPECT_EQ(set->weights[0]->slices[0].type, BlockType::Q8_0);
        for (std::uint32_t m = 0; m < 6; ++m)
            EXPECT_EQ(set->weights[1]->slices[m].type, m + 1 < count ? BlockType::Q8_0 : BlockType::F16);
        const WeightsState state = {{BlockType::Q8_0, count}};
        EXPECT_EQ(*recoder.state(), state);
    }
    EXPECT_EQ(before->weights[0]->slices[0].type, BlockType::F16) << "a step keeps the weights it began with";
}

TEST_F(RecoderTest, NoMoreThanTheLargestSliceWaits) {
    Recoder recoder = make();
    recoder.retarget(BlockType::Q8_0);
    // The largest is the first, 6 rows of 256: nothing else may be encoded beside it.
    wait_until([&] { return recoder.ready(); });
    std::this_thread::sleep_for(20ms);
    recoder.apply_ready();
    EXPECT_EQ(recoder.progress().done, 1u);
}

TEST_F(RecoderTest, ANewTargetOnTheWayStartsOver) {
    Recoder recoder = make();
    recoder.retarget(BlockType::Q8_0);
    recoder.wait_applied(5);
    recoder.retarget(BlockType::Q4_0);
    EXPECT_EQ(recoder.progress().done, 0u);
    recoder.wait_applied(2);
    const WeightsState mixed = {{BlockType::Q8_0, 5}, {BlockType::Q4_0, 2}};
    EXPECT_EQ(*recoder.state(), mixed);
    const auto set = recoder.weights();
    EXPECT_EQ(set->weights[1]->slices[0].type, BlockType::Q4_0);
    EXPECT_EQ(set->weights[1]->slices[2].type, BlockType::Q8_0);
    EXPECT_EQ(set->weights[1]->slices[5].type, BlockType::F16);
    recoder.wait_applied(6);
    const WeightsState grown = {{BlockType::Q4_0, 6}};
    EXPECT_EQ(*recoder.state(), grown);
}

TEST_F(RecoderTest, ARecordedStateCanBeRestoredFromAnyOther) {
    Recoder recoder = make();
    std::vector<std::pair<WeightsState, std::vector<std::vector<std::byte>>>> seen;
    const auto note = [&] {
        std::vector<std::vector<std::byte>> bytes;
        for (const auto& weight : recoder.weights()->weights)
            for (const Slice& slice : weight->slices)
                bytes.push_back(bytes_of(slice));
        return bytes;
    };
    const auto move = [&](std::optional<BlockType> type, std::uint32_t count) {
        recoder.retarget(type);
        recoder.wait_applied(count);
        seen.emplace_back(*recoder.state(), note());
    };
    seen.emplace_back(*recoder.state(), note());
    move(BlockType::Q8_0, 5);
    move(BlockType::Q4_0, 2);
    move(BlockType::Q8_0, 1);
    move(std::nullopt, 4);
    move(BlockType::Q6_K, UINT32_MAX);
    move(BlockType::Q4_1, 3);
    move(BlockType::Q4_1, 4);
    for (std::size_t step : {1u, 5u, 2u, 6u, 7u, 3u, 0u, 4u, 6u}) {
        recoder.restore(seen[step].first);
        EXPECT_EQ(note(), seen[step].second) << "state " << step;
    }
}

TEST_F(RecoderTest, AFailureIsReportedAndANewTargetTriesAgain) {
    Recoder recoder = make();
    model.backend.fail_from = 2;
    recoder.retarget(BlockType::Q8_0);
    EXPECT_THROW(recoder.wait_applied(UINT32_MAX), Error);
    const RecodeProgress progress = recoder.progress();
    EXPECT_EQ(progress.done, 2u);
    EXPECT_NE(progress.error.find("no room for a slice"), std::string::npos);
    recoder.retarget(BlockType::Q8_0);
    EXPECT_NO_THROW(recoder.wait_applied(UINT32_MAX));
    EXPECT_TRUE(recoder.progress().finished());
}

TEST_F(RecoderTest, AStopEndsTheWait) {
    Recoder recoder = make();
    std::stop_source stop;
    stop.request_stop();
    recoder.retarget(BlockType::Q4_0);
    recoder.wait_applied(UINT32_MAX, stop.get_token());
    EXPECT_LE(recoder.progress().done, FakeModel::kSlices);
}

TEST_F(RecoderTest, ForecastCountsBytesAndFallbacks) {
    const PrecisionForecast file = forecast_precision(model.sources, std::nullopt);
    EXPECT_EQ(file.bytes, model.weights->bytes());
    const PrecisionForecast forecast = forecast_precision(model.sources, BlockType::Q4_K);
    Recoder recoder = make();
    recoder.retarget(BlockType::Q4_K);
    EXPECT_EQ(forecast.bytes, recoder.wait_applied(UINT32_MAX)->bytes());
    const std::vector<PrecisionFallback> fallbacks = {{BlockType::Q5_0, 64, 6}, {BlockType::Q5_0, 96, 1}};
    EXPECT_EQ(forecast.fallbacks, fallbacks);
    EXPECT_EQ(describe_fallbacks(BlockType::Q4_K, forecast.fallbacks),
              "Q5_0 where rows are not divisible by 256");
    EXPECT_FALSE(forecast.no_gain);
    EXPECT_EQ(main_file_type(model.sources), BlockType::F16);
}

} // namespace
} // namespace switchyard
