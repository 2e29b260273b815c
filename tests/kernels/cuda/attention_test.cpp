// Attention over the cache in device memory against sums in double over what the cache stands for.
#include "kernels/cuda/attention_launch.h"
#include "tests/kernels/cuda/cache_memory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace switchyard::cuda {
namespace {

const std::vector<CacheType> kF16 = {CacheType::F16};
const std::vector<CacheType> kMixed = {CacheType::Q8_0, CacheType::F16,  CacheType::Q4_0,
                                       CacheType::FP8,  CacheType::Q4_0, CacheType::Q8_0};

/// Rows of one sequence, the last at the end of its context.
struct Part {
    int context, rows = 1;
    int window = 0; ///< of its rows' own
    bool prompt = false;
    int only = -1; ///< of its rows, the one that is there; -1: all
};

struct Shape {
    int heads, kv_heads, key_dim, value_dim;
    bool latent = false; ///< values are part of the keys
    int window = 0;
    bool sinks = false;
    std::vector<CacheType> types = kF16;
    int chunk = 0;
    float cap = 0, heat = 0, value_scale = 1;
};

struct AttentionCase {
    Shape shape;
    std::vector<Part> parts;
    int padding = 0; ///< rows without a position behind the others
    std::uint32_t seed = 1;

    int rows() const {
        int count = padding;
        for (const Part& part : parts)
            count += part.only < 0 ? part.rows : 1;
        return count;
    }
    std::size_t out_width() const { return static_cast<std::size_t>(shape.heads * shape.value_dim); }
};

/// A case's contents, the same for a part whichever other parts are there.
struct Contents {
    KvLayout layout;
    std::vector<CachedSequence> sequences;
    std::vector<RowInput> rows; ///< first_block is the number of the sequence
    std::vector<float> q, sinks;

    explicit Contents(const AttentionCase& c)
        : layout(std::vector<KvShape>{
              {1, 32, 32}, // a layer in front
              {c.shape.kv_heads, c.shape.key_dim, c.shape.latent ? 0 : c.shape.value_dim}}) {
        std::mt19937 shared(c.seed);
        std::normal_distribution<float> number;
        for (int h = 0; h < c.shape.heads; ++h)
            sinks.push_back(number(shared));
        for (const Part& part : c.parts) {
            std::mt19937 random(c.seed * 1000 + static_cast<std::uint32_t>(part.context));
            number.reset();
            sequences.push_back(random_sequence(layout, 1, part.context, c.shape.types, random));
            for (int r = 0; r < part.rows; ++r) {
                RowInput row = {};
                row.position = part.context - part.rows + r;
                row.first_block = static_cast<std::int32_t>(sequences.size() - 1);
                row.window = part.window;
                row.prompt = part.prompt;
                const bool there = part.only < 0 || part.only == r;
                for (int i = 0; i < c.shape.heads * c.shape.key_dim; ++i)
                    if (const float x = number(random); there)
                        q.push_back(x);
                if (there)
                    rows.push_back(row);
            }
        }
        for (int r = 0; r < c.padding; ++r) {
            RowInput row = {};
            row.position = -1;
            row.first_block = 1 << 30;
            rows.push_back(row);
            q.resize(q.size() + static_cast<std::size_t>(c.shape.heads * c.shape.key_dim), NAN);
        }
    }
};

float scale_of(const Shape& shape) { return 1.0f / std::sqrt(static_cast<float>(shape.key_dim)); }
constexpr int kHeatLength = 40, kHeatOffset = 7; ///< tokens

struct Attention {
    std::unique_ptr<Device> device;
    std::unique_ptr<Stream> stream;
    AttentionParams params = {};
    std::size_t outputs = 0;
    bool prompts = false;

    Attention(const AttentionCase& c, Contents contents, const EmulatedOptions& options = {})
        : device(make_test_device(options)), stream(device->make_stream()) {
        std::vector<KvBlockRef> table(3); // somebody else's
        std::vector<std::int32_t> firsts;
        for (const CachedSequence& sequence : contents.sequences)
            firsts.push_back(upload_sequence(*device, *stream, sequence, table));
        for (RowInput& row : contents.rows)
            if (row.position >= 0)
                row.first_block = firsts[static_cast<std::size_t>(row.first_block)];
        const int rows = c.rows();
        outputs = static_cast<std::size_t>(rows) * c.out_width();
        prompts = std::ranges::any_of(c.parts, &Part::prompt);
        const MatrixView sinks = {reinterpret_cast<const std::byte*>(put(contents.sinks)), 1, c.shape.heads,
                                  BlockType::F32};
        AttentionParams& p = params;
        p.rows = put(contents.rows);
        p.blocks = put(table);
        p.cache = contents.layout.layer(1);
        p.q = put(contents.q);
        p.sinks = c.shape.sinks ? put(std::vector<MatrixView>{sinks}) : nullptr;
        p.out = put(std::vector<float>(outputs, -7.0f));
        p.split_rows = static_cast<std::int32_t>(std::ranges::count_if(
            contents.rows, [](const RowInput& row) { return row.position >= 0 && !row.prompt; }));
        p.partials = reinterpret_cast<float*>(device->allocate(
            attention_scratch_floats(std::max(p.split_rows, 1), c.shape.heads, c.shape.value_dim) *
            sizeof(float)));
        p.row_count = rows;
        p.heads = c.shape.heads;
        p.value_dim = c.shape.value_dim;
        p.window = c.shape.window;
        p.scale = scale_of(c.shape);
        p.chunk = c.shape.chunk;
        p.cap = c.shape.cap;
        p.heat = c.shape.heat;
        p.heat_length = kHeatLength;
        p.heat_offset = kHeatOffset;
        p.value_scale = c.shape.value_scale;
    }
    template <typename T>
    T* put(const std::vector<T>& values) {
        return upload(*device, *stream, values);
    }
    void launch(bool dependent) { launch_attention(*stream, params, prompts, device->info(), dependent); }
    std::vector<float> results() { return download(*stream, params.out, outputs); }
};

/// The outputs by the kernels, launched twice over the same scratch.
std::vector<float> attended(const AttentionCase& c, const EmulatedOptions& options = {}) {
    Attention attention(c, Contents(c), options);
    attention.launch(false);
    attention.launch(true);
    return attention.results();
}

/// The same where the launch in front stores the batch's own keys and values.
std::vector<float> stored_and_attended(const AttentionCase& c) {
    const Contents full(c);
    Contents before(c);
    const KvLayerView& cache = full.layout.layer(1);
    std::vector<float> keys, values;
    for (const RowInput& row : full.rows) {
        const auto s = static_cast<std::size_t>(std::max(row.first_block, 0));
        for (int h = 0; h < cache.kv_heads; ++h) {
            for (int d = 0; d < cache.key_dim; ++d)
                keys.push_back(row.position < 0 ? NAN
                                                : full.sequences[s].at(cache, h, row.position, true, d));
            for (int d = 0; d < cache.value_dim; ++d)
                values.push_back(row.position < 0 ? NAN
                                                  : full.sequences[s].at(cache, h, row.position, false, d));
        }
        if (row.position >= 0)
            before.sequences[s].forget(cache, row.position);
    }
    Attention attention(c, before);
    RowStepsParams p = {};
    p.rows = attention.params.rows;
    p.blocks = attention.params.blocks;
    p.cache = cache;
    p.row_count = c.rows();
    p.values = 2;
    const int key_width = cache.kv_heads * cache.key_dim, value_width = cache.kv_heads * cache.value_dim;
    p.value[0] = {attention.put(keys), key_width, key_width, RowStore::Keys, 0, 0, nullptr, 0, 0};
    p.value[1] = {attention.put(values), value_width, value_width, RowStore::Values, 0, 0, nullptr, 0, 0};
    launch<Kernel::RowSteps>(*attention.stream, row_steps_grid(p), p);
    attention.launch(true);
    return attention.results();
}

/// One row's outputs in double.
std::vector<double> reference(const AttentionCase& c, const Contents& contents, std::size_t r) {
    const Shape& shape = c.shape;
    const KvLayerView& cache = contents.layout.layer(1);
    const RowInput& row = contents.rows[r];
    const CachedSequence& sequence = contents.sequences[static_cast<std::size_t>(row.first_block)];
    const int window = row.window > 0 ? row.window : shape.window;
    const int from = std::max(window > 0 ? std::max(0, row.position - window + 1) : 0,
                              shape.chunk > 0 ? row.position / shape.chunk * shape.chunk : 0);
    const double heat = 1 + shape.heat * std::log1p((row.position + kHeatOffset) / kHeatLength);
    std::vector<double> out;
    for (int h = 0; h < shape.heads; ++h) {
        const int kv_head = h * shape.kv_heads / shape.heads;
        const float* q =
            contents.q.data() + (r * static_cast<std::size_t>(shape.heads) + static_cast<std::size_t>(h)) *
                                    static_cast<std::size_t>(shape.key_dim);
        std::vector<double> scores;
        double most = shape.sinks ? contents.sinks[static_cast<std::size_t>(h)] : -INFINITY;
        for (int p = from; p <= row.position; ++p) {
            double score = 0;
            for (int d = 0; d < shape.key_dim; ++d)
                score += static_cast<double>(q[d]) * sequence.at(cache, kv_head, p, true, d);
            score *= scale_of(shape) * heat;
            scores.push_back(shape.cap > 0 ? shape.cap * std::tanh(score / shape.cap) : score);
            most = std::max(most, scores.back());
        }
        double sum = shape.sinks ? std::exp(contents.sinks[static_cast<std::size_t>(h)] - most) : 0.0;
        for (double& score : scores)
            sum += score = std::exp(score - most);
        for (int d = 0; d < shape.value_dim; ++d) {
            double value = 0;
            for (int p = from; p <= row.position; ++p)
                value += scores[static_cast<std::size_t>(p - from)] *
                         sequence.at(cache, kv_head, p, shape.latent, d);
            out.push_back(value / sum * shape.value_scale);
        }
    }
    return out;
}

void expect_near(const AttentionCase& c, const EmulatedOptions& options = {}, double tolerance = 1e-5) {
    const Contents contents(c);
    const std::vector<float> got = attended(c, options);
    for (std::size_t r = 0; r < contents.rows.size(); ++r) {
        if (contents.rows[r].position < 0)
            continue;
        const std::vector<double> expected = reference(c, contents, r);
        double largest = 0, worst = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            const double error = got[r * c.out_width() + i] - expected[i];
            largest = std::max(largest, std::fabs(expected[i]));
            worst = std::isnan(error) ? 1e30 : std::max(worst, std::fabs(error));
        }
        EXPECT_LE(worst, tolerance * largest)
            << "row " << r << " at " << contents.rows[r].position << ", heads " << c.shape.heads << "/"
            << c.shape.kv_heads << " of " << c.shape.key_dim << "/" << c.shape.value_dim;
    }
}

TEST(CudaAttention, HeadsOfEveryWidth) {
    for (const Shape& shape :
         {Shape{4, 4, 16, 16}, Shape{4, 1, 64, 64}, Shape{6, 2, 80, 80}, Shape{3, 1, 96, 96},
          Shape{8, 2, 128, 128}, Shape{2, 2, 192, 128}, Shape{20, 1, 32, 32}, Shape{5, 1, 40, 72}})
        expect_near({shape, {{45}, {70}}});
}

TEST(CudaAttention, EdgesOfBlocksAndSplits) {
    for (const int context : {1, 2, 31, 32, 33, 63, 64, 65, 255, 256, 257})
        expect_near({{4, 2, 64, 64}, {{context}}, 0, static_cast<std::uint32_t>(context)});
    expect_near({{2, 1, 32, 32}, {{1000}, {1025}}});
}

TEST(CudaAttention, LongContext) { expect_near({{1, 1, 16, 16}, {{9000}}}); }

TEST(CudaAttention, BlocksOfMixedTypes) {
    for (const std::uint32_t seed : {1u, 2u, 3u})
        expect_near({{8, 2, 96, 64, false, 0, true, kMixed}, {{200}, {33}, {300}}, 0, seed});
    for (const CacheType type : {CacheType::F16, CacheType::Q8_0, CacheType::Q4_0, CacheType::FP8})
        expect_near({{4, 2, 80, 48, false, 0, false, {type}}, {{150}, {7}}});
}

TEST(CudaAttention, Windows) {
    for (const int window : {1, 5, 32, 100, 128})
        expect_near({{4, 2, 32, 32, false, window, true}, {{300}, {40}, {270, 1, 17}, {280, 3, 70}}});
}

TEST(CudaAttention, Latent) {
    expect_near({{16, 1, 576, 512, true}, {{1}, {70}}});
    expect_near({{16, 1, 576, 512, true, 0, false, kMixed}, {{257}}});
    expect_near({{5, 1, 96, 64, true, 0, false, kMixed}, {{200}, {33}, {513}}});
    expect_near({{40, 1, 80, 64, true}, {{70, 3}}});
}

/// What some models do besides: each by itself and all together, by splits and as prompts.
TEST(CudaAttention, ChunksCapsTemperaturesAndScales) {
    std::uint32_t seed = 5;
    for (const int key_dim : {40, 64, 256})
        for (const int what : {0, 1, 2, 3, 4}) {
            Shape shape{4, 2, key_dim, key_dim, false, what == 4 ? 90 : 0, what == 4, kMixed};
            shape.chunk = what == 0 || what == 4 ? 48 : 0;
            shape.cap = what == 1 || what == 4 ? 0.7f : 0.0f;
            shape.heat = what == 2 || what == 4 ? 0.4f : 0.0f;
            shape.value_scale = what == 3 || what == 4 ? 0.3f : 1.0f;
            expect_near({shape,
                         {{47}, {48}, {49}, {300}, {101, 7}, {100, 45, 0, true}, {50, 9, 5, true}},
                         2,
                         seed++});
        }
    Shape latent{5, 1, 96, 64, true};
    latent.heat = 0.4f;
    expect_near({latent, {{200}, {33, 3}, {70, 20, 0, true}}});
}

TEST(CudaAttention, SeveralRowsOfASequence) {
    expect_near({{4, 1, 32, 32, false, 0, true, kMixed}, {{40, 9}, {70}, {130, 4}}, 3});
    expect_near({{4, 2, 64, 64, false, 20}, {{70, 70}}});
    expect_near({{16, 1, 64, 64}, {{100, 6}, {90}}});
}

TEST(CudaAttention, RowsOfAPrompt) {
    expect_near({{4, 1, 32, 32, false, 0, true, kMixed}, {{40, 9, 0, true}, {70}, {70, 70, 0, true}}, 3});
    expect_near({{4, 2, 128, 128}, {{40, 20, 0, true}, {40}}});
    expect_near({{2, 2, 80, 48, false, 20, false, kMixed}, {{100, 45, 0, true}, {50, 2, 7, true}}});
    expect_near({{16, 1, 576, 512, true}, {{70, 3, 0, true}}});
    expect_near({{5, 1, 96, 64, true, 0, false, kMixed}, {{200, 11, 0, true}, {33, 33, 0, true}}});
    expect_near({{3, 1, 256, 256, false, 0, true, kMixed}, {{90, 20, 0, true}, {80}}});
    expect_near({{20, 1, 64, 192, false, 0, true}, {{66, 20, 0, true}, {80}}});
}

/// Blocks of half the size have fewer teams, and fewer tiles of a prompt.
TEST(CudaAttention, LittleSharedMemory) {
    for (const std::size_t bytes : {std::size_t{64} << 10, std::size_t{99} << 10}) {
        const EmulatedOptions options{.shared_bytes = bytes};
        expect_near({{4, 1, 128, 128, false, 0, true, kMixed}, {{90}, {40, 33, 0, true}}}, options);
        expect_near({{2, 1, 256, 192, false, 0, false, kMixed}, {{70}}}, options);
    }
    expect_near({{3, 1, 576, 512, true}, {{40}, {33, 2}}}, {.shared_bytes = std::size_t{99} << 10});
}

TEST(CudaAttention, ShapesThatFit) {
    constexpr std::size_t kHopper = std::size_t{227} << 10, kAda = std::size_t{99} << 10,
                          kTuring = std::size_t{64} << 10;
    for (const std::size_t bytes : {kHopper, kAda, kTuring}) {
        for (const auto& [key, value] : {std::pair{64, 64}, {80, 80}, {128, 128}, {192, 128}, {256, 256}})
            EXPECT_GT(split_buffer_bytes(key, value, false, bytes), 0) << key;
        EXPECT_GT(prompt_buffer_bytes(64, 64, false, bytes), 0);
        EXPECT_GT(prompt_buffer_bytes(128, 128, false, bytes), 0);
        EXPECT_EQ(split_buffer_bytes(640, 64, false, bytes), 0);
    }
    // Two blocks a multiprocessor, each with 1 KB that the device keeps.
    EXPECT_LE(2 * (split_buffer_bytes(128, 128, false, kHopper) + sizeof(AttendShared) + 1024), 228u << 10);
    EXPECT_LE(2 * (split_buffer_bytes(576, 512, true, kHopper) + sizeof(AttendShared) + 1024), 228u << 10);
    EXPECT_GT(prompt_buffer_bytes(576, 512, true, kHopper), 0);
    EXPECT_GT(split_buffer_bytes(576, 512, true, kAda), 0);
    EXPECT_EQ(split_buffer_bytes(576, 512, true, kTuring), 0);
}

/// A row's outputs are the same alone, in a batch, in whatever order of blocks and warps.
TEST(CudaAttention, BitsOfARowAreItsOwn) {
    for (const Shape& shape :
         {Shape{4, 1, 32, 32, false, 0, true, kMixed}, Shape{4, 1, 64, 32, true, 0, false, kMixed},
          Shape{3, 3, 32, 32, false, 50}, Shape{4, 2, 32, 32, false, 0, true, kF16, 40, 0.8f, 0.3f, 0.5f}}) {
        const std::vector<Part> parts = {{150},   {1},  {33, 5},           {129},           {140, 2},
                                         {64, 3}, {12}, {70, 21, 0, true}, {45, 3, 0, true}};
        const AttentionCase all{shape, parts, 4};
        const std::vector<float> together = attended(all);
        EXPECT_EQ(attended(all, {.seed = 7, .multiprocessors = 1}), together);
        std::size_t at = 0;
        for (Part part : parts) {
            const int rows = part.rows;
            for (int only = 0; only < rows; only += std::max(1, rows / 3)) { // without those around it
                part.only = only;
                const std::vector<float> own = attended({shape, {part}}, {.seed = 3});
                const auto expected =
                    together.begin() +
                    static_cast<std::ptrdiff_t>(at + static_cast<std::size_t>(only) * all.out_width());
                EXPECT_TRUE(std::equal(own.begin(), own.end(), expected)) << part.context << " " << only;
            }
            at += static_cast<std::size_t>(rows) * all.out_width();
        }
    }
}

/// Old blocks are read before the launch in front has ended, those that it writes are not.
TEST(CudaAttention, WhatTheLaunchInFrontStores) {
    for (const AttentionCase& c :
         {AttentionCase{{2, 1, 32, 32}, {{150}, {33, 3}, {1}, {65, 2}, {64}, {96, 40, 0, true}}, 2},
          AttentionCase{{2, 1, 32, 160}, {{70, 2}, {40}}}})
        EXPECT_EQ(stored_and_attended(c), attended(c));
}

TEST(CudaAttention, SplitsAreFew) {
    for (const bool few : {false, true})
        for (int position = 0; position < 1 << 20; position += position < 1000 ? 1 : 997) {
            const int split = attention_split(position, few);
            EXPECT_LE(position / split + 1, kMostSplits);
            EXPECT_GE(split, 32);
        }
}

} // namespace
} // namespace switchyard::cuda
