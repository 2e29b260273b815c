// Candidates on the device against find_candidates().
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/random_logits.h"
#include "tests/kernels/cuda/test_device.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <set>

namespace switchyard::cuda {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(),
                kInfinite = std::numeric_limits<float>::infinity();

struct HeadKernels : testing::Test, RandomLogits {
    std::unique_ptr<Device> device = make_test_device({.memory_bytes = std::size_t{64} << 20});
    std::unique_ptr<Stream> stream = device->make_stream();

    /// A row of the grid a wish; wish i looks at logit row rows[i], or at none where that is -1.
    std::vector<Candidates> find(const std::vector<float>& logits, std::int64_t stride,
                                 std::int32_t vocabulary, const std::vector<std::int32_t>& rows,
                                 const std::vector<CandidateWish>& wishes, std::int32_t most) {
        std::vector<SoughtRow> sought;
        std::vector<std::int32_t> ids;
        for (std::size_t i = 0; i < wishes.size(); ++i) {
            sought.push_back({rows[i], wishes[i].best, wishes[i].inverse_temperature,
                              static_cast<std::int32_t>(ids.size()),
                              static_cast<std::int32_t>(wishes[i].gather.size())});
            ids.insert(ids.end(), wishes[i].gather.begin(), wishes[i].gather.end());
        }
        const auto parts = static_cast<std::size_t>(candidate_part_count(vocabulary)),
                   room = static_cast<std::size_t>(most);
        const CandidateParams p = {
            .logits = upload(*device, *stream, logits),
            .logits_stride = stride,
            .vocabulary = vocabulary,
            .most = most,
            .sought = upload(*device, *stream, sought),
            .gather_ids = upload(*device, *stream, ids),
            .part_best = upload(*device, *stream, std::vector<Candidate>(wishes.size() * parts * room)),
            .parts = upload(*device, *stream, std::vector<PartResult>(wishes.size() * parts)),
            .best = upload(*device, *stream, std::vector<Candidate>(wishes.size() * room, {9, -7})),
            .gathered = upload(*device, *stream, std::vector<float>(ids.size()))};
        const GridSize grid = candidate_grid(vocabulary, static_cast<std::int32_t>(wishes.size()));
        launch<Kernel::PartBest>(*stream, grid, p);
        launch<Kernel::JoinBest>(*stream, grid, p, true);
        const auto results = download(*stream, p.parts, wishes.size() * parts);
        const auto best = download(*stream, p.best, wishes.size() * room);
        const auto gathered = download(*stream, p.gathered, ids.size());
        std::vector<Candidates> found;
        for (std::size_t i = 0; i < wishes.size(); ++i)
            found.push_back(
                rows[i] < 0
                    ? Candidates{}
                    : joined_candidates(
                          wishes[i], vocabulary, std::span(results).subspan(i * parts, parts),
                          std::span(best).subspan(i * room, room),
                          std::span(gathered).subspan(static_cast<std::size_t>(sought[i].gather_first),
                                                      wishes[i].gather.size())));
        return found;
    }

    static void same_mass(const LogitMass& got, const LogitMass& wanted) {
        EXPECT_NEAR(got.sum, wanted.sum, 1e-12 * std::abs(wanted.sum));
        EXPECT_NEAR(got.weighted, wanted.weighted, 1e-12 * std::abs(wanted.weighted));
    }
    static void same(const Candidates& got, const Candidates& wanted) {
        EXPECT_EQ(got.maximum, wanted.maximum);
        same_mass(got.plain, wanted.plain);
        same_mass(got.own, wanted.own);
        EXPECT_EQ(got.inverse_temperature, wanted.inverse_temperature);
        EXPECT_EQ(got.vocabulary, wanted.vocabulary);
        ASSERT_EQ(got.best.size(), wanted.best.size());
        for (std::size_t i = 0; i < got.best.size(); ++i) {
            ASSERT_EQ(got.best[i].id, wanted.best[i].id) << i;
            ASSERT_EQ(got.best[i].logit, wanted.best[i].logit) << i;
        }
        EXPECT_EQ(got.gathered, wanted.gathered);
    }
};

TEST_F(HeadKernels, FindWhatTheCpuFinds) {
    struct Shape {
        std::int32_t vocabulary, rows, best;
        float spread;
    };
    for (const Shape& shape : {Shape{1, 2, 1, 1},
                               {31, 3, 64, 1},
                               {257, 2, 128, 2},
                               {4096, 2, 40, 3},
                               {4097, 3, 1024, 1},
                               {12345, 5, 128, 4},
                               {8192, 2, 1, 2}}) {
        SCOPED_TRACE(shape.vocabulary);
        const std::int64_t stride = shape.vocabulary + 3;
        std::vector<float> logits = normals(static_cast<std::size_t>(stride * shape.rows), shape.spread);
        for (std::int32_t r = 0; r < shape.rows; ++r) // what lies behind the vocabulary never wins
            for (std::int64_t i = shape.vocabulary; i < stride; ++i)
                logits[static_cast<std::size_t>(r * stride + i)] = i % 2 ? 1e9f : kNan;
        std::vector<CandidateWish> wishes;
        std::vector<std::int32_t> rows;
        for (std::int32_t r = 0; r < shape.rows; ++r) {
            const auto gather = static_cast<std::size_t>(std::min(shape.vocabulary, r % 2 ? 70 : 0));
            wishes.push_back({std::max(1, shape.best - 3 * r),
                              r % 3 == 2 ? 1.0f : 1.3f + static_cast<float>(r),
                              some_ids(gather, shape.vocabulary)});
            rows.push_back(shape.rows - 1 - r);
        }
        const auto found = find(logits, stride, shape.vocabulary, rows, wishes, shape.best);
        for (std::size_t i = 0; i < wishes.size(); ++i)
            same(found[i],
                 find_candidates(std::span(logits).subspan(static_cast<std::size_t>(rows[i] * stride),
                                                           static_cast<std::size_t>(shape.vocabulary)),
                                 wishes[i]));
        if (HasFatalFailure())
            return;
    }
}

TEST_F(HeadKernels, OfEqualLogitsTheLowerIdsWin) {
    constexpr std::int32_t kIds = 9000;
    std::vector<float> logits(2 * kIds);
    for (std::size_t i = 0; i < logits.size(); ++i)
        logits[i] = static_cast<float>(random() % 3) + (i % 977 == 5 ? 1.0f : 0.0f);
    std::fill_n(logits.begin() + kIds, kIds, -0.0f); // all alike
    for (std::size_t i = kIds; i < logits.size(); i += 2)
        logits[i] = 0.0f;
    for (const std::int32_t best : {1, 2, 5, 100, 1000}) {
        const CandidateWish wish{best, 0.7f, {}};
        const auto found = find(logits, kIds, kIds, {0, 1}, {wish, wish}, 1000);
        for (std::size_t r = 0; r < 2; ++r) {
            const auto wanted = find_candidates(std::span(logits).subspan(r * kIds, kIds), wish);
            ASSERT_EQ(found[r].best.size(), wanted.best.size());
            for (std::size_t i = 0; i < wanted.best.size(); ++i)
                ASSERT_EQ(found[r].best[i].id, wanted.best[i].id) << best << ", " << i;
        }
    }
}

TEST_F(HeadKernels, WhatIsNoNumberLoses) {
    constexpr std::int32_t kIds = 5000;
    std::vector<float> logits = normals(4 * kIds, 2);
    const auto row = [&](std::size_t r) { return std::span(logits).subspan(r * kIds, kIds); };
    for (std::size_t i = 0; i < kIds; i += 3)
        row(0)[i] = i % 2 ? kNan : -kInfinite;
    std::ranges::fill(row(1), kNan);
    std::ranges::fill(row(2), -kInfinite);
    row(2)[4999] = -5;
    row(2)[17] = -kNan;
    std::ranges::fill(row(3), -kInfinite);
    const CandidateWish wish{16, 1.5f, {0, 1, 17, 4998}};
    const auto found = find(logits, kIds, kIds, {0, 1, 2, 3}, {wish, wish, wish, wish}, 16);
    for (std::size_t r = 0; r < 4; ++r) {
        SCOPED_TRACE(r);
        auto wanted = find_candidates(row(r), wish);
        for (std::size_t i = 0; i < wanted.gathered.size(); ++i) // a NaN is not equal to itself
            if (std::isnan(wanted.gathered[i])) {
                EXPECT_TRUE(std::isnan(found[r].gathered[i]));
            } else {
                EXPECT_EQ(found[r].gathered[i], wanted.gathered[i]);
            }
        auto got = found[r];
        got.gathered.clear();
        wanted.gathered.clear();
        same(got, wanted);
    }
    EXPECT_EQ(found[2].best, (std::vector<Candidate>{{-5, 4999}}));
    EXPECT_EQ(found[1].maximum, -kInfinite);
}

TEST_F(HeadKernels, RowsThatAskForNothingAreLeftAlone) {
    const std::vector<float> logits = normals(3 * 4100, 1);
    const CandidateWish wish{3, 2.0f, {4, 5000}}; // one id is beyond the vocabulary
    const auto found = find(logits, 4100, 4100, {-1, 2, -1}, {{}, wish, {}}, 4);
    same(found[1], find_candidates(std::span(logits).subspan(2 * 4100), wish));
    EXPECT_EQ(found[1].gathered[1], -kInfinite);
}

TEST_F(HeadKernels, ARowOfARealVocabulary) {
    constexpr std::int32_t kIds = 129280;
    const std::vector<float> logits = normals(kIds, 3);
    const CandidateWish wish{128, 1.25f, some_ids(50, kIds)};
    same(find(logits, kIds, kIds, {0}, {wish}, 128)[0], find_candidates(logits, wish));
}

} // namespace
} // namespace switchyard::cuda
