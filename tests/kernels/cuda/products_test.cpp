// Products of placed matrices, against the CPU's kernels and plain sums.
#include "kernels/cpu/kernels.h"
#include "kernels/cuda/product_launch.h"
#include "tests/kernels/cuda/placed_matrix.h"
#include "tests/kernels/cuda/tiled_types.h"

#include <gtest/gtest.h>

namespace switchyard::cuda {
namespace {

struct ProductKernels : testing::TestWithParam<BlockType> {
    std::unique_ptr<Device> device = make_test_device();
    std::unique_ptr<Stream> stream = device->make_stream();
    test::Random random{11};
    std::vector<std::byte*> taken;

    PlacedMatrix place(BlockType type, int rows, int cols) {
        return place_matrix(*device, *stream, type, rows, cols, random);
    }
    const MatrixView* table(const std::vector<MatrixView>& views) { return upload(*device, *stream, views); }

    /// `x` [rows][width] prepared in every form.
    PreparedRows prepare(const std::vector<float>& x, int width) {
        const auto rows = x.size() / static_cast<std::size_t>(width);
        const auto padded = static_cast<std::size_t>(padded_columns(width));
        const auto room = [&](std::size_t n) { return device->allocate(n); };
        const PreparedRows out{reinterpret_cast<float*>(room(rows * padded * sizeof(float))),
                               reinterpret_cast<ByteBlock*>(room(rows * padded / 32 * sizeof(ByteBlock))),
                               reinterpret_cast<PairBlock*>(room(rows * padded / 16 * sizeof(PairBlock))),
                               reinterpret_cast<PairBlock*>(room(rows * padded / 16 * sizeof(PairBlock))),
                               reinterpret_cast<float*>(room(rows * padded / 32 * sizeof(float))),
                               padded_columns(width)};
        launch<Kernel::Prepare>(*stream, prepare_grid(static_cast<int>(rows), 1),
                                {upload(*device, *stream, x), width, 1, 0, width, nullptr, nullptr, 0,
                                 upload(*device, *stream, std::vector<std::uint32_t>{15}), out});
        return out;
    }

    /// out[row][m] of one matrix for `rows` prepared rows from `first` on.
    std::vector<float> multiply(const PlacedMatrix& m, PreparedRows in, int first, int rows) {
        const std::int64_t padded = in.padded;
        in.floats += first * padded;
        in.bytes += first * padded / 32;
        in.bfloats += first * padded / 16;
        in.halves += first * padded / 16;
        in.half_scales += first * padded / 32;
        const auto count = static_cast<std::size_t>(rows * m.rows);
        ProductParams p{};
        p.targets[0] = {table({m.view}), nullptr, upload(*device, *stream, std::vector<float>(count)),
                        m.rows,          0,       1,
                        m.rows,          false};
        p.target_count = 1;
        p.rows = rows;
        p.in = in;
        launch_product(*stream, p, device->info().multiprocessors, true);
        return download(*stream, p.targets[0].out, count);
    }
    std::vector<float> cpu_product(const PlacedMatrix& m, const std::vector<float>& x) {
        const auto tokens = static_cast<int>(x.size() / static_cast<std::size_t>(m.cols));
        const auto panels = test::packed(m.type, m.file, m.rows, m.cols);
        const std::size_t stride = cpu::activation_row_bytes(m.type, m.cols);
        std::vector<std::byte> activations(stride * static_cast<std::size_t>(tokens) + 64);
        auto* aligned = activations.data() + (16 - reinterpret_cast<std::uintptr_t>(activations.data()) % 16);
        for (int t = 0; t < tokens; ++t)
            cpu::prepare_activations(m.type, x.data() + t * m.cols, m.cols,
                                     aligned + static_cast<std::size_t>(t) * stride);
        std::vector<float> y(static_cast<std::size_t>(tokens * m.rows));
        cpu::MatmulArgs args;
        args.weights = {m.type, m.rows, m.cols, panels.data()};
        args.last_panel = cpu::panels(m.rows);
        args.activations = aligned;
        args.activation_stride = stride;
        args.tokens = tokens;
        args.y = y.data();
        args.y_stride = m.rows;
        cpu::matmul(args);
        return y;
    }
    /// The sum of the products' magnitudes: what errors are measured by.
    static double magnitude(const PlacedMatrix& m, const float* x, int row) {
        double sum = 0;
        for (int c = 0; c < m.cols; ++c)
            sum += std::abs(static_cast<double>(m.values[static_cast<std::size_t>(row * m.cols + c)]) * x[c]);
        return sum;
    }
};

TEST_P(ProductKernels, AreTheCpus) {
    const BlockType type = GetParam();
    const int unit = traits(type).values == 256 ? 256 : traits(type).values == 64 ? 64 : 32;
    // Two BF16 numbers hold 16 bits of a value.
    const double tolerance = type == BlockType::BF16 ? 0x1p-17 : 1e-6;
    for (const int blocks : {1, 2, 3, 9, 20}) {
        const int cols = traits(type).values == 1 ? blocks * 33 : blocks * unit;
        for (const int rows : {1, 16, 41}) {
            const PlacedMatrix m = place(type, rows, cols);
            const int tokens = blocks == 9 ? 9 : blocks == 3 ? 3 : 1;
            const auto x = random.normals(static_cast<std::size_t>(tokens * cols));
            const auto found = multiply(m, prepare(x, cols), 0, tokens);
            const auto expected = cpu_product(m, x);
            for (int t = 0; t < tokens; ++t)
                for (int r = 0; r < rows; ++r) {
                    const auto at = static_cast<std::size_t>(t * rows + r);
                    ASSERT_NEAR(found[at], expected[at],
                                tolerance * magnitude(m, x.data() + t * cols, r) + 1e-30)
                        << rows << " x " << cols << ", row " << r << " of token " << t;
                }
        }
    }
}

/// A row has the same bits alone and in any batch.
TEST_P(ProductKernels, DoNotKnowTheBatch) {
    const BlockType type = GetParam();
    const int cols = traits(type).values == 256 ? 2560 : 2400 / 64 * 64;
    const PlacedMatrix m = place(type, 24, cols);
    const auto x = random.normals(static_cast<std::size_t>(35 * cols));
    const PreparedRows in = prepare(x, cols);
    const auto all = multiply(m, in, 0, 35);
    for (const int rows : {1, 2, 8, 9, 32}) {
        for (const int first : {0, 2}) {
            const auto some = multiply(m, in, first, rows);
            const auto* from = all.data() + first * m.rows;
            ASSERT_TRUE(test::same_bits(some, {from, from + rows * m.rows}))
                << rows << " rows from " << first;
        }
    }
}

/// Nor whether two tile rows of its matrix went together, as those of long matrices do with many rows.
TEST_P(ProductKernels, DoNotKnowWhatGoesTogether) {
    const int cols = traits(GetParam()).values == 256 ? 768 : 704;
    const auto x = random.normals(static_cast<std::size_t>(35 * cols));
    const PreparedRows in = prepare(x, cols);
    for (const int matrix_rows : {193, 224}) { // 13 tile rows, 14
        const PlacedMatrix m = place(GetParam(), matrix_rows, cols);
        const auto few = multiply(m, in, 0, 8);
        for (const int rows : {9, 24, 35}) {
            const auto many = multiply(m, in, 0, rows);
            ASSERT_TRUE(test::same_bits(few, {many.begin(), many.begin() + 8 * matrix_rows}))
                << rows << " rows, " << matrix_rows << " of the matrix";
            const auto last = multiply(m, in, rows - 1, 1);
            ASSERT_TRUE(test::same_bits(last, {many.end() - matrix_rows, many.end()})) << rows;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, ProductKernels, testing::ValuesIn(tiled_types()),
                         [](const auto& info) { return std::string(traits(info.param).name); });

using ProductTargets = ProductKernels;
TEST_P(ProductTargets, ShareAnInput) {
    const int cols = 128, rows = 3;
    const auto x = random.normals(static_cast<std::size_t>(rows * cols));
    const PreparedRows in = prepare(x, cols);
    const PlacedMatrix q = place(BlockType::Q8_0, 40, cols), k = place(GetParam(), 16, cols),
                       v = place(BlockType::F32, 5, cols);
    const auto bias = random.normals(40);
    const MatrixView bias_view{reinterpret_cast<const std::byte*>(upload(*device, *stream, bias)), 1, 40,
                               BlockType::F32};
    const MatrixView* views = table({q.view, bias_view, k.view, v.view});
    const auto before = random.normals(rows * 100);
    float* out = upload(*device, *stream, before);
    ProductParams p{};
    p.targets[0] = {views, views + 1, out, 100, 0, 1, 40, false};
    p.targets[1] = {views + 2, nullptr, out + 50, 100, 0, 1, 16, true};
    p.targets[2] = {views + 3, nullptr, out + 70, 100, 0, 1, 5, false};
    p.target_count = 3;
    p.rows = rows;
    p.in = in;
    launch_product(*stream, p, 2, true);
    const auto found = download(*stream, out, static_cast<std::size_t>(rows * 100));
    const auto of_q = multiply(q, in, 0, rows), of_k = multiply(k, in, 0, rows),
               of_v = multiply(v, in, 0, rows);
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows); ++r)
        for (std::size_t i = 0; i < 100; ++i) {
            float expected = before[r * 100 + i];
            if (i < 40)
                expected = of_q[r * 40 + i] + bias[i];
            else if (i >= 50 && i < 66)
                expected += of_k[r * 16 + i - 50];
            else if (i >= 70 && i < 75)
                expected = of_v[r * 5 + i - 70];
            ASSERT_EQ(found[r * 100 + i], expected) << r << ", " << i;
        }
}

/// A row that the products prepare themselves has the bits of one that was prepared before.
TEST_P(ProductTargets, PrepareTheirOwnRow) {
    for (const int cols : {64, 96, 2048, 8192}) {
        const auto x = random.normals(static_cast<std::size_t>(cols)), gain = random.normals(x.size());
        const auto gains = table(
            {{reinterpret_cast<const std::byte*>(upload(*device, *stream, gain)), 1, cols, BlockType::F32}});
        const float* in = upload(*device, *stream, x);
        for (const MatrixView* norm : {static_cast<const MatrixView*>(nullptr), gains}) {
            // Types that want different forms, and back again to the first.
            const PlacedMatrix a = place(GetParam(), 70, cols), b = place(BlockType::F16, 33, cols),
                               c = place(BlockType::Q8_0, 16, cols);
            const MatrixView* views = table({a.view, b.view, c.view, a.view});
            PreparedRows rows = prepare(x, cols);
            launch<Kernel::Prepare>(*stream, prepare_grid(1, 1),
                                    {in, cols, 1, 0, cols, nullptr, norm, 1e-5f,
                                     upload(*device, *stream, std::vector<std::uint32_t>{15}), rows});
            float* out = upload(*device, *stream, std::vector<float>(200));
            RowProductParams p{};
            p.product.targets[0] = {views, nullptr, out, 200, 0, 1, 70, false};
            p.product.targets[1] = {views + 1, nullptr, out + 70, 200, 0, 1, 33, false};
            p.product.targets[2] = {views + 2, nullptr, out + 103, 200, 0, 1, 16, false};
            p.product.targets[3] = {views + 3, nullptr, out + 119, 200, 0, 1, 70, true};
            p.product.target_count = 4;
            p.product.rows = 1;
            p.in = in;
            p.gain = norm;
            p.epsilon = 1e-5f;
            p.width = cols;
            launch_row_product(*stream, p, 2, true);
            const auto found = download(*stream, out, 189);
            auto expected = multiply(a, rows, 0, 1);
            const auto first = expected, second = multiply(b, rows, 0, 1), third = multiply(c, rows, 0, 1);
            expected.insert(expected.end(), second.begin(), second.end());
            expected.insert(expected.end(), third.begin(), third.end());
            expected.insert(expected.end(), first.begin(), first.end());
            ASSERT_TRUE(test::same_bits(found, expected)) << cols;
        }
    }
}

TEST_P(ProductTargets, HaveAMatrixAHead) {
    constexpr int kMostRows = 12;
    const int cols = 64, heads = 3, matrix_rows = 40;
    const auto x = random.normals(static_cast<std::size_t>(kMostRows * heads * cols));
    const PreparedRows in = prepare(x, cols);
    std::vector<PlacedMatrix> matrices;
    std::vector<MatrixView> views;
    for (int h = 0; h < heads; ++h) {
        matrices.push_back(place(GetParam(), matrix_rows, cols));
        views.push_back(matrices.back().view);
    }
    for (const int rows : {2, kMostRows}) {
        const auto count = static_cast<std::size_t>(rows) * 150;
        ProductParams p{};
        p.targets[0] = {table(views), nullptr, upload(*device, *stream, std::vector<float>(count)),
                        150,          45,      heads,
                        matrix_rows,  false};
        p.target_count = 1;
        p.rows = rows;
        p.in = in;
        launch_product(*stream, p, 2, true);
        const auto found = download(*stream, p.targets[0].out, count);
        for (int r = 0; r < rows; ++r)
            for (int h = 0; h < heads; ++h) {
                const auto one = multiply(matrices[static_cast<std::size_t>(h)], in, r * heads + h, 1);
                const auto* at = found.data() + r * 150 + h * 45;
                ASSERT_TRUE(test::same_bits(one, {at, at + matrix_rows})) << rows;
            }
    }
}
INSTANTIATE_TEST_SUITE_P(Types, ProductTargets,
                         testing::Values(BlockType::F32, BlockType::BF16, BlockType::Q4_0),
                         [](const auto& info) { return std::string(traits(info.param).name); });

} // namespace
} // namespace switchyard::cuda
