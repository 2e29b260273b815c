// Attention over KV blocks: against softmax in double, with stale memory, and the same bits everywhere.
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

#include <limits>

namespace switchyard {
namespace {

using namespace test;

const BlockType kKvTypes[] = {BlockType::F32, BlockType::F16, BlockType::Q8_0, BlockType::Q4_0};

struct Shape {
    int head_dim, value_dim;
    bool shared; ///< the value is the key's beginning
};
const Shape kShapes[] = {{64, 64, false},  {128, 128, false}, {8, 8, false},
                         {20, 12, false},  {192, 128, false}, {96, 40, true},
                         {576, 512, true}, {41, 19, false},   {33, 7, true}};

/// A head's cache of `tokens` tokens in blocks whose other memory is all ones: NaN as floats.
struct Cache {
    BlockType type;
    Shape shape;
    int tokens;
    std::vector<std::vector<std::byte>> k, v;

    Cache(BlockType t, Shape s, int n, Random& random) : type(t), shape(s), tokens(n) {
        for (int i = 0; i < tokens; ++i) {
            if (i % cpu::kKvTokens == 0) {
                k.emplace_back(cpu::k_block_bytes(type, shape.head_dim), std::byte{255});
                v.emplace_back(cpu::v_block_bytes(type, shape.value_dim), std::byte{255});
            }
            const auto key = random.normals(static_cast<std::size_t>(shape.head_dim));
            const auto value = random.normals(static_cast<std::size_t>(shape.value_dim));
            cpu::store_k(type, key.data(), shape.head_dim, i % cpu::kKvTokens, k.back().data());
            cpu::store_v(type, value.data(), shape.value_dim, i % cpu::kKvTokens, v.back().data());
        }
    }
    std::vector<float> key(int token) const {
        std::vector<float> out(static_cast<std::size_t>(shape.head_dim));
        cpu::load_k(type, k[static_cast<std::size_t>(token / 32)].data(), shape.head_dim, token % 32,
                    out.data());
        return out;
    }
    std::vector<float> value(int token) const {
        if (shape.shared) {
            return key(token);
        }
        std::vector<float> out(static_cast<std::size_t>(shape.value_dim));
        cpu::load_v(type, v[static_cast<std::size_t>(token / 32)].data(), shape.value_dim, token % 32,
                    out.data());
        return out;
    }
};

/// Query i sees tokens [first[i], last[i]).
struct Queries {
    std::vector<float> q;
    std::vector<int> first, last;
    float cap = 0; ///< of scores; every other set of queries has one
    int count() const { return static_cast<int>(first.size()); }
};

Queries random_queries(const Cache& cache, int count, Random& random) {
    Queries queries;
    queries.cap = random.bits() % 2 == 0 ? 0.0f : 0.7f;
    queries.q = random.normals(static_cast<std::size_t>(count * cache.shape.head_dim));
    for (float& v : queries.q) {
        v /= std::sqrt(static_cast<float>(cache.shape.head_dim));
    }
    for (int i = 0; i < count; ++i) {
        const int last = 1 + static_cast<int>(random.bits() % static_cast<unsigned>(cache.tokens));
        queries.last.push_back(last);
        queries.first.push_back(i % 3 == 0 ? static_cast<int>(random.bits() % static_cast<unsigned>(last))
                                           : 0);
    }
    return queries;
}

/// Outputs [count][value_dim] of queries [begin, end).
std::vector<float> attend(cpu::Isa isa, const Cache& cache, const Queries& queries, int begin, int end) {
    const int count = end - begin, width = cpu::accumulator_floats(cache.shape.value_dim);
    std::vector<float> max(static_cast<std::size_t>(count), -std::numeric_limits<float>::infinity());
    std::vector<float> sum(static_cast<std::size_t>(count)), acc(static_cast<std::size_t>(count * width));
    std::vector<float> scratch(cpu::attend_scratch_floats(cache.shape.head_dim, cache.shape.value_dim));
    std::vector<cpu::KvRange> ranges(static_cast<std::size_t>(count));
    for (int b = 0; b * cpu::kKvTokens < cache.tokens; ++b) {
        const auto clamp = [&](int token) {
            return std::min(std::max(token - b * cpu::kKvTokens, 0), cpu::kKvTokens);
        };
        for (int i = 0; i < count; ++i) {
            const auto at = static_cast<std::size_t>(begin + i);
            ranges[static_cast<std::size_t>(i)] = {clamp(queries.first[at]), clamp(queries.last[at])};
        }
        cpu::AttendArgs args;
        args.type = cache.type;
        args.head_dim = cache.shape.head_dim;
        args.value_dim = cache.shape.value_dim;
        args.k_block = cache.k[static_cast<std::size_t>(b)].data();
        args.v_block = cache.shape.shared ? nullptr : cache.v[static_cast<std::size_t>(b)].data();
        args.queries = count;
        args.q = queries.q.data() + begin * cache.shape.head_dim;
        args.q_stride = cache.shape.head_dim;
        args.ranges = ranges.data();
        args.max = max.data();
        args.sum = sum.data();
        args.acc = acc.data();
        args.acc_stride = width;
        args.scratch = scratch.data();
        args.cap = queries.cap;
        cpu::table(isa).attend_block(args);
    }
    std::vector<float> out;
    for (int i = 0; i < count; ++i) {
        for (int d = 0; d < cache.shape.value_dim; ++d) {
            out.push_back(acc[static_cast<std::size_t>(i * width + d)] / sum[static_cast<std::size_t>(i)]);
        }
    }
    return out;
}

/// How far value i may be from what was stored, by the largest of its 32.
float tolerance(BlockType type, const std::vector<float>& x, int i) {
    const auto begin = x.begin() + i / 32 * 32, end = std::min(begin + 32, x.end());
    float largest = 0;
    for (auto v = begin; v < end; ++v) {
        largest = std::max(largest, std::fabs(*v));
    }
    switch (type) {
    case BlockType::F32:
        return 0;
    case BlockType::F16:
        return largest * 0x1p-11f;
    case BlockType::Q8_0:
        return largest / 127.0f * 0.6f;
    default: // half a step, a whole one for what would be 8 steps on the side of the larger sign
        return std::fabs(x[static_cast<std::size_t>(i)]) > largest * (7.4f / 8.0f) ? largest / 8.0f * 1.01f
                                                                                   : largest / 16.0f * 1.02f;
    }
}

TEST(KvBlocks, KeepTokensToTheirPrecision) {
    Random random(1);
    for (const BlockType type : kKvTypes) {
        const int dims = 72;
        const auto x = random.normals(dims);
        std::vector<std::byte> k(cpu::k_block_bytes(type, dims)), v(cpu::v_block_bytes(type, dims));
        cpu::store_k(type, x.data(), dims, 5, k.data());
        cpu::store_v(type, x.data(), dims, 31, v.data());
        std::vector<float> back_k(dims), back_v(dims);
        cpu::load_k(type, k.data(), dims, 5, back_k.data());
        cpu::load_v(type, v.data(), dims, 31, back_v.data());
        EXPECT_EQ(back_k, back_v);
        for (int i = 0; i < dims; ++i) {
            EXPECT_NEAR(back_k[static_cast<std::size_t>(i)], x[static_cast<std::size_t>(i)],
                        tolerance(type, x, i));
        }
    }
    EXPECT_EQ(cpu::k_block_bytes(BlockType::F16, 64), 64u * 32 * 2);
    EXPECT_EQ(cpu::v_block_bytes(BlockType::Q8_0, 64), 64u * 32 + 2 * 32 * 2);
    EXPECT_EQ(cpu::k_block_bytes(BlockType::Q4_0, 64), 64u / 2 * 32 + 2 * 32 * 2);
    EXPECT_EQ(cpu::v_block_bytes(BlockType::Q4_0, 64), 64u / 2 * 32 + 2 * 32 * 2);
}

/// Tokens are stored by several threads at once: none may touch a byte of another.
TEST(KvBlocks, TokensShareNoByte) {
    for (const BlockType type : kKvTypes) {
        for (const int dims : {32, 41}) {
            const std::vector<float> x(static_cast<std::size_t>(dims), 1.0f);
            for (const auto& [bytes, store] : {std::pair{&cpu::k_block_bytes, &cpu::store_k},
                                               std::pair{&cpu::v_block_bytes, &cpu::store_v}}) {
                std::vector<int> owner(bytes(type, dims), -1);
                for (int token = 0; token < cpu::kKvTokens; ++token) {
                    for (const int fill : {0x5a, 0xa5}) { // what changes from either was written
                        std::vector<std::byte> block(owner.size(), static_cast<std::byte>(fill));
                        store(type, x.data(), dims, token, block.data());
                        for (std::size_t i = 0; i < block.size(); ++i) {
                            if (block[i] != static_cast<std::byte>(fill)) {
                                ASSERT_TRUE(owner[i] == -1 || owner[i] == token) << i;
                                owner[i] = token;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sixteen multiples of a scale come back as they were, and the largest in size has 8 of it on its side.
TEST(KvBlocks, HalfBytesHoldSixteenStepsAsFilesDo) {
    for (const float scale : {0.25f, -0.25f}) {
        std::vector<float> x(32), back(32);
        for (int i = 0; i < 32; ++i) {
            x[static_cast<std::size_t>(i)] = scale * static_cast<float>(i % 16 - 8);
        }
        std::vector<std::byte> block(cpu::k_block_bytes(BlockType::Q4_0, 32));
        cpu::store_k(BlockType::Q4_0, x.data(), 32, 3, block.data());
        cpu::load_k(BlockType::Q4_0, block.data(), 32, 3, back.data());
        EXPECT_EQ(back, x);
        x[5] = 8.0f * scale; // as large on the other side: one step short, as the first decides the sign
        cpu::store_k(BlockType::Q4_0, x.data(), 32, 3, block.data());
        cpu::load_k(BlockType::Q4_0, block.data(), 32, 3, back.data());
        EXPECT_EQ(back[0], -8.0f * scale);
        EXPECT_EQ(back[5], 7.0f * scale);
    }
    std::vector<float> x(32, 0.0f), back(32, 1.0f);
    std::vector<std::byte> block(cpu::k_block_bytes(BlockType::Q4_0, 32));
    cpu::store_k(BlockType::Q4_0, x.data(), 32, 0, block.data());
    cpu::load_k(BlockType::Q4_0, block.data(), 32, 0, back.data());
    EXPECT_EQ(back, x);
}

TEST(Attention, MatchesSoftmaxInDouble) {
    Random random(2);
    for (const BlockType type : kKvTypes) {
        for (const Shape shape : kShapes) {
            const Cache cache(type, shape, 83, random);
            const Queries queries = random_queries(cache, 7, random);
            const auto out = attend(cpu::Isa::Scalar, cache, queries, 0, queries.count());
            for (int i = 0; i < queries.count(); ++i) {
                std::vector<double> mean(static_cast<std::size_t>(shape.value_dim));
                double total = 0;
                for (int t = queries.first[static_cast<std::size_t>(i)];
                     t < queries.last[static_cast<std::size_t>(i)]; ++t) {
                    const auto key = cache.key(t), value = cache.value(t);
                    double score = 0;
                    for (int d = 0; d < shape.head_dim; ++d) {
                        score += double{queries.q[static_cast<std::size_t>(i * shape.head_dim + d)]} *
                                 key[static_cast<std::size_t>(d)];
                    }
                    score = queries.cap > 0 ? queries.cap * std::tanh(score / queries.cap) : score;
                    total += std::exp(score);
                    for (std::size_t d = 0; d < mean.size(); ++d) {
                        mean[d] += std::exp(score) * value[d];
                    }
                }
                for (std::size_t d = 0; d < mean.size(); ++d) {
                    ASSERT_NEAR(out[static_cast<std::size_t>(i) * mean.size() + d], mean[d] / total, 3e-6)
                        << traits(type).name << " " << shape.head_dim;
                }
            }
        }
    }
}

TEST(Attention, IsTheSameOnEveryInstructionSetAndForAnyGroup) {
    Random random(3);
    for (const BlockType type : kKvTypes) {
        for (const Shape shape : kShapes) {
            const Cache cache(type, shape, 70, random);
            const Queries queries = random_queries(cache, 101, random); // more than meet a block at a time
            const auto expected = attend(cpu::Isa::Scalar, cache, queries, 0, queries.count());
            for (const cpu::Isa isa : available_isas()) {
                for (const int group : {1, 2, 3, 5, 17, 101}) {
                    std::vector<float> out;
                    for (int i = 0; i < queries.count(); i += group) {
                        const auto part =
                            attend(isa, cache, queries, i, std::min(i + group, queries.count()));
                        out.insert(out.end(), part.begin(), part.end());
                    }
                    ASSERT_TRUE(same_bits(out, expected))
                        << cpu::table(isa).name << " " << traits(type).name << " " << shape.head_dim
                        << " in groups of " << group;
                }
            }
        }
    }
}

TEST(Attention, AnEmptyRangeChangesNothing) {
    Random random(4);
    const Cache cache(BlockType::F16, {64, 64, false}, 32, random);
    for (const cpu::Isa isa : available_isas()) {
        const auto q = random.normals(64);
        const cpu::KvRange range{3, 3};
        float max = 0.5f, sum = 2.0f;
        std::vector<float> acc(64, 0.25f), scratch(cpu::attend_scratch_floats(64, 64));
        cpu::AttendArgs args;
        args.head_dim = args.value_dim = 64;
        args.k_block = cache.k[0].data();
        args.v_block = cache.v[0].data();
        args.queries = 1;
        args.q = q.data();
        args.ranges = &range;
        args.max = &max;
        args.sum = &sum;
        args.acc = acc.data();
        args.scratch = scratch.data();
        cpu::table(isa).attend_block(args);
        EXPECT_EQ(max, 0.5f);
        EXPECT_EQ(sum, 2.0f);
        EXPECT_EQ(acc, std::vector<float>(64, 0.25f));
    }
}

TEST(MergeStates, IsOneSoftmaxOverBothAndTheSameEverywhere) {
    constexpr int kQueries = 5, kValue = 12, kWidth = cpu::accumulator_floats(kValue);
    // Both seen; the larger first and last; one that saw nothing; an infinite one.
    const float from_max[] = {1.5f, -3.0f, 2.0f, -INFINITY, 4.0f},
                from_sum[] = {2.0f, 3.0f, 1.5f, 0.0f, 2.5f};
    const float max[] = {-0.5f, 4.0f, -INFINITY, 1.0f, 4.0f}, sum[] = {1.25f, 2.0f, 0.0f, 3.0f, 1.0f};
    std::vector<float> from_acc(kQueries * kWidth), acc(kQueries * kWidth);
    for (std::size_t i = 0; i < acc.size(); ++i) {
        const bool unseen = i / kWidth == 2;
        from_acc[i] = static_cast<float>(i) * 0.25f - 3.0f;
        acc[i] = unseen ? 0.0f : 2.0f - static_cast<float>(i) * 0.125f;
    }
    std::vector<std::vector<float>> all;
    for (const cpu::Isa isa : {cpu::Isa::Scalar, cpu::Isa::Avx2, cpu::Isa::Vnni}) {
        if (!cpu::available(isa)) {
            continue;
        }
        for (const bool values : {true, false}) {
            std::vector<float> fm(from_max, from_max + kQueries), fs(from_sum, from_sum + kQueries),
                fa = from_acc;
            std::vector<float> m(max, max + kQueries), s(sum, sum + kQueries), a = acc;
            cpu::table(isa).merge_states({kQueries,
                                          kValue,
                                          {fm.data(), fs.data(), values ? fa.data() : nullptr},
                                          {m.data(), s.data(), a.data()}});
            for (int q = 0; q < kQueries; ++q) {
                const double largest = std::max(from_max[q], max[q]), keep = std::exp(max[q] - largest),
                             take = from_sum[q] == 0 ? 0.0 : std::exp(from_max[q] - largest);
                EXPECT_NEAR(s[q], keep * sum[q] + take * from_sum[q], 1e-6);
                for (int d = 0; d < kWidth; ++d) {
                    const int i = q * kWidth + d;
                    EXPECT_NEAR(a[i], keep * acc[i] + (values ? take * from_acc[i] : 0.0), 1e-5);
                }
            }
            a.insert(a.end(), s.begin(), s.end());
            all.push_back(a);
        }
    }
    for (std::size_t i = 2; i < all.size(); ++i) {
        EXPECT_EQ(all[i], all[i % 2]) << "instruction sets differ";
    }
}

} // namespace
} // namespace switchyard
