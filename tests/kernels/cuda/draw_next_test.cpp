// Draws on the device against the host's own.
#include "kernels/cuda/kernel_list.h"
#include "kernels/draw_row.h"
#include "tests/kernels/cuda/random_logits.h"
#include "tests/kernels/cuda/test_device.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace switchyard::cuda {
namespace {

/// Rows of logits, a draw each.
struct DrawKernels : testing::Test, RandomLogits {
    std::unique_ptr<Device> device = make_test_device({.memory_bytes = std::size_t{64} << 20});
    std::unique_ptr<Stream> stream = device->make_stream();

    struct Result {
        std::vector<std::int32_t> drawn, tokens;
        std::vector<SoughtRow> next;
        std::vector<std::int32_t> next_ids; ///< room for 65 a row
    };
    static constexpr std::size_t kNextRoom = 65;

    /// Rows follow in reverse; row i's own draw gathers `next[i]` and penalises its own token.
    Result run(const std::vector<std::vector<float>>& logits, const std::vector<DrawWish>& wishes,
               const std::vector<std::vector<std::int32_t>>& next) {
        const auto vocabulary = static_cast<std::int32_t>(logits.front().size());
        const std::size_t rows = wishes.size(),
                          parts = static_cast<std::size_t>(candidate_part_count(vocabulary));
        std::vector<float> all;
        std::vector<SoughtRow> sought, next_sought;
        std::vector<DrawRow> draws, next_draws(rows);
        std::vector<std::int32_t> ids, next_ids(rows * kNextRoom, -1);
        std::vector<FollowRow> follow;
        std::vector<RowInput> inputs(rows);
        std::int32_t most = 1;
        for (std::size_t r = 0; r < rows; ++r) {
            const CandidateWish wish = RowDrawer::candidates_for(wishes[r]).value();
            most = std::max(most, std::min(wish.best, vocabulary));
            all.insert(all.end(), logits[r].begin(), logits[r].end());
            sought.push_back({static_cast<std::int32_t>(r), wish.best, wish.inverse_temperature,
                              static_cast<std::int32_t>(ids.size()),
                              static_cast<std::int32_t>(wish.gather.size())});
            ids.insert(ids.end(), wish.gather.begin(), wish.gather.end());
            draws.push_back(draw_row_of(wishes[r], wish));
            const auto to = static_cast<std::int32_t>(rows - 1 - r);
            follow.push_back({to, static_cast<std::int32_t>(r), to});
        }
        for (SoughtRow& row : sought)
            row.best = std::min(row.best, most);
        for (std::size_t r = 0; r < rows; ++r) {
            next_sought.push_back({0, 5, 1.0f, static_cast<std::int32_t>(r * kNextRoom),
                                   static_cast<std::int32_t>(next[r].size())});
            std::ranges::copy(next[r], next_ids.begin() + static_cast<std::ptrdiff_t>(r * kNextRoom));
            next_draws[r].penalises_own = r % 2 == 0;
        }
        const CandidateParams c = {
            .logits = upload(*device, *stream, all),
            .logits_stride = vocabulary,
            .vocabulary = vocabulary,
            .most = most,
            .sought = upload(*device, *stream, sought),
            .gather_ids = upload(*device, *stream, ids),
            .part_best = upload(*device, *stream,
                                std::vector<Candidate>(rows * parts * static_cast<std::size_t>(most))),
            .parts = upload(*device, *stream, std::vector<PartResult>(rows * parts)),
            .best = upload(*device, *stream, std::vector<Candidate>(rows * static_cast<std::size_t>(most))),
            .gathered = upload(*device, *stream, std::vector<float>(ids.size()))};
        const DrawNextParams p = {
            .vocabulary = vocabulary,
            .part_count = candidate_part_count(vocabulary),
            .before = {const_cast<SoughtRow*>(c.sought), upload(*device, *stream, draws),
                       const_cast<std::int32_t*>(c.gather_ids), most},
            .parts = c.parts,
            .best = c.best,
            .gathered = c.gathered,
            .follow = upload(*device, *stream, follow),
            .rows = upload(*device, *stream, inputs),
            .next = {upload(*device, *stream, next_sought), upload(*device, *stream, next_draws),
                     upload(*device, *stream, next_ids), 1024},
            .drawn = upload(*device, *stream, std::vector<std::int32_t>(rows, -7))};
        const GridSize grid = candidate_grid(vocabulary, static_cast<std::int32_t>(rows));
        launch<Kernel::PartBest>(*stream, grid, c);
        launch<Kernel::JoinBest>(*stream, grid, c, true);
        launch<Kernel::DrawNext>(*stream, draw_next_grid(static_cast<int>(rows)), p, true);
        Result result;
        result.drawn = download(*stream, p.drawn, rows);
        for (const RowInput& row : download(*stream, p.rows, rows))
            result.tokens.push_back(row.token);
        result.next = download(*stream, p.next.sought, rows);
        result.next_ids = download(*stream, p.next.gather_ids, next_ids.size());
        return result;
    }

    /// What the host draws from the same candidates; -1: they do not prove it, or nothing can be drawn.
    static std::int32_t on_host(const std::vector<float>& logits, const DrawWish& wish) {
        RowDrawer drawer;
        const CandidateWish sought = RowDrawer::candidates_for(wish).value();
        const auto drawn = drawer.draw(find_candidates(logits, sought), sought, wish);
        return drawn ? drawn->id : -1;
    }
};

/// Samplers in many pairs.
std::vector<DrawWish> many_wishes() {
    std::vector<DrawWish> wishes;
    for (const double temperature : {0.0, 0.7, 1.0, 1.8})
        for (const int top_k : {0, 1, 40, 200})
            for (const double top_p : {1.0, 0.95, 0.3})
                for (const double min_p : {0.0, 0.05}) {
                    DrawWish wish;
                    wish.temperature = temperature;
                    wish.top_k = top_k;
                    wish.top_p = top_p;
                    wish.min_p = min_p;
                    wish.seed = 0x123456789abcdefull * (wishes.size() + 1);
                    wish.position = 3 + wishes.size();
                    if (RowDrawer::candidates_for(wish))
                        wishes.push_back(wish);
                }
    return wishes;
}

TEST_F(DrawKernels, DrawWhatTheHostDraws) {
    int unproven = 0;
    for (const std::int32_t vocabulary : {180, 4096, 9001}) {
        SCOPED_TRACE(vocabulary);
        for (const float spread : {1.0f, 4.0f}) {
            std::vector<DrawWish> wishes = many_wishes();
            std::vector<std::vector<float>> logits;
            std::vector<std::vector<std::int32_t>> next;
            for (std::size_t i = 0; i < wishes.size(); ++i) {
                logits.push_back(normals(static_cast<std::size_t>(vocabulary), spread));
                next.push_back(some_ids(i % 64, vocabulary));
                if (i % 3 == 0)
                    continue;
                wishes[i].repetition_penalty = i % 3 == 1 ? 1.1 : 0.8;
                wishes[i].penalised = some_ids(i % 2 == 0 ? 64 : 3, vocabulary + 9);
                if (i % 5 == 0) // the likeliest among them, so that the mass is in other units
                    wishes[i].penalise(
                        static_cast<std::int32_t>(std::ranges::max_element(logits[i]) - logits[i].begin()));
            }
            const Result result = run(logits, wishes, next);
            for (std::size_t i = 0; i < wishes.size(); ++i) {
                const std::int32_t wanted = on_host(logits[i], wishes[i]);
                unproven += wanted < 0 ? 1 : 0;
                EXPECT_EQ(result.drawn[i], wanted) << i;
                const std::size_t to = wishes.size() - 1 - i;
                EXPECT_EQ(result.tokens[to], std::max(wanted, 0)) << i;
                std::set<std::int32_t> gathered(next[to].begin(), next[to].end());
                if (wanted >= 0 && to % 2 == 0)
                    gathered.insert(wanted);
                ASSERT_EQ(static_cast<std::size_t>(result.next[to].gather_count), gathered.size()) << i;
                EXPECT_EQ(result.next[to].best,
                          5 + static_cast<std::int32_t>(gathered.size() - next[to].size()));
                EXPECT_TRUE(std::equal(gathered.begin(), gathered.end(),
                                       result.next_ids.begin() + static_cast<std::ptrdiff_t>(to * kNextRoom)))
                    << i;
            }
        }
    }
    EXPECT_GT(unproven, 0) << "some keep more than their candidates";
}

TEST_F(DrawKernels, RowsWithoutNumbersDrawNothing) {
    DrawWish greedy, usual;
    greedy.temperature = 0;
    usual.top_k = 40;
    std::vector<std::vector<float>> logits(6, normals(500, 1));
    constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN(),
                    kEndless = std::numeric_limits<float>::infinity();
    std::ranges::fill(logits[0], kNoNumber);
    std::ranges::fill(logits[1], -kEndless);
    logits[2][77] = kEndless;
    std::ranges::fill(logits[3], -kEndless);
    logits[3][200] = -3.0f;
    logits[4][9] = kNoNumber;
    std::ranges::fill(logits[5], 0.25f);
    const std::vector<std::vector<std::int32_t>> none(6);
    for (const DrawWish& wish : {greedy, usual}) {
        const Result result = run(logits, std::vector<DrawWish>(6, wish), none);
        for (std::size_t i = 0; i < logits.size(); ++i)
            EXPECT_EQ(result.drawn[i], on_host(logits[i], wish)) << i;
        EXPECT_EQ(result.drawn[0], -1);
        EXPECT_EQ(result.drawn[3], 200);
    }
}

} // namespace
} // namespace switchyard::cuda
