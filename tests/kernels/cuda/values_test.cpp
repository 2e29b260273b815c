// What is done to values between products: taken apart, gated, scaled, normed and added.
#include "kernels/cuda/kernel_list.h"
#include "tests/kernels/cuda/drawn_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace switchyard::cuda {
namespace {

struct CudaValues : DrawnValues {
    CudaValues() : DrawnValues(3) {}
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
            const auto count = static_cast<std::int32_t>(gates);
            const GateParams p = {put(value), put(gate), width, count, count, kind};
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

/// A part of the gates' rows, as each layer has one of Gemma's inputs.
TEST_F(CudaValues, GatesOfTheirOwnPartBehindGelu) {
    const std::size_t rows = 3, width = 1033, from = 70, stride = from + width + 5;
    const auto value = numbers(rows * width), gate = numbers(rows * stride);
    const GateParams p = {put(value), put(gate) + from, width, width, stride, GateKind::Gelu};
    launch<Kernel::Gate>(*stream, value_grid(width, rows), p);
    const auto got = download(*stream, p.value, rows * width);
    for (std::size_t i = 0; i < rows * width; ++i) {
        const double x = value[i],
                     gelu = x / 2 * (1 + std::tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)));
        ASSERT_NEAR(got[i], gelu * gate[i / width * stride + from + i % width], 3e-6) << i;
    }
}

TEST_F(CudaValues, LogitsAreScaledAndThenHaveTheirBias) {
    const std::size_t rows = 2, width = 1100;
    const auto values = numbers(rows * width), bias = numbers(width);
    for (const bool biased : {false, true}) {
        const ScaleParams p = {put(values), biased ? view(bias) : nullptr, nullptr, width, 0.125f, 0.0f};
        launch<Kernel::Scale>(*stream, value_grid(width, rows), p);
        const auto got = download(*stream, p.values, rows * width);
        for (std::size_t i = 0; i < rows * width; ++i)
            ASSERT_EQ(got[i], values[i] * 0.125f + (biased ? bias[i % width] : 0.0f)) << i;
    }
}

TEST_F(CudaValues, AFactorOfTheModelsAndACap) {
    const std::size_t rows = 3, width = 1031;
    const auto values = numbers(rows * width);
    const ScaleParams p = {put(values), nullptr, view({1.75f}), width, 2.0f, 1.5f};
    launch<Kernel::Scale>(*stream, value_grid(width, rows), p);
    const auto got = download(*stream, p.values, rows * width);
    for (std::size_t i = 0; i < rows * width; ++i)
        ASSERT_NEAR(got[i], 1.5 * std::tanh(3.5 * values[i] / 1.5), 1e-6) << i;
}

TEST_F(CudaValues, RowsAreAddedToOthers) {
    const std::size_t rows = 3, width = 1031;
    const auto in = numbers(rows * width), had = numbers(rows * width);
    const AddRowsParams p = {put(in), put(had), width, 0.3f};
    launch<Kernel::AddRows>(*stream, value_grid(width, rows), p);
    const auto got = download(*stream, p.out, rows * width);
    for (std::size_t i = 0; i < rows * width; ++i)
        ASSERT_EQ(got[i], std::fma(0.3f, in[i], had[i])) << i;
}

struct NormCase {
    std::size_t groups, size;
    bool add, apart = true, gains = true, centred = false, biases = false;
};

TEST_F(CudaValues, GroupsAreNormedInPlaceAndRowsAddedToOthers) {
    for (const NormCase& own : {NormCase{3, 1001, false},
                                {1, 1001, true},
                                {5, 33, true, false},
                                {1, 257, false, false, true, true, true},
                                {2, 2050, true, true, true, true, true},
                                {4, 19, false, false, false},
                                {2, 64, false, false, false, true}}) {
        SCOPED_TRACE(own.size);
        const std::size_t rows = 2, size = own.size, width = own.groups * size;
        auto in = numbers(rows * width);
        for (float& x : in)
            x += 0.7f; // a mean
        const auto gain = numbers(own.apart ? width : size), bias = numbers(own.apart ? width : size),
                   had = numbers(rows * width);
        float* values = put(in);
        const NormGroupsParams p = {.in = values,
                                    .gain = own.gains ? view(gain) : nullptr,
                                    .bias = own.biases ? view(bias) : nullptr,
                                    .out = own.add ? put(had) : values,
                                    .groups = static_cast<std::int32_t>(own.groups),
                                    .size = static_cast<std::int32_t>(size),
                                    .apart = own.apart,
                                    .epsilon = 1e-5f,
                                    .centred = own.centred,
                                    .add = own.add};
        launch<Kernel::NormGroups>(*stream, norm_grid(p.groups, rows), p);
        const auto got = download(*stream, p.out, rows * width);
        for (std::size_t g = 0; g < rows * own.groups; ++g) {
            const auto count = static_cast<double>(size);
            double mean = 0, squares = 0;
            for (std::size_t i = g * size; i < (g + 1) * size && own.centred; ++i)
                mean += in[i] / count;
            for (std::size_t i = g * size; i < (g + 1) * size; ++i)
                squares += (in[i] - mean) * (in[i] - mean);
            const double factor = 1 / std::sqrt(squares / count + 1e-5);
            for (std::size_t i = g * size; i < (g + 1) * size; ++i) {
                const std::size_t at = own.apart ? i % width : i % size;
                const double normed =
                    (in[i] - mean) * factor * (own.gains ? gain[at] : 1.0f) + (own.biases ? bias[at] : 0.0f);
                ASSERT_NEAR(got[i], normed + (own.add ? had[i] : 0.0f), 1e-5) << i;
            }
        }
    }
}

} // namespace
} // namespace switchyard::cuda
