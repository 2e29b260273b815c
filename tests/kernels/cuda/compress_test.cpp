// Rows that are made of windows of tokens against plain loops in doubles: whole, in parts that go on from
// kept states, and beside other sequences.
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/cache_memory.h"
#include "tests/kernels/cuda/drawn_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace switchyard::cuda {
namespace {

struct Compressor {
    int dim, ratio;
    bool overlaps, interleaved;

    int width() const { return overlaps ? 2 * dim : dim; }
    int state() const { return (overlaps ? 3 : 1) * 3 * dim; }
};

/// Rows of one sequence in a step.
struct StepPart {
    int first, end; ///< positions
    const float* before;
    std::vector<StateAfter> after;
};

struct CudaCompress : DrawnValues {
    CudaCompress() : DrawnValues(23) {}

    static constexpr std::int64_t kOffset = 64; ///< of the layer's states

    std::vector<float> kv, gate, bias, gain, frequencies; ///< of a sequence's tokens
    KvLayout layout{std::vector<KvShape>{}};

    float* state_memory(const Compressor& c) {
        return put(std::vector<float>(static_cast<std::size_t>(kOffset + c.state()), -7.0f));
    }
    void prepare(const Compressor& c, int tokens) {
        kv = numbers(tokens * c.width());
        gate = numbers(tokens * c.width());
        bias = numbers(c.ratio * c.width());
        gain = numbers(c.dim);
        frequencies = {1.0f, 0.3f, 0.01f};
        layout = KvLayout(std::vector<KvShape>{{1, 32, 32}, {.row_dim = c.dim, .row_tokens = c.ratio}});
    }
    /// The blocks of each part's cache, as the device leaves them.
    using Cache = std::vector<std::vector<std::byte>>;
    Cache run(const Compressor& c, const std::vector<StepPart>& parts, const Cache& cache) {
        std::vector<KvBlockRef> table(1);
        std::vector<RowInput> rows;
        std::vector<SequenceStates> sequences;
        std::vector<StateAfter> after;
        std::vector<float> own_kv, own_gate;
        for (const StepPart& part : parts) {
            sequences.push_back({part.before, static_cast<std::int32_t>(rows.size()), part.end - part.first,
                                 static_cast<std::int32_t>(after.size()),
                                 static_cast<std::int32_t>(part.after.size())});
            after.insert(after.end(), part.after.begin(), part.after.end());
            const auto first_block = static_cast<std::int32_t>(table.size());
            for (const auto& block : cache)
                table.push_back({put(block), CacheType::F16, 0});
            for (int t = part.first; t < part.end; ++t) {
                RowInput row = {};
                row.position = t;
                row.first_block = first_block;
                rows.push_back(row);
            }
            const auto copy = [&](std::vector<float>& to, const std::vector<float>& from) {
                to.insert(to.end(), from.begin() + part.first * c.width(),
                          from.begin() + part.end * c.width());
            };
            copy(own_kv, kv);
            copy(own_gate, gate);
        }
        sequences.push_back({}); // one that only fills a graph's
        CompressParams p = {};
        p.states = {put(sequences), put(after), kOffset, static_cast<std::int32_t>(sequences.size())};
        p.rows = put(rows);
        p.blocks = put(table);
        p.cache = layout.rows(1);
        p.kv = put(own_kv);
        p.gate = put(own_gate);
        p.position_bias = view(bias);
        p.gain = view(gain);
        p.frequencies = put(frequencies);
        p.dim = c.dim;
        p.ratio = c.ratio;
        p.overlaps = c.overlaps;
        p.rope_offset = c.dim - 6;
        p.rope_dims = 6;
        p.interleaved = c.interleaved;
        p.epsilon = 1e-4f;
        p.magnitude = 1.25f;
        launch<Kernel::Compress>(*stream, compress_grid(p, static_cast<int>(rows.size())), p);
        Cache found;
        for (std::size_t b = 0; b < cache.size(); ++b)
            found.push_back(download(*stream, table[1 + b].data, cache[b].size()));
        return found;
    }
    const std::uint16_t* row_of(const Cache& cache, int row) const {
        const KvRowsView& rows = layout.rows(1);
        const int last = (row + 1) * rows.tokens - 1;
        return reinterpret_cast<const std::uint16_t*>(
                   cache[static_cast<std::size_t>(last / kKvTokens)].data() +
                   rows.at[static_cast<int>(CacheType::F16)]) +
               last % kKvTokens / rows.tokens * rows.stride;
    }
    std::vector<double> expected_row(const Compressor& c, int window) const {
        std::vector<double> out;
        double squares = 0;
        for (int d = 0; d < c.dim; ++d) {
            double sum = 0, weighted = 0;
            const auto add = [&](int t, int channel) {
                const auto at = static_cast<std::size_t>(t * c.width() + channel);
                const double weight = std::exp(
                    double{gate[at]} + bias[static_cast<std::size_t>(t % c.ratio * c.width() + channel)]);
                sum += weight;
                weighted += weight * kv[at];
            };
            for (int i = 0; i < c.ratio; ++i) {
                if (c.overlaps && window > 0)
                    add((window - 1) * c.ratio + i, d);
                add(window * c.ratio + i, c.overlaps ? c.dim + d : d);
            }
            out.push_back(weighted / sum);
            squares += out.back() * out.back();
        }
        for (int d = 0; d < c.dim; ++d)
            out[static_cast<std::size_t>(d)] *=
                gain[static_cast<std::size_t>(d)] / std::sqrt(squares / c.dim + 1e-4);
        for (int i = 0; i < 3; ++i) {
            const double angle =
                static_cast<float>(window * c.ratio) * frequencies[static_cast<std::size_t>(i)];
            double& a = out[static_cast<std::size_t>(c.dim - 6 + (c.interleaved ? 2 * i : i))];
            double& b = out[static_cast<std::size_t>(c.dim - 6 + (c.interleaved ? 2 * i + 1 : 3 + i))];
            const double first = (a * std::cos(angle) - b * std::sin(angle)) * 1.25;
            b = (b * std::cos(angle) + a * std::sin(angle)) * 1.25;
            a = first;
        }
        return out;
    }

    void check(const Compressor& c, int tokens, const std::vector<int>& ends) {
        prepare(c, tokens);
        const Cache empty(static_cast<std::size_t>((tokens + kKvTokens - 1) / kKvTokens),
                          std::vector<std::byte>(layout.block_bytes(CacheType::F16), std::byte{0xff}));
        std::map<int, float*> kept;
        std::vector<StateAfter> after;
        for (const int end : ends)
            after.push_back({kept[end] = state_memory(c), end});
        const Cache whole = run(c, {{0, tokens, nullptr, after}}, empty);
        for (int w = 0; w < tokens / c.ratio; ++w) {
            const auto expected = expected_row(c, w);
            for (int d = 0; d < c.dim; ++d)
                ASSERT_NEAR(cpu::half_value(row_of(whole, w)[d]), expected[static_cast<std::size_t>(d)],
                            1e-3 * std::max(1.0, std::abs(expected[static_cast<std::size_t>(d)])))
                    << c.dim << ", window " << w << ", value " << d;
        }
        // In parts, each from the state before, beside another part of the same; the cache goes on too.
        Cache parts = empty;
        float* before = nullptr;
        int first = 0;
        for (const int end : ends) {
            float* next = state_memory(c);
            parts = run(c, {{first, end, before, {{next, end - first}}}, {0, std::min(end, 7), nullptr, {}}},
                        parts);
            const auto floats = static_cast<std::size_t>(kOffset + c.state());
            const auto state = download(*stream, next, floats),
                       expected = download(*stream, kept[end], floats);
            EXPECT_TRUE(std::ranges::equal(state, expected)) << "the state at " << end;
            EXPECT_TRUE(
                std::all_of(state.begin(), state.begin() + kOffset, [](float x) { return x == -7.0f; }));
            before = next;
            first = end;
        }
        if (first == tokens) {
            EXPECT_EQ(parts, whole) << "bits of parts";
        }
    }
};

TEST_F(CudaCompress, Windows) {
    check({40, 4, false, true}, 70, {1, 4, 5, 8, 31, 32, 70});
    check({32, 128, false, false}, 300, {100, 128, 129, 256, 300});
    check({300, 5, false, true}, 33, {2, 17, 33});
}

TEST_F(CudaCompress, WindowsThatOverlap) {
    check({40, 4, true, true}, 70, {1, 2, 4, 6, 8, 9, 12, 20, 33, 70});
    check({512, 4, true, true}, 20, {3, 20});
    check({32, 7, true, false}, 75, {7, 14, 15, 29, 75});
}

} // namespace
} // namespace switchyard::cuda
