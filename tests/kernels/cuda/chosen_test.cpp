// Attention to a list of tokens and rows against sums in double over what the list stands for.
#include "kernels/cuda/attention_launch.h"
#include "tests/kernels/cuda/cache_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace switchyard::cuda {
namespace {

struct ListCase {
    int heads, kv_heads, key_dim, value_dim;
    bool latent;            ///< values are part of the keys
    int top = 0, block = 1; ///< top 0: no choice
    int choices = 1;
    bool made = false;          ///< rows of several tokens behind a window
    int tokens = 1, window = 0; ///< of a row
    bool sinks = false;
    std::vector<CacheType> types = {CacheType::F16};
    std::size_t shared = 0; ///< bytes of a block; 0: the device's
};

struct ListResult {
    std::vector<float> out;
    std::vector<double> expected; ///< [rows][heads][value_dim]
};

/// Rows at positions of one sequence, each with its own choice; `only`: of them, the one that is there.
ListResult attend_list(const ListCase& c, const std::vector<int>& positions, int only = -1) {
    EmulatedOptions options;
    if (c.shared > 0)
        options.shared_bytes = c.shared;
    const auto device = make_test_device(options);
    const auto stream = device->make_stream();
    const auto put = [&](const auto& values) { return upload(*device, *stream, values); };
    std::mt19937 random(29);
    std::normal_distribution<float> number;
    const int context = *std::ranges::max_element(positions) + 1;
    const KvLayout layout(std::vector<KvShape>{{1, 32, 32},
                                               {c.kv_heads, c.key_dim, c.latent ? 0 : c.value_dim},
                                               {.row_dim = c.made ? c.key_dim : 0, .row_tokens = c.tokens}});
    const KvLayerView& cache = layout.layer(1);
    const KvRowsView& kept = layout.rows(2);
    CachedSequence sequence = random_sequence(layout, 1, context, c.types, random);
    std::vector<float> made; // [rows of several tokens][key_dim]
    for (int k = 0; c.made && k < context / c.tokens; ++k) {
        const int last = (k + 1) * c.tokens - 1;
        const auto b = static_cast<std::size_t>(last / kKvTokens);
        auto* to = reinterpret_cast<std::uint16_t*>(sequence.blocks[b].data() +
                                                    kept.at[static_cast<int>(sequence.types[b])]) +
                   last % kKvTokens / c.tokens * kept.stride;
        std::fill_n(to, kept.stride, std::uint16_t{0});
        for (int d = 0; d < c.key_dim; ++d) {
            to[d] = cpu::half_bits(number(random));
            made.push_back(cpu::half_value(to[d]));
        }
    }
    std::vector<KvBlockRef> blocks(2);
    const std::int32_t first_block = upload_sequence(*device, *stream, sequence, blocks);
    const auto count = positions.size();
    ChoiceTable table = {nullptr, c.choices, c.top, c.top, c.block, c.tokens};
    std::vector<std::int32_t> chosen;
    for (const int position : positions)
        for (int choice = 0; c.top > 0 && choice < c.choices; ++choice) {
            std::set<std::int32_t> own;
            while (position >= 0 && std::ssize(own) < table.count(position))
                own.insert(
                    static_cast<std::int32_t>(random() % static_cast<unsigned>(table.blocks(position))));
            chosen.insert(chosen.end(), own.begin(), own.end());
            chosen.resize(chosen.size() + static_cast<std::size_t>(c.top) - own.size(), 1 << 28);
        }
    std::vector<RowInput> rows;
    for (const int position : positions) {
        RowInput row = {};
        row.position = position;
        row.first_block = first_block;
        rows.push_back(row);
    }
    std::vector<float> q(count * static_cast<std::size_t>(c.heads * c.key_dim)),
        sinks(static_cast<std::size_t>(c.heads));
    for (auto* values : {&q, &sinks})
        for (float& x : *values)
            x = number(random);
    const float scale = 1.0f / std::sqrt(static_cast<float>(c.key_dim));

    ChosenParams p = {};
    AttentionParams& a = p.attention;
    const std::size_t from = only < 0 ? 0 : static_cast<std::size_t>(only), own = only < 0 ? count : 1;
    a.rows = put(rows) + from;
    a.blocks = put(blocks);
    a.cache = cache;
    a.q = put(q) + from * static_cast<std::size_t>(c.heads * c.key_dim);
    const MatrixView sink = {reinterpret_cast<const std::byte*>(put(sinks)), 1, c.heads, BlockType::F32};
    a.sinks = c.sinks ? put(std::vector<MatrixView>{sink}) : nullptr;
    a.out = put(std::vector<float>(own * static_cast<std::size_t>(c.heads * c.value_dim), -7.0f));
    a.row_count = a.split_rows = static_cast<std::int32_t>(own);
    a.partials = reinterpret_cast<float*>(
        device->allocate(attention_scratch_floats(a.split_rows, c.heads, c.value_dim) * sizeof(float)));
    a.heads = c.heads;
    a.value_dim = c.value_dim;
    a.window = c.window;
    a.scale = scale;
    a.form = -1;
    p.table = table;
    p.table.chosen = c.top > 0 ? put(chosen) + from * static_cast<std::size_t>(c.choices * c.top) : nullptr;
    p.kept = kept;
    p.made = c.made;
    launch_chosen(*stream, p, context, device->info());
    ListResult result;
    result.out = download(*stream, a.out, own * static_cast<std::size_t>(c.heads * c.value_dim));

    for (std::size_t r = 0; r < count; ++r)
        for (int h = 0; h < c.heads; ++h) {
            const int kv_head = h * c.kv_heads / c.heads;
            std::vector<std::pair<int, bool>> list; // a number, and whether it is a row's
            const int position = positions[r];
            const auto choice =
                chosen.begin() +
                static_cast<std::ptrdiff_t>((r * static_cast<std::size_t>(c.choices) +
                                             static_cast<std::size_t>(kv_head * c.choices / c.kv_heads)) *
                                            static_cast<std::size_t>(c.top));
            const std::vector<std::int32_t> numbers(
                choice, choice + (c.top > 0 && position >= 0 ? table.count(position) : 0));
            if (c.made) {
                for (int t = c.window > 0 ? std::max(position - c.window + 1, 0) : 0; t <= position; ++t)
                    list.emplace_back(t, false);
                for (int k = 0; c.top == 0 && k < (position + 1) / c.tokens; ++k)
                    list.emplace_back(k, true);
                for (const std::int32_t k : numbers)
                    list.emplace_back(k, true);
            } else {
                for (const std::int32_t b : numbers)
                    for (int t = b * c.block; t < std::min((b + 1) * c.block, position + 1); ++t)
                        list.emplace_back(t, false);
            }
            const auto at = [&](const std::pair<int, bool>& one, bool key, int d) -> double {
                return one.second ? made[static_cast<std::size_t>(one.first * c.key_dim + d)]
                                  : sequence.at(cache, kv_head, one.first, key || c.latent, d);
            };
            std::vector<double> scores;
            double most = c.sinks ? sinks[static_cast<std::size_t>(h)] : -INFINITY;
            for (const auto& one : list) {
                double score = 0;
                for (int d = 0; d < c.key_dim; ++d)
                    score += double{q[(r * static_cast<std::size_t>(c.heads) + static_cast<std::size_t>(h)) *
                                          static_cast<std::size_t>(c.key_dim) +
                                      static_cast<std::size_t>(d)]} *
                             at(one, true, d);
                scores.push_back(score * scale);
                most = std::max(most, scores.back());
            }
            double sum = c.sinks ? std::exp(sinks[static_cast<std::size_t>(h)] - most) : 0.0;
            for (double& score : scores)
                sum += score = std::exp(score - most);
            for (int d = 0; d < c.value_dim; ++d) {
                double value = 0;
                for (std::size_t i = 0; i < list.size(); ++i)
                    value += scores[i] * at(list[i], false, d);
                result.expected.push_back(value / sum);
            }
        }
    return result;
}

/// `tolerance`: what a cache of other types loses as 16-bit floats.
void check_list(const ListCase& c, const std::vector<int>& positions, double tolerance = 1e-5) {
    const ListResult all = attend_list(c, positions);
    const auto width = static_cast<std::size_t>(c.heads * c.value_dim);
    for (std::size_t r = 0; r < positions.size(); ++r) {
        if (positions[r] < 0)
            continue;
        double largest = 0, worst = 0;
        for (std::size_t i = r * width; i < (r + 1) * width; ++i) {
            const double error = all.out[i] - all.expected[i];
            largest = std::max(largest, std::fabs(all.expected[i]));
            worst = std::isnan(error) ? 1e30 : std::max(worst, std::fabs(error));
        }
        EXPECT_LE(worst, tolerance * largest)
            << "row " << r << " at " << positions[r] << ", heads of " << c.key_dim;
        const ListResult alone = attend_list(c, positions, static_cast<int>(r));
        EXPECT_TRUE(std::equal(alone.out.begin(), alone.out.end(),
                               all.out.begin() + static_cast<std::ptrdiff_t>(r * width)))
            << "row " << r << " alone";
    }
}

TEST(CudaChosen, BlocksOfTokens) {
    check_list({.heads = 4,
                .kv_heads = 2,
                .key_dim = 32,
                .value_dim = 32,
                .latent = false,
                .top = 4,
                .block = 8,
                .choices = 2},
               {0, 7, 8, 30, 31, 32, 100, -1, 190});
    check_list({.heads = 40,
                .kv_heads = 2,
                .key_dim = 80,
                .value_dim = 48,
                .latent = false,
                .top = 3,
                .block = 50,
                .choices = 1,
                .sinks = true},
               {49, 50, 240});
    check_list({.heads = 6,
                .kv_heads = 3,
                .key_dim = 64,
                .value_dim = 160,
                .latent = false,
                .top = 9,
                .block = 33,
                .choices = 3},
               {400, 20});
}

TEST(CudaChosen, SingleTokensOfALatentCache) {
    check_list({.heads = 4, .kv_heads = 1, .key_dim = 48, .value_dim = 32, .latent = true, .top = 24},
               {0, 23, 24, 60, 130});
    check_list({.heads = 20, .kv_heads = 1, .key_dim = 576, .value_dim = 512, .latent = true, .top = 150},
               {70, 300});
}

TEST(CudaChosen, RowsOfSeveralTokensBehindAWindow) {
    check_list({.heads = 4,
                .kv_heads = 1,
                .key_dim = 32,
                .value_dim = 32,
                .latent = true,
                .top = 16,
                .made = true,
                .tokens = 4,
                .window = 24,
                .sinks = true},
               {0, 2, 3, 23, 24, 150, -1, 300});
    check_list({.heads = 17,
                .kv_heads = 1,
                .key_dim = 200,
                .value_dim = 200,
                .latent = true,
                .made = true,
                .tokens = 5,
                .window = 70,
                .sinks = true},
               {3, 69, 250});
    check_list({.heads = 2,
                .kv_heads = 1,
                .key_dim = 64,
                .value_dim = 64,
                .latent = true,
                .made = true,
                .tokens = 128,
                .sinks = true},
               {126, 127, 300});
}

TEST(CudaChosen, ListsOfManySplits) {
    check_list({.heads = 1,
                .kv_heads = 1,
                .key_dim = 16,
                .value_dim = 16,
                .latent = true,
                .made = true,
                .tokens = 1,
                .window = 5000},
               {4500});
    check_list(
        {.heads = 2, .kv_heads = 1, .key_dim = 32, .value_dim = 32, .latent = false, .top = 100, .block = 5},
        {700, 2000});
}

TEST(CudaChosen, CachesOfMixedTypes) {
    const std::vector<CacheType> mixed = {CacheType::Q8_0, CacheType::F16, CacheType::Q4_0, CacheType::FP8};
    check_list({.heads = 4,
                .kv_heads = 2,
                .key_dim = 64,
                .value_dim = 40,
                .latent = false,
                .top = 6,
                .block = 8,
                .choices = 2,
                .types = mixed},
               {10, 200, 250}, 2e-3);
    check_list({.heads = 3,
                .kv_heads = 1,
                .key_dim = 96,
                .value_dim = 64,
                .latent = true,
                .top = 40,
                .types = mixed},
               {150, 30}, 2e-3);
}

TEST(CudaChosen, LittleSharedMemory) {
    check_list({.heads = 4,
                .kv_heads = 1,
                .key_dim = 128,
                .value_dim = 128,
                .latent = false,
                .top = 100,
                .shared = std::size_t{64} << 10},
               {170});
    check_list({.heads = 2,
                .kv_heads = 1,
                .key_dim = 576,
                .value_dim = 512,
                .latent = true,
                .top = 70,
                .shared = std::size_t{99} << 10},
               {90});
}

TEST(CudaChosen, SplitsAreFew) {
    for (int entries = 1; entries < 1 << 20; entries += entries < 1000 ? 1 : 997) {
        EXPECT_LE((entries + chosen_split(entries) - 1) / chosen_split(entries), kMostSplits);
        EXPECT_EQ(chosen_split(entries) % kKvTokens, 0);
    }
}

} // namespace
} // namespace switchyard::cuda
