// Residual streams of hyper-connections against plain loops in doubles.
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/drawn_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace switchyard::cuda {
namespace {

double logistic(double x) { return 1 / (1 + std::exp(-x)); }

void normalise(std::vector<double>& mix, int n, bool rows, double epsilon) {
    for (int i = 0; i < n; ++i) {
        double sum = epsilon;
        const auto at = [&](int j) -> double& {
            return mix[static_cast<std::size_t>(rows ? i * n + j : j * n + i)];
        };
        for (int j = 0; j < n; ++j)
            sum += at(j);
        for (int j = 0; j < n; ++j)
            at(j) /= sum;
    }
}

struct CudaStreams : DrawnValues {
    CudaStreams() : DrawnValues(5) {}

    struct Mixed {
        std::vector<float> out, weights;
    };
    Mixed mix(int n, int width, int rows, int iterations, const std::vector<float>& streams,
              const std::vector<float>& fn, const std::vector<float>& base, const std::vector<float>& scale,
              bool weighs) {
        const int outputs = weighs ? 2 * n + n * n : n, all = n * width;
        const auto count = [&](int each) { return static_cast<std::size_t>(rows * each); };
        const StreamSumsParams sums = {
            put(streams), view(fn), put(std::vector<float>(count(outputs + 1), -7.0f)), rows, outputs, all};
        MixStreamsParams p = {};
        p.streams = sums.streams;
        p.sums = sums.sums;
        p.base = view(base);
        p.scale = view(scale);
        p.out = put(std::vector<float>(count(width), -7.0f));
        p.weights = weighs ? put(std::vector<float>(count(n + n * n), -7.0f)) : nullptr;
        p.count = n;
        p.width = width;
        p.outputs = outputs;
        p.iterations = iterations;
        p.norm_epsilon = 1e-5f;
        p.epsilon = 1e-4f;
        launch<Kernel::StreamSums>(*stream, stream_sums_grid(outputs, rows), sums);
        launch<Kernel::MixStreams>(*stream, stream_grid(width, rows), p, true);
        return {download(*stream, p.out, count(width)),
                weighs ? download(*stream, p.weights, count(n + n * n)) : std::vector<float>{}};
    }

    void check_mix(int n, int width, int rows, int iterations, bool weighs) {
        const int outputs = weighs ? 2 * n + n * n : n, all = n * width;
        const auto streams = numbers(rows * all), base = numbers(outputs), scale = numbers(weighs ? 3 : 1);
        const auto fn = numbers(outputs * all, 1.0f / std::sqrt(static_cast<float>(all)));
        const Mixed got = mix(n, width, rows, iterations, streams, fn, base, scale, weighs);
        for (int r = 0; r < rows; ++r) {
            const float* x = streams.data() + r * all;
            double squares = 0;
            for (int i = 0; i < all; ++i)
                squares += double{x[i]} * x[i];
            const double factor = 1 / std::sqrt(squares / all + 1e-5);
            std::vector<double> found(static_cast<std::size_t>(outputs));
            for (int o = 0; o < outputs; ++o)
                for (int i = 0; i < all; ++i)
                    found[static_cast<std::size_t>(o)] +=
                        double{fn[static_cast<std::size_t>(o * all + i)]} * x[i] * factor;
            const auto at = [&](int o, std::size_t s) {
                return found[static_cast<std::size_t>(o)] * scale[s] + base[static_cast<std::size_t>(o)];
            };
            for (int d = 0; d < width; ++d) {
                double expected = 0;
                for (int i = 0; i < n; ++i)
                    expected += (logistic(at(i, 0)) + 1e-4) * x[i * width + d];
                ASSERT_NEAR(got.out[static_cast<std::size_t>(r * width + d)], expected, 1e-5 * n)
                    << r << " " << d;
            }
            if (!weighs)
                continue;
            const float* weights = got.weights.data() + r * (n + n * n);
            std::vector<double> expected(static_cast<std::size_t>(n * n));
            for (int i = 0; i < n; ++i) {
                ASSERT_NEAR(weights[i], 2 * logistic(at(n + i, 1)), 1e-5) << r;
                double sum = 0;
                for (int j = 0; j < n; ++j)
                    sum += std::exp(at(2 * n + i * n + j, 2));
                for (int j = 0; j < n; ++j)
                    expected[static_cast<std::size_t>(i * n + j)] =
                        std::exp(at(2 * n + i * n + j, 2)) / sum + 1e-4;
            }
            normalise(expected, n, false, 1e-4);
            for (int i = 1; i < iterations; ++i) {
                normalise(expected, n, true, 1e-4);
                normalise(expected, n, false, 1e-4);
            }
            for (int i = 0; i < n * n; ++i)
                ASSERT_NEAR(weights[n + i], expected[static_cast<std::size_t>(i)], 1e-5)
                    << r << ", mix " << i;
        }
        // A row alone has the same bits.
        const int last = rows - 1;
        const Mixed alone = mix(n, width, 1, iterations, {streams.begin() + last * all, streams.end()}, fn,
                                base, scale, weighs);
        EXPECT_TRUE(std::equal(alone.out.begin(), alone.out.end(), got.out.begin() + last * width));
        EXPECT_TRUE(std::equal(alone.weights.begin(), alone.weights.end(),
                               got.weights.begin() + (weighs ? last * (n + n * n) : 0)));
    }
};

TEST_F(CudaStreams, AreMixedByWeightsThatTheyMake) {
    check_mix(4, 64, 6, 20, true);
    check_mix(4, 700, 3, 3, true);
    check_mix(3, 37, 9, 1, true);
    check_mix(1, 20, 2, 2, true);
    check_mix(16, 33, 5, 4, true);
}

TEST_F(CudaStreams, AreMixedBeforeTheHead) {
    check_mix(4, 64, 5, 1, false);
    check_mix(5, 301, 1, 1, false);
}

TEST_F(CudaStreams, AreGivenBackWhatABlockFound) {
    for (const auto& [n, width, rows] :
         {std::tuple(4, 64, 3), std::tuple(16, 300, 2), std::tuple(3, 1000, 1)}) {
        const auto before = numbers(rows * n * width), in = numbers(rows * width),
                   weights = numbers(rows * (n + n * n));
        for (const bool first : {true, false}) {
            SpreadStreamsParams p = {put(before), put(in), first ? nullptr : put(weights), n, width};
            launch<Kernel::SpreadStreams>(*stream, stream_grid(width, rows), p);
            const auto got = download(*stream, p.streams, before.size());
            for (int r = 0; r < rows; ++r)
                for (int j = 0; j < n; ++j)
                    for (int d = 0; d < width; ++d) {
                        const float* own = weights.data() + r * (n + n * n);
                        const double found = in[static_cast<std::size_t>(r * width + d)];
                        double expected = first ? found : own[j] * found;
                        for (int i = 0; i < n && !first; ++i)
                            expected += double{own[n + i * n + j]} *
                                        before[static_cast<std::size_t>((r * n + i) * width + d)];
                        ASSERT_NEAR(got[static_cast<std::size_t>((r * n + j) * width + d)], expected,
                                    first ? 0.0 : 1e-5 * n);
                    }
        }
    }
}

} // namespace
} // namespace switchyard::cuda
