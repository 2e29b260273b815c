// The memory that steps work in: what is left of it when there is not enough, and what is told beforehand.
#include "engine/base/error.h"
#include "tests/engine/cuda/emulated_backend.h"
#include "tests/engine/cuda/sequence.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace switchyard {
namespace {

using test::step, test::table_bytes;

/// No memory to spare: each piece is asked for by itself.
constexpr std::size_t kStretch = std::size_t{4} << 20;
constexpr BatchRow kDecompressedRow = {.decompressed = true, .prompt = true};

std::vector<std::int32_t> some_ids(int count) {
    std::vector<std::int32_t> ids;
    for (int t = 0; t < count; ++t)
        ids.push_back((t * 31 + t * t) % 90 + 3);
    return ids;
}

TEST(CudaStepMemory, AfterAStepThatFoundNoneTheNextNeedsItsOwnAlone) {
    // From `limited` on no piece may be larger than those that answers took before.
    bool limited = true;
    std::size_t largest = 0, refused = 0;
    const auto may_allocate = [&](std::size_t bytes) {
        if (bytes >= kStretch)
            return false;
        if (!limited)
            largest = std::max(largest, bytes);
        refused += bytes > largest;
        return bytes <= largest;
    };
    for (const char* family : {"llama31", "deepseek2_lite"}) {
        const auto expected_of = test::load_reference(family, test::emulated_backend());
        limited = false;
        largest = 0;
        const auto device =
            std::shared_ptr<cuda::Device>(cuda::make_emulated_device({.may_allocate = may_allocate}));
        const auto model =
            test::load_reference(family, make_cuda_backend(device, {.threads = 1, .check = false}));
        test::Sequence expected(*expected_of, BlockType::F16), answer(*model, BlockType::F16);
        const auto ids = some_ids(400);
        const auto one = std::span(ids).first(1);
        largest = 0;
        for (int token = 0; token < 2; ++token)
            ASSERT_EQ(step(*model, answer, one), step(*expected_of, expected, one));
        limited = true;
        refused = 0;
        test::Sequence prompt(*model, BlockType::F16);
        EXPECT_THROW(step(*model, prompt, ids, {.prompt = true}), Error) << family;
        EXPECT_GT(refused, 0u);
        for (int token = 0; token < 3; ++token)
            EXPECT_EQ(step(*model, answer, one), step(*expected_of, expected, one)) << family;
        limited = false;
        EXPECT_NO_THROW(step(*model, prompt, std::span(ids).first(64), {.prompt = true}))
            << "with room again";
    }
}

TEST(CudaStepMemory, AModelWhoseTableFoundNoneComputesAtItsNextStep) {
    bool refuses = false;
    const auto may_allocate = [&](std::size_t bytes) { return !refuses && bytes < kStretch; };
    const auto device =
        std::shared_ptr<cuda::Device>(cuda::make_emulated_device({.may_allocate = may_allocate}));
    const auto model =
        test::load_reference("gptoss", make_cuda_backend(device, {.threads = 1, .check = false}));
    const auto expected_of = test::load_reference("gptoss", test::emulated_backend());
    test::Sequence answer(*model, BlockType::F16), expected(*expected_of, BlockType::F16);
    const auto ids = some_ids(3);
    Batch batch;
    answer.append(batch, ids);
    refuses = true;
    EXPECT_THROW(model->executor().run(Batch(batch), model->weights()), Error);
    refuses = false;
    EXPECT_EQ(model->executor().run(Batch(batch), model->weights()).logits,
              step(*expected_of, expected, ids));
}

class CudaContextForecast : public testing::TestWithParam<const char*> {};

TEST_P(CudaContextForecast, CountsTheContextThatIsDecompressed) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    Executor& executor = model->executor();
    ASSERT_GT(executor.decompressed_rows(), 0);
    // Chunks of fewer rows are read as the whole prompt is.
    for (const int rows : {32, 96}) {
        constexpr int kContext = 3072;
        test::Sequence sequence(*model, BlockType::F16);
        sequence.begin_behind(kContext - rows);
        Batch batch;
        sequence.append(batch, some_ids(rows), kDecompressedRow);
        for (int r = 0; r + 1 < rows; ++r)
            batch.rows[static_cast<std::size_t>(r)].wish = RowWish::Nothing;
        executor.run(std::move(batch), model->weights());
        step(*model, sequence, some_ids(1)); // and an answer
        const std::size_t used = executor.scratch_bytes() - table_bytes(*model),
                          forecast = executor.forecast_scratch(rows, kContext + 1, 0);
        EXPECT_GT(2 * used, 3 * executor.forecast_scratch(rows, 96, 0)) << "the context is most of it";
        EXPECT_GE(forecast, used) << rows;
        EXPECT_LT(forecast, used + used / 2) << rows;
    }
}

TEST_P(CudaContextForecast, StopsWhereNoRowIsDecompressedAnyMore) {
    const auto model = test::load_reference(GetParam(), test::emulated_backend());
    const auto forecast = [&](int context) { return model->executor().forecast_scratch(96, context, 0); };
    constexpr int kFar = 1 << 23;
    EXPECT_GT(forecast(kFar), std::size_t{400} << 20);
    EXPECT_LT(forecast(2 * kFar) - forecast(kFar), std::size_t{16} << 20) << "the table of its blocks";
}

INSTANTIATE_TEST_SUITE_P(Families, CudaContextForecast, testing::Values("deepseek2_lite", "deepseek3"),
                         [](const auto& info) { return std::string(info.param); });

} // namespace
} // namespace switchyard
