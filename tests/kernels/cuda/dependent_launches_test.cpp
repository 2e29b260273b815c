// That kernels wait for what the launch in front of them writes: one after the other, with nothing in between
// that a stream would wait for, gives the bits of one at a time.
#include "kernels/cuda/kernel_list.h"
#include "kernels/cuda/product_launch.h"
#include "tests/kernels/cuda/placed_matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace switchyard::cuda {
namespace {

struct DependentLaunches : testing::Test {
    std::unique_ptr<Device> device = make_test_device();
    std::unique_ptr<Stream> stream = device->make_stream();
    test::Random random{23};

    template <typename T>
    T* room(std::size_t count) {
        std::byte* memory = device->allocate(count * sizeof(T));
        stream->fill(memory, 0xff, count * sizeof(T));
        stream->synchronise();
        return reinterpret_cast<T*>(memory);
    }
    /// What `second` leaves of `count` floats at out(): its launch waits for `first`, or has its end in
    /// front.
    template <typename First, typename Second>
    std::vector<float> run(const First& first, const Second& second, const float* out, std::size_t count,
                           bool early) {
        first();
        if (!early)
            stream->synchronise();
        second();
        return download(*stream, out, count);
    }
};

TEST_F(DependentLaunches, ProductsWaitForTheirRows) {
    const std::int32_t width = 256, outputs = 48;
    const PlacedMatrix m = place_matrix(*device, *stream, BlockType::Q8_0, outputs, width, random);
    const MatrixView* table = upload(*device, *stream, std::vector{m.view});
    const auto* formats = upload(*device, *stream, std::vector<std::uint32_t>{kInputBytes});
    for (const int rows : {1, 5, 20}) {
        const auto n = static_cast<std::size_t>(rows), count = n * static_cast<std::size_t>(outputs);
        const float* x = upload(*device, *stream, random.normals(n * static_cast<std::size_t>(width)));
        std::vector<float> found[2];
        for (const bool early : {false, true}) {
            const PreparedRows in{nullptr, room<ByteBlock>(n * width / 32), nullptr, nullptr, nullptr, width};
            ProductParams p{};
            p.targets[0] = {table, nullptr, room<float>(count), outputs, 0, 1, outputs, false};
            p.target_count = 1;
            p.rows = rows;
            p.in = in;
            found[early] = run(
                [&] {
                    launch<Kernel::Prepare>(*stream, prepare_grid(rows, 1),
                                            {x, width, 1, 0, width, nullptr, nullptr, 0, formats, in});
                },
                [&] { launch_product(*stream, p, device->info().multiprocessors, true); }, p.targets[0].out,
                count, early);
        }
        EXPECT_TRUE(test::same_bits(found[0], found[1])) << rows;
    }
}

TEST_F(DependentLaunches, PromptsWaitForTheirRows) {
    const std::int32_t width = 256, outputs = 48, rows = 40;
    const PlacedMatrix m = place_matrix(*device, *stream, BlockType::Q8_0, outputs, width, random);
    const WeightRanges ranges = {upload(*device, *stream, std::vector{m.view}),
                                 upload(*device, *stream, std::vector<std::uint32_t>(kRangeParts))};
    launch<Kernel::FindRanges>(*stream, range_grid(1),
                               {ranges, upload(*device, *stream, std::vector<std::int32_t>{0})});
    const MatrixView* embedding =
        upload(*device, *stream,
               std::vector{place_matrix(*device, *stream, BlockType::Q8_0, 8, width, random).view});
    std::vector<RowInput> inputs(static_cast<std::size_t>(rows));
    for (std::size_t i = 0; i < inputs.size(); ++i)
        inputs[i].token = static_cast<std::int32_t>(i % 8);
    const RowInput* row_inputs = upload(*device, *stream, inputs);
    std::vector<float> found[2];
    for (const bool early : {false, true}) {
        const auto values = static_cast<std::size_t>(rows * width);
        float* x = room<float>(values);
        const HalfRows in{room<std::uint16_t>(values), room<float>(rows), width};
        PromptProductParams p{};
        p.targets[0] = {ranges.table, nullptr, room<float>(rows * outputs), outputs, 0, 1, outputs, false};
        p.target_count = 1;
        p.rows = rows;
        p.in = in;
        p.ranges = ranges;
        launch<Kernel::Embed>(*stream, embed_grid(rows), {embedding, row_inputs, x, width, width, 1.0f});
        found[early] = run(
            [&] {
                if (!early)
                    stream->synchronise();
                launch<Kernel::PreparePrompt>(*stream, prepare_grid(rows, 1),
                                              {x, width, 1, 0, width, nullptr, nullptr, 0, in}, true);
            },
            [&] { launch<Kernel::PromptProduct>(*stream, prompt_product_grid(p), p, true); },
            p.targets[0].out, static_cast<std::size_t>(rows * outputs), early);
    }
    EXPECT_TRUE(test::same_bits(found[0], found[1]));
}

// The rows that it overwrites may still be read: by the end of the step before, for one.
TEST_F(DependentLaunches, EmbeddingWaitsForWhoReadsItsRows) {
    const std::int32_t width = 256, rows = 5;
    const MatrixView* embedding =
        upload(*device, *stream,
               std::vector{place_matrix(*device, *stream, BlockType::Q8_0, 8, width, random).view});
    const RowInput* inputs = upload(*device, *stream, std::vector<RowInput>(rows));
    const auto* formats = upload(*device, *stream, std::vector<std::uint32_t>{kInputF32});
    const std::vector<float> before = random.normals(static_cast<std::size_t>(rows * width));
    float* x = upload(*device, *stream, before);
    const PreparedRows read{room<float>(before.size()), nullptr, nullptr, nullptr, nullptr, width};
    launch<Kernel::Prepare>(*stream, prepare_grid(rows, 1),
                            {x, width, 1, 0, width, nullptr, nullptr, 0, formats, read});
    launch<Kernel::Embed>(*stream, embed_grid(rows), {embedding, inputs, x, width, width, 1.0f}, true);
    EXPECT_TRUE(test::same_bits(download(*stream, read.floats, before.size()), before));
    EXPECT_FALSE(test::same_bits(download(*stream, x, before.size()), before));
}

TEST_F(DependentLaunches, CandidatesWaitForTheirLogits) {
    const std::int32_t vocabulary = 256, most = 8;
    const MatrixView* embedding =
        upload(*device, *stream,
               std::vector{place_matrix(*device, *stream, BlockType::Q8_0, 8, vocabulary, random).view});
    const RowInput* inputs = upload(*device, *stream, std::vector<RowInput>(1));
    float* logits = room<float>(vocabulary);
    const CandidateParams p = {.logits = logits,
                               .logits_stride = vocabulary,
                               .vocabulary = vocabulary,
                               .most = most,
                               .sought =
                                   upload(*device, *stream, std::vector<SoughtRow>{{0, most, 1.0f, 0, 0}}),
                               .gather_ids = nullptr,
                               .part_best = room<Candidate>(most),
                               .parts = room<PartResult>(1),
                               .best = room<Candidate>(most),
                               .gathered = nullptr};
    launch<Kernel::Embed>(*stream, embed_grid(1), {embedding, inputs, logits, vocabulary, vocabulary, 1.0f});
    launch<Kernel::PartBest>(*stream, candidate_grid(vocabulary, 1), p, true);
    launch<Kernel::JoinBest>(*stream, candidate_grid(vocabulary, 1), p, true);
    const auto best = download(*stream, p.best, most);
    auto sorted = download(*stream, logits, vocabulary);
    std::ranges::sort(sorted, std::greater());
    for (std::size_t i = 0; i < best.size(); ++i)
        EXPECT_EQ(best[i].logit, sorted[i]) << i;
}

} // namespace
} // namespace switchyard::cuda
