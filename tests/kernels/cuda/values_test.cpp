// What is done to values between products: taken apart, gated, scaled, normed and added.
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/test_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace switchyard::cuda {
namespace {

struct CudaValues : testing::Test {
    std::unique_ptr<Device> device = make_test_device();
    std::unique_ptr<Stream> stream = device->make_stream();
    std::mt19937 random{3};

    template <typename T>
    T* put(const std::vector<T>& values) {
        return upload(*device, *stream, values);
    }
    std::vector<float> numbers(std::size_t count) {
        std::normal_distribution<float> number;
        std::vector<float> values(count);
        for (float& x : values)
            x = number(random);
        return values;
    }
    const MatrixView* view(const std::vector<float>& values) {
        return put(std::vector<MatrixView>{{reinterpret_cast<const std::byte*>(put(values)), 1,
                                            static_cast<std::int32_t>(values.size()), BlockType::F32}});
    }
};

TEST_F(CudaValues, RowsAreTakenApart) {
    const std::size_t rows = 3, groups = 5, first = 300, second = 7, width = groups * (first + second);
    const auto in = numbers(rows * width);
    const SplitParams p = {put(in),
                           put(std::vector<float>(rows * groups * first)),
                           put(std::vector<float>(rows * groups * second)),
                           groups,
                           first,
                           second};
    launch<Kernel::Split>(*stream, value_grid(width, rows), p);
    const auto a = download(*stream, p.first_out, rows * groups * first),
               b = download(*stream, p.second_out, rows * groups * second);
    for (std::size_t g = 0; g < rows * groups; ++g) {
        const auto own = in.begin() + static_cast<std::ptrdiff_t>(g * (first + second));
        EXPECT_TRUE(std::equal(own, own + first, a.begin() + static_cast<std::ptrdiff_t>(g * first))) << g;
        EXPECT_TRUE(std::equal(own + first, own + first + second,
                               b.begin() + static_cast<std::ptrdiff_t>(g * second)))
            << g;
    }
}

TEST_F(CudaValues, GatesOfEachValueAndOfEachHead) {
    const std::size_t rows = 2, width = 1500;
    for (const std::size_t gates : {width, width / 60})
        for (const GateKind kind : {GateKind::Sigmoid, GateKind::Softplus}) {
            const auto value = numbers(rows * width);
            auto gate = numbers(rows * gates);
            gate.back() = 100.0f; // where the exponential is too large
            const GateParams p = {put(value), put(gate), width, static_cast<std::int32_t>(gates), kind};
            launch<Kernel::Gate>(*stream, value_grid(width, rows), p);
            const auto got = download(*stream, p.value, rows * width);
            for (std::size_t i = 0; i < rows * width; ++i) {
                const double x = gate[i / (width / gates)];
                const double factor =
                    kind == GateKind::Sigmoid ? 1 / (1 + std::exp(-x)) : std::log1p(std::exp(x));
                ASSERT_NEAR(got[i], value[i] * factor, 2e-6 * std::max(1.0, std::abs(value[i] * factor)))
                    << i;
            }
        }
}

TEST_F(CudaValues, LogitsAreScaledAndThenHaveTheirBias) {
    const std::size_t rows = 2, width = 1100;
    const auto values = numbers(rows * width), bias = numbers(width);
    for (const bool biased : {false, true}) {
        const ScaleParams p = {put(values), biased ? view(bias) : nullptr, width, 0.125f};
        launch<Kernel::Scale>(*stream, value_grid(width, rows), p);
        const auto got = download(*stream, p.values, rows * width);
        for (std::size_t i = 0; i < rows * width; ++i)
            ASSERT_EQ(got[i], values[i] * 0.125f + (biased ? bias[i % width] : 0.0f)) << i;
    }
}

TEST_F(CudaValues, GroupsAreNormedInPlaceAndRowsAddedToOthers) {
    for (const bool add : {false, true}) {
        const std::size_t rows = 2, groups = add ? 1 : 3, size = 1001, width = groups * size;
        const auto in = numbers(rows * width), gain = numbers(width), had = numbers(rows * width);
        float* values = put(in);
        const NormGroupsParams p = {
            values, view(gain), add ? put(had) : values, static_cast<std::int32_t>(groups), size, 1e-5f, add};
        launch<Kernel::NormGroups>(*stream, norm_grid(p.groups, rows), p);
        const auto got = download(*stream, p.out, rows * width);
        for (std::size_t g = 0; g < rows * groups; ++g) {
            double squares = 0;
            for (std::size_t i = g * size; i < (g + 1) * size; ++i)
                squares += double{in[i]} * in[i];
            const double factor = 1 / std::sqrt(squares / static_cast<double>(size) + 1e-5);
            for (std::size_t i = g * size; i < (g + 1) * size; ++i)
                ASSERT_NEAR(got[i], in[i] * factor * gain[i % width] + (add ? had[i] : 0.0f), 1e-5) << i;
        }
    }
}

} // namespace
} // namespace switchyard::cuda
