// The indexer of sparse attention: keys as they are kept, scores against sums in double, and choices against
// a sort of the scores.
#include "tests/kernels/cuda/cache_memory.h"
#include "tests/kernels/cuda/drawn_values.h"

#include "kernels/cuda/kernel_list.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace switchyard::cuda {
namespace {

struct Indexer {
    int heads, dim;
    bool weighted;
    int top, block = 1, local = 0;
    int tokens = 1; ///< that share a key
    bool ties = false;

    int choices() const { return weighted ? 1 : heads; }
};

/// One sequence with keys, and rows of it at some positions.
struct CudaIndex : DrawnValues {
    CudaIndex() : DrawnValues(17) {}

    std::vector<float> numbers_of(const Indexer& i, std::size_t count) {
        std::vector<float> values = numbers(count);
        for (float& x : values)
            x = i.ties ? std::round(x) : x;
        return values;
    }
    static KvLayout layout_of(const Indexer& i) {
        return KvLayout(std::vector<KvShape>{{1, 32, 32}, {.row_dim = i.dim, .row_tokens = i.tokens}});
    }
    static const std::byte* place(const KvRowsView& rows, const CachedSequence& sequence, int key) {
        const int last = (key + 1) * rows.tokens - 1;
        const auto b = static_cast<std::size_t>(last / kKvTokens);
        return sequence.blocks[b].data() + rows.at[static_cast<int>(sequence.types[b])] +
               last % kKvTokens / rows.tokens * rows.stride * 2;
    }
    /// Blocks of several types with random keys, and these.
    CachedSequence sequence_of(const Indexer& i, const KvLayout& layout, int tokens,
                               std::vector<float>& keys) {
        CachedSequence sequence;
        for (int t = 0; t < tokens; t += kKvTokens) {
            sequence.types.push_back(t % 64 == 0 ? CacheType::F16 : CacheType::Q8_0);
            sequence.blocks.emplace_back(layout.block_bytes(sequence.types.back()), std::byte{0xff});
        }
        keys = numbers_of(i, static_cast<std::size_t>(tokens / i.tokens * i.dim));
        const KvRowsView& rows = layout.rows(1);
        for (int k = 0; k < tokens / i.tokens; ++k) {
            auto* to = reinterpret_cast<std::uint16_t*>(const_cast<std::byte*>(place(rows, sequence, k)));
            std::fill_n(to, rows.stride, std::uint16_t{0});
            for (int d = 0; d < i.dim; ++d) {
                float& x = keys[static_cast<std::size_t>(k * i.dim + d)];
                to[d] = cpu::half_bits(x);
                x = cpu::half_value(to[d]);
            }
        }
        return sequence;
    }

    struct Found {
        std::vector<std::int32_t> chosen;
        std::vector<float> scores;
    };
    /// What rows at `positions` choose, [row][choice][top]; the inputs of those from `first` on.
    Found choose(const Indexer& i, const KvLayout& layout, const CachedSequence& sequence,
                 const std::vector<int>& positions, const std::vector<float>& q,
                 const std::vector<float>& weights, std::size_t first, int context) {
        std::vector<KvBlockRef> table(2);
        const std::int32_t begin = upload_sequence(*device, *stream, sequence, table);
        std::vector<RowInput> rows;
        for (const int position : positions) {
            RowInput row = {};
            row.position = position;
            row.first_block = position < 0 ? 1 << 30 : begin;
            rows.push_back(row);
        }
        const auto count = positions.size(), choices = static_cast<std::size_t>(i.choices());
        const int stride = (context / i.tokens + i.block - 1) / i.block;
        IndexParams p = {};
        p.rows = put(rows);
        p.blocks = put(table);
        p.keys = layout.rows(1);
        p.table = {put(std::vector<std::int32_t>(count * choices * static_cast<std::size_t>(i.top), -7)),
                   i.choices(),
                   i.top,
                   i.top,
                   i.block,
                   i.tokens};
        const auto from = [&](const std::vector<float>& values, int width) {
            return values.data() + first * static_cast<std::size_t>(width);
        };
        p.q = put(
            std::vector<float>(from(q, i.heads * i.dim),
                               from(q, i.heads * i.dim) + count * static_cast<std::size_t>(i.heads * i.dim)));
        if (i.weighted)
            p.weights = put(std::vector<float>(
                from(weights, i.heads), from(weights, i.heads) + count * static_cast<std::size_t>(i.heads)));
        p.scores = put(std::vector<float>(count * choices * static_cast<std::size_t>(stride), NAN));
        p.row_count = static_cast<std::int32_t>(count);
        p.heads = i.heads;
        p.stride = stride;
        p.local = i.local;
        p.scale = 0.3f;
        launch<Kernel::IndexScores>(*stream, index_scores_grid(p, context, 3), p, false,
                                    index_scores_bytes(p.keys, i.heads));
        launch<Kernel::IndexChoice>(*stream, index_choice_grid(p), p, true);
        return {download(*stream, p.table.chosen, count * choices * static_cast<std::size_t>(i.top)),
                download(*stream, p.scores, count * choices * static_cast<std::size_t>(stride))};
    }

    /// A block's score in double: of one choice's heads.
    static double score(const Indexer& i, const float* q, const float* weights,
                        const std::vector<float>& keys, int choice, int begin, int end) {
        double best = -INFINITY;
        for (int k = begin; k < end; ++k) {
            double sum = 0;
            for (int h = i.weighted ? 0 : choice; h < (i.weighted ? i.heads : choice + 1); ++h) {
                double dot = 0;
                for (int d = 0; d < i.dim; ++d)
                    dot += double{q[h * i.dim + d]} * keys[static_cast<std::size_t>(k * i.dim + d)];
                sum += i.weighted ? weights[h] * std::max(dot, 0.0) * 0.3f : dot;
            }
            best = std::max(best, sum);
        }
        return best;
    }

    void check(const Indexer& i, const std::vector<int>& positions) {
        const int context = (*std::ranges::max_element(positions) + kKvTokens) / kKvTokens * kKvTokens;
        const KvLayout layout = layout_of(i);
        std::vector<float> keys;
        const CachedSequence sequence = sequence_of(i, layout, context, keys);
        const auto q = numbers_of(i, positions.size() * static_cast<std::size_t>(i.heads * i.dim)),
                   weights = numbers_of(i, positions.size() * static_cast<std::size_t>(i.heads));
        const Found found = choose(i, layout, sequence, positions, q, weights, 0, context);
        const auto stride = found.scores.size() / positions.size() / static_cast<std::size_t>(i.choices());
        for (std::size_t r = 0; r < positions.size(); ++r) {
            if (positions[r] < 0)
                continue;
            const int seen = (positions[r] + 1) / i.tokens, blocks = (seen + i.block - 1) / i.block,
                      count = std::min(i.top, blocks);
            for (int c = 0; c < i.choices(); ++c) {
                const std::size_t place =
                    r * static_cast<std::size_t>(i.choices()) + static_cast<std::size_t>(c);
                std::vector<float> scores(found.scores.begin() + static_cast<std::ptrdiff_t>(place * stride),
                                          found.scores.begin() + static_cast<std::ptrdiff_t>(place * stride) +
                                              blocks);
                for (int b = 0; blocks > i.top && b < blocks; ++b) {
                    const double expected = score(i, q.data() + r * static_cast<std::size_t>(i.heads * i.dim),
                                                  weights.data() + r * static_cast<std::size_t>(i.heads),
                                                  keys, c, b * i.block, std::min((b + 1) * i.block, seen));
                    ASSERT_NEAR(scores[static_cast<std::size_t>(b)], expected, 1e-5 * i.heads * i.dim)
                        << "row " << r << ", block " << b;
                }
                for (int b = std::max(blocks - i.local, 0); b < blocks; ++b)
                    scores[static_cast<std::size_t>(b)] = INFINITY;
                std::vector<std::int32_t> expected(static_cast<std::size_t>(blocks));
                std::iota(expected.begin(), expected.end(), 0);
                if (count < blocks)
                    std::ranges::stable_sort(expected, [&](std::int32_t a, std::int32_t b) {
                        return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
                    });
                expected.resize(static_cast<std::size_t>(count));
                std::ranges::sort(expected);
                const auto own = found.chosen.begin() +
                                 static_cast<std::ptrdiff_t>(place * static_cast<std::size_t>(i.top));
                ASSERT_EQ(std::vector(own, own + count), expected) << "row " << r << ", choice " << c;
            }
            // Alone, with more room than it needs.
            const Found alone = choose(i, layout, sequence, {positions[r]}, q, weights, r, context + 96);
            const auto width = static_cast<std::ptrdiff_t>(i.choices() * i.top);
            EXPECT_TRUE(std::equal(alone.chosen.begin(), alone.chosen.end(),
                                   found.chosen.begin() + static_cast<std::ptrdiff_t>(r) * width))
                << "row " << r << " alone";
        }
    }
};

TEST_F(CudaIndex, KeysThatHeadsWeighTogether) {
    check({6, 64, true, 24}, {0, 5, 23, 24, 25, 90, -1, 130});
    check({1, 32, true, 5}, {70, 33});
    check({9, 40, true, 7}, {64, 63, 62});
    check({64, 128, true, 30}, {200});
}

TEST_F(CudaIndex, BlocksOfKeysThatEachHeadScores) {
    check({2, 32, false, 4, 8, 1}, {0, 7, 8, 31, 32, 39, 100, -1, 190});
    check({10, 48, false, 3, 40, 2}, {39, 150, 300});
    check({4, 64, false, 9}, {100, 8, 9});
    check({3, 16, false, 2, 5, 4}, {77}); // more that are chosen in any case than are chosen
}

TEST_F(CudaIndex, KeysOfSeveralTokens) {
    check({6, 64, true, 16, 1, 0, 4}, {2, 3, 60, 67, 68, 200});
    check({2, 32, true, 1, 1, 0, 128}, {127, 300, 520});
    check({2, 32, true, 3, 1, 0, 5}, {99, 17});
}

TEST_F(CudaIndex, OfEqualScoresTheEarlier) {
    check({2, 32, true, 17, 1, 0, 1, true}, {120, 300});
    check({1, 8, false, 40, 1, 0, 1, true}, {600});
    check({2, 8, false, 5, 4, 1, 1, true}, {333});
}

TEST_F(CudaIndex, ScoresThatAreNoNumbersLose) {
    const Indexer i = {2, 32, true, 3};
    const KvLayout layout = layout_of(i);
    std::vector<float> keys;
    CachedSequence sequence = sequence_of(i, layout, 64, keys);
    for (const int key : {0, 7, 31})
        std::fill_n(const_cast<std::byte*>(place(layout.rows(1), sequence, key)), 2, std::byte{0x7e});
    const auto q = numbers(64), weights = std::vector<float>{1.0f, 1.0f};
    const Found found = choose(i, layout, sequence, {50}, q, weights, 0, 64);
    for (const std::int32_t key : found.chosen)
        EXPECT_TRUE(key > 0 && key <= 50 && key != 7 && key != 31) << key;
}

TEST_F(CudaIndex, KeysAreNormedRotatedAndKept) {
    for (const auto& [dim, interleaved, centred] :
         {std::tuple(64, false, true), std::tuple(40, true, false), std::tuple(200, false, false)}) {
        const Indexer i = {1, dim, true, 1};
        const KvLayout layout = layout_of(i);
        std::vector<float> none;
        const CachedSequence sequence = sequence_of(i, layout, 96, none);
        const std::vector<int> positions = {3, 31, 32, -1, 95};
        std::vector<KvBlockRef> table(1);
        const std::int32_t begin = upload_sequence(*device, *stream, sequence, table);
        std::vector<RowInput> rows;
        for (const int position : positions) {
            RowInput row = {};
            row.position = position;
            row.first_block = begin;
            rows.push_back(row);
        }
        const int dims = dim / 2, pairs = dims / 2, offset = dim - dims;
        const auto width = static_cast<std::size_t>(dim);
        auto raw = numbers(positions.size() * width);
        const auto gain = numbers(width), bias = numbers(width),
                   cosines = numbers(positions.size() * static_cast<std::size_t>(pairs)),
                   sines = numbers(positions.size() * static_cast<std::size_t>(pairs));
        IndexKeysParams p = {};
        p.rows = put(rows);
        p.blocks = put(table);
        p.cache = layout.rows(1);
        p.keys = put(raw);
        p.steps = 2;
        p.step[0].gain = view(gain);
        p.step[0].bias = centred ? view(bias) : nullptr;
        p.step[0].epsilon = 1e-3f;
        p.step[0].centred = centred;
        p.step[1].cosines = put(cosines);
        p.step[1].sines = put(sines);
        p.step[1].offset = offset;
        p.step[1].dims = dims;
        p.step[1].interleaved = interleaved;
        launch<Kernel::IndexKeys>(*stream, index_keys_grid(static_cast<int>(positions.size())), p);
        CachedSequence after = sequence;
        for (std::size_t b = 0; b < after.blocks.size(); ++b)
            after.blocks[b] =
                download(*stream, table[static_cast<std::size_t>(begin) + b].data, after.blocks[b].size());
        for (std::size_t r = 0; r < positions.size(); ++r) {
            if (positions[r] < 0)
                continue;
            const float* x = raw.data() + r * width;
            double mean = 0, squares = 0;
            for (int d = 0; centred && d < dim; ++d)
                mean += x[d] / static_cast<double>(dim);
            for (int d = 0; d < dim; ++d)
                squares += (x[d] - mean) * (x[d] - mean) / dim;
            std::vector<double> expected(width);
            for (std::size_t d = 0; d < width; ++d)
                expected[d] =
                    (x[d] - mean) / std::sqrt(squares + 1e-3) * gain[d] + (centred ? bias[d] : 0.0f);
            for (int k = 0; k < pairs; ++k) {
                double& a = expected[static_cast<std::size_t>(offset + (interleaved ? 2 * k : k))];
                double& b =
                    expected[static_cast<std::size_t>(offset + (interleaved ? 2 * k + 1 : pairs + k))];
                const double c = cosines[r * static_cast<std::size_t>(pairs) + static_cast<std::size_t>(k)],
                             s = sines[r * static_cast<std::size_t>(pairs) + static_cast<std::size_t>(k)];
                const double first = a * c - b * s;
                b = b * c + a * s;
                a = first;
            }
            const auto* kept = reinterpret_cast<const std::uint16_t*>(place(p.cache, after, positions[r]));
            for (std::size_t d = 0; d < width; ++d)
                ASSERT_NEAR(cpu::half_value(kept[d]), expected[d],
                            1e-3 * std::max(1.0, std::abs(expected[d])))
                    << dim << ", row " << r << ", value " << d;
            for (int d = dim; d < p.cache.stride; ++d)
                ASSERT_EQ(kept[d], 0) << "behind the key";
        }
    }
}

} // namespace
} // namespace switchyard::cuda
