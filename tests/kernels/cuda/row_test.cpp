// Row steps and the append to the cache against the CPU's kernels.
#include "kernels/cpu/kernels.h"
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/cache_memory.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace switchyard::cuda {
namespace {

std::vector<float> random_numbers(std::size_t count, std::mt19937& random) {
    std::normal_distribution<float> number;
    std::vector<float> values(count);
    for (float& x : values)
        x = number(random);
    return values;
}

struct CudaRows : DrawnValues {
    CudaRows() : DrawnValues(5) {}

    const RowInput* rows_at(const std::vector<int>& positions, const std::vector<int>& first_blocks = {},
                            int first_long = -1) {
        std::vector<RowInput> rows(positions.size());
        for (std::size_t r = 0; r < rows.size(); ++r) {
            rows[r].position = positions[r];
            rows[r].first_block = first_blocks.empty() ? 0 : first_blocks[r];
            rows[r].in_long = first_long >= 0 && static_cast<int>(r) >= first_long;
        }
        return put(rows);
    }
};

void expect_close(const std::vector<float>& got, const std::vector<float>& expected,
                  float tolerance = 2e-6f) {
    ASSERT_EQ(got.size(), expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        ASSERT_NEAR(got[i], expected[i], tolerance * std::max(1.0f, std::fabs(expected[i]))) << i;
}

std::vector<float> frequencies(int pairs, float base) {
    std::vector<float> values;
    for (int i = 0; i < pairs; ++i)
        values.push_back(std::pow(base, -static_cast<float>(i) / static_cast<float>(pairs)));
    return values;
}

TEST_F(CudaRows, RopeTables) {
    const std::vector<int> positions = {0, 1, 7777, -1, 131071};
    const std::size_t first_long = 4;
    RopeTablesParams p = {rows_at(positions, {}, static_cast<int>(first_long)), 5, 2, {}};
    const std::vector<float> lists[2] = {frequencies(200, 10000.0f), frequencies(5, 500000.0f)};
    for (std::size_t t = 0; t < 2; ++t) {
        const auto n = lists[t].size();
        p.table[t] = {put(lists[t]), put(std::vector<float>(5 * n, -7.0f)),
                      put(std::vector<float>(5 * n, -7.0f)), t == 0 ? 1.0f : 1.25f,
                      static_cast<std::int32_t>(n)};
    }
    const std::vector<float> in_long = frequencies(200, 777.0f);
    p.table[0].long_frequencies = put(in_long);
    p.table[0].long_magnitude = 1.5f;
    launch<Kernel::RopeTables>(*stream, rope_grid(5), p);
    for (std::size_t t = 0; t < 2; ++t) {
        const std::size_t n = lists[t].size();
        std::vector<float> cosines(5 * n, -7.0f), sines(5 * n, -7.0f);
        for (std::size_t i = 0; i < 5 * n; ++i) {
            const int position = positions[i / n];
            if (position < 0)
                continue;
            const bool other = t == 0 && i / n >= first_long;
            const double angle = static_cast<float>(position) * (other ? in_long : lists[t])[i % n];
            const float magnitude = other ? 1.5f : p.table[t].magnitude;
            cosines[i] = static_cast<float>(std::cos(angle)) * magnitude;
            sines[i] = static_cast<float>(std::sin(angle)) * magnitude;
        }
        expect_close(download(*stream, p.table[t].cosines, 5 * n), cosines, 3e-7f);
        expect_close(download(*stream, p.table[t].sines, 5 * n), sines, 3e-7f);
    }
}

/// A query with norms of its heads and a rotation, keys with a norm of the whole row and another rotation,
/// values as they are: as the CPU's kernels do it, and stored as they store it.
struct Layer {
    int heads, kv_heads, head_dim, value_dim, offset, dims;
    bool interleaved, gains = true; ///< the latter: of the query's norm
};

/// What the CPU keeps such a block as. PRECOND: it does.
BlockType cpu_type_of(CacheType type) {
    return type == CacheType::F16    ? BlockType::F16
           : type == CacheType::Q8_0 ? BlockType::Q8_0
                                     : BlockType::Q4_0;
}

void check_layer(CudaRows& t, const Layer& layer, const std::vector<CacheType>& types) {
    const std::vector<int> positions = {3, 31, -1, 32, 70};
    const int rows = static_cast<int>(positions.size()), q_width = layer.heads * layer.head_dim,
              k_width = layer.kv_heads * layer.head_dim, v_width = layer.kv_heads * layer.value_dim,
              pairs = layer.dims / 2;
    const auto all = static_cast<std::size_t>(rows);
    std::vector<float> q = random_numbers(all * static_cast<std::size_t>(q_width), t.random),
                       k = random_numbers(all * static_cast<std::size_t>(k_width), t.random),
                       v = random_numbers(all * static_cast<std::size_t>(v_width), t.random);
    const std::vector<float> head_gain =
        layer.gains ? random_numbers(static_cast<std::size_t>(layer.head_dim), t.random)
                    : std::vector<float>(static_cast<std::size_t>(layer.head_dim), 1.0f);
    const std::vector<float> row_gain = random_numbers(static_cast<std::size_t>(k_width), t.random),
                             cosines = random_numbers(all * static_cast<std::size_t>(pairs), t.random),
                             sines = random_numbers(all * static_cast<std::size_t>(pairs), t.random);
    const KvLayout layout(
        std::vector<KvShape>{{2, 64, 64}, {layer.kv_heads, layer.head_dim, layer.value_dim}});
    const KvLayerView& cache = layout.layer(1);
    std::vector<KvBlockRef> table(1);
    for (std::size_t b = 0; b < 3; ++b) {
        const CacheType type = types[b % types.size()];
        table.push_back({t.put(std::vector<std::byte>(layout.block_bytes(type), std::byte{0xff})), type, 0});
    }
    RowStepsParams p = {};
    p.rows = t.rows_at(positions, std::vector<int>(all, 1));
    p.blocks = t.put(table);
    p.cache = cache;
    p.row_count = rows;
    p.values = 3;
    p.value[0] = {t.put(q), q_width, 0, RowStore::None, layer.dims, layer.offset, nullptr, 0, 0};
    p.value[1] = {t.put(k), k_width, 0, RowStore::Keys, 0, 0, nullptr, 0, 0};
    p.value[2] = {t.put(v), v_width, 0, RowStore::Values, 0, 0, nullptr, 0, 0};
    const std::int64_t copy_unit = layer.dims + 3, copy_row = copy_unit * layer.heads;
    const std::size_t copied = all * static_cast<std::size_t>(copy_row);
    p.value[0].copy = t.put(std::vector<float>(copied, -7.0f));
    p.value[0].copy_row = copy_row;
    p.value[0].copy_unit = copy_unit;
    const MatrixView *head_view = t.view(head_gain), *row_view = t.view(row_gain);
    const float *cos_table = t.put(cosines), *sin_table = t.put(sines);
    p.steps = 4;
    RowStep norm = {};
    norm.gain = layer.gains ? head_view : nullptr;
    norm.epsilon = 1e-5f;
    norm.group = layer.head_dim;
    norm.count = q_width;
    p.step[0] = norm;
    norm.gain = row_view;
    norm.value = 1;
    norm.group = norm.count = k_width;
    p.step[1] = norm;
    RowStep rotation = {};
    rotation.cosines = cos_table;
    rotation.sines = sin_table;
    rotation.heads = layer.heads;
    rotation.head_dim = layer.head_dim;
    rotation.offset = layer.offset;
    rotation.dims = layer.dims;
    rotation.interleaved = layer.interleaved;
    p.step[2] = rotation;
    rotation.value = 1;
    rotation.heads = layer.kv_heads;
    p.step[3] = rotation;
    p.value[0].unit = row_unit(p, 0, 0);
    p.value[1].unit = row_unit(p, 1, layer.head_dim);
    p.value[2].unit = row_unit(p, 2, layer.value_dim);
    EXPECT_EQ(p.value[0].unit, layer.head_dim);
    EXPECT_EQ(p.value[1].unit, k_width);
    launch<Kernel::RowSteps>(*t.stream, row_steps_grid(p), p);

    const auto pairing = layer.interleaved ? cpu::RopePairs::Interleaved : cpu::RopePairs::HalfSplit;
    std::vector<float> copies(copied, -7.0f);
    std::vector<std::vector<std::byte>> blocks;
    for (std::size_t b = 1; b < table.size(); ++b)
        blocks.push_back(download(*t.stream, table[b].data, layout.block_bytes(table[b].type)));
    for (int r = 0; r < rows; ++r) {
        if (positions[static_cast<std::size_t>(r)] < 0)
            continue;
        const float *c = cosines.data() + r * pairs, *s = sines.data() + r * pairs;
        for (int h = 0; h < layer.heads; ++h) {
            float* x = q.data() + r * q_width + h * layer.head_dim;
            cpu::rms_norm(x, head_gain.data(), 1e-5f, layer.head_dim, x);
            cpu::rope(x + layer.offset, layer.dims, c, s, pairing);
            std::copy_n(x + layer.offset, layer.dims, copies.data() + r * copy_row + h * copy_unit);
        }
        cpu::rms_norm(k.data() + r * k_width, row_gain.data(), 1e-5f, k_width, k.data() + r * k_width);
        for (int h = 0; h < layer.kv_heads; ++h)
            cpu::rope(k.data() + r * k_width + h * layer.head_dim + layer.offset, layer.dims, c, s, pairing);
    }
    expect_close(download(*t.stream, p.value[0].data, q.size()), q);
    const std::vector<float> k_got = download(*t.stream, p.value[1].data, k.size());
    expect_close(k_got, k);
    expect_close(download(*t.stream, p.value[0].copy, copied), copies);

    // What is stored is rounded from the device's own values as the CPU rounds them.
    for (int r = 0; r < rows; ++r) {
        const int position = positions[static_cast<std::size_t>(r)], token = position % kKvTokens;
        if (position < 0)
            continue;
        const auto b = static_cast<std::size_t>(position / kKvTokens);
        const CacheType type = table[b + 1].type;
        for (int h = 0; h < layer.kv_heads; ++h)
            for (const bool keys : {true, false}) {
                const int dims = keys ? layer.head_dim : layer.value_dim;
                const float* from =
                    keys ? k_got.data() + r * k_width + h * dims : v.data() + r * v_width + h * dims;
                std::vector<float> stored(static_cast<std::size_t>(dims));
                const bool same = type != CacheType::FP8;
                if (same) {
                    const BlockType cpu_type = cpu_type_of(type);
                    std::vector<std::byte> block(cpu::k_block_bytes(cpu_type, dims));
                    cpu::store_k(cpu_type, from, dims, token, block.data());
                    cpu::load_k(cpu_type, block.data(), dims, token, stored.data());
                }
                for (int d = 0; d < dims; ++d) {
                    const float got = decoded_kv(cache, type, blocks[b].data(), h, token, keys, d);
                    if (same) {
                        ASSERT_EQ(got, stored[static_cast<std::size_t>(d)])
                            << position << " " << h << " " << d;
                        continue;
                    }
                    const float step = std::max(std::fabs(from[d]) / 16.0f, 0x1p-10f);
                    ASSERT_NEAR(got, from[d], step) << position << " " << h << " " << d;
                }
            }
    }
}

TEST_F(CudaRows, NormsRotationsAndTheCache) {
    const std::vector<CacheType> exact = {CacheType::F16, CacheType::Q8_0, CacheType::Q4_0};
    check_layer(*this, {6, 2, 64, 64, 0, 64, false}, exact);
    check_layer(*this, {3, 3, 80, 48, 16, 40, true}, exact);
    check_layer(*this, {5, 1, 72, 72, 0, 48, true, false}, exact);
    check_layer(*this, {2, 9, 128, 72, 0, 128, false}, exact); // a unit too wide to be staged
    check_layer(*this, {4, 1, 16, 16, 8, 8, true}, {CacheType::Q4_0, CacheType::FP8});
    check_layer(*this, {4, 2, 96, 40, 0, 96, false}, {CacheType::FP8, CacheType::Q4_0});
}

TEST_F(CudaRows, UnitsHoldWhatStepsCross) {
    RowStepsParams p = {};
    p.values = 1;
    p.value[0].width = 256;
    EXPECT_EQ(row_unit(p, 0, 0), 256);
    EXPECT_EQ(row_unit(p, 0, 64), 64);
    p.steps = 1; // a norm
    p.step[0].group = 64;
    p.step[0].count = 256;
    EXPECT_EQ(row_unit(p, 0, 0), 64);
    EXPECT_EQ(row_unit(p, 0, 128), 256);
    p.step[0].count = 192; // a latent's norm, with the rotated part behind
    EXPECT_EQ(row_unit(p, 0, 0), 256);
}

/// Values that round badly: zeros, one alone, infinities, NaN, the smallest.
TEST_F(CudaRows, OddNumbersAreStoredAsTheCpuDoes) {
    const int dims = 64;
    std::vector<float> rows;
    for (const float x : {0.0f, -0.0f, 1e-8f, 3e-5f, 65519.0f, 65520.0f, 1e30f, INFINITY, -NAN})
        for (int d = 0; d < dims; ++d)
            rows.push_back(d % 7 == 3 ? x : 0.001f * static_cast<float>(d - 20));
    const int count = static_cast<int>(rows.size()) / dims;
    const KvLayout layout(std::vector<KvShape>{{1, dims, 0}});
    for (const CacheType type : {CacheType::F16, CacheType::Q8_0, CacheType::Q4_0}) {
        RowStepsParams p = {};
        std::vector<int> positions;
        for (int r = 0; r < count; ++r)
            positions.push_back(r);
        p.rows = rows_at(positions);
        const std::size_t bytes = layout.block_bytes(type);
        std::byte* block = put(std::vector<std::byte>(bytes));
        p.blocks = put(std::vector<KvBlockRef>{{block, type, 0}});
        p.cache = layout.layer(0);
        p.row_count = count;
        p.values = 1;
        p.value[0] = {put(rows), dims, dims, RowStore::Keys, 0, 0, nullptr, 0, 0};
        launch<Kernel::RowSteps>(*stream, row_steps_grid(p), p);
        const std::vector<std::byte> got = download(*stream, block, bytes);
        const BlockType cpu_type = cpu_type_of(type);
        std::vector<std::byte> expected(cpu::k_block_bytes(cpu_type, dims));
        for (int r = 0; r < count; ++r) {
            std::vector<float> stored(dims);
            cpu::store_k(cpu_type, rows.data() + r * dims, dims, r, expected.data());
            cpu::load_k(cpu_type, expected.data(), dims, r, stored.data());
            for (int d = 0; d < dims; ++d) {
                const float x = decoded_kv(p.cache, type, got.data(), 0, r, true, d),
                            y = stored[static_cast<std::size_t>(d)];
                ASSERT_TRUE(x == y || (std::isnan(x) && std::isnan(y)))
                    << r << " " << d << ": " << x << " " << y;
            }
        }
    }
}

} // namespace
} // namespace switchyard::cuda
