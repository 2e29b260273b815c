// Norm, rope, activations and sums: against double, and the same bits on every instruction set.
#include "kernels/cpu/scalar.h"
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

namespace switchyard {
namespace {

using namespace test;

const int kLengths[] = {1, 3, 7, 8, 9, 15, 31, 32, 33, 64, 100, 576, 1537};

/// Runs `kernel` on every instruction set and expects the scalar twin's bits; returns them.
std::vector<float> same_on_all(std::vector<float> out,
                               const std::function<void(const cpu::KernelTable&, float*)>& kernel) {
    std::vector<float> expected = out;
    kernel(cpu::table(cpu::Isa::Scalar), expected.data());
    for (const cpu::Isa isa : available_isas()) {
        std::vector<float> got = out;
        kernel(cpu::table(isa), got.data());
        EXPECT_TRUE(same_bits(got, expected)) << cpu::table(isa).name << " n = " << out.size();
    }
    return expected;
}

TEST(Exp, IsWithinTwoUnitsInTheLastPlace) {
    double worst = 0;
    for (float x = -87.3f; x < 88.7f; x += 0.00137f) {
        const double exact = std::exp(double{x});
        const double unit = std::nextafter(static_cast<float>(exact), INFINITY) - static_cast<float>(exact);
        worst = std::max(worst, std::abs(cpu::scalar::exp(x) - exact) / unit);
    }
    EXPECT_LT(worst, 1.5);
    EXPECT_EQ(cpu::scalar::exp(0.0f), 1.0f);
    EXPECT_EQ(cpu::scalar::exp(-INFINITY), 0.0f);
    EXPECT_EQ(cpu::scalar::exp(INFINITY), INFINITY);
    EXPECT_EQ(cpu::scalar::exp(89.0f), INFINITY);
    EXPECT_NEAR(cpu::scalar::exp(-95.0f), std::exp(-95.0), 1e-45);
    EXPECT_TRUE(std::isnan(cpu::scalar::exp(NAN)));
}

TEST(RmsNorm, MatchesDouble) {
    Random random(1);
    for (const int n : kLengths) {
        const auto size = static_cast<std::size_t>(n);
        const auto x = random.normals(size), gain = random.normals(size);
        const auto out = same_on_all(std::vector<float>(size), [&](const cpu::KernelTable& table, float* y) {
            table.rms_norm(x.data(), gain.data(), 1e-5f, n, y);
        });
        double squares = 0;
        for (const float v : x) {
            squares += double{v} * v;
        }
        for (std::size_t i = 0; i < size; ++i) {
            const double expected = x[i] / std::sqrt(squares / n + 1e-5) * gain[i];
            ASSERT_NEAR(out[i], expected, 1e-6 * std::abs(expected));
        }
    }
}

TEST(Rope, RotatesEachPair) {
    Random random(2);
    for (const cpu::RopePairs pairs : {cpu::RopePairs::Interleaved, cpu::RopePairs::HalfSplit}) {
        for (const int dims : {2, 6, 16, 20, 64, 128}) {
            const auto x = random.normals(static_cast<std::size_t>(dims) + 3);
            std::vector<float> cosine, sine;
            for (int i = 0; i < dims / 2; ++i) {
                cosine.push_back(std::cos(0.3f * static_cast<float>(i + 1)));
                sine.push_back(std::sin(0.3f * static_cast<float>(i + 1)));
            }
            const auto out = same_on_all(x, [&](const cpu::KernelTable& table, float* y) {
                table.rope(y, dims, cosine.data(), sine.data(), pairs);
            });
            for (int i = 0; i < dims / 2; ++i) {
                const bool interleaved = pairs == cpu::RopePairs::Interleaved;
                const auto a = static_cast<std::size_t>(interleaved ? 2 * i : i);
                const auto b = static_cast<std::size_t>(interleaved ? 2 * i + 1 : dims / 2 + i);
                const double c = cosine[static_cast<std::size_t>(i)], s = sine[static_cast<std::size_t>(i)];
                ASSERT_NEAR(out[a], x[a] * c - x[b] * s, 1e-6);
                ASSERT_NEAR(out[b], x[a] * s + x[b] * c, 1e-6);
            }
            EXPECT_EQ(out[static_cast<std::size_t>(dims)], x[static_cast<std::size_t>(dims)]);
        }
    }
}

TEST(Activations, MatchDouble) {
    Random random(3);
    for (const int n : kLengths) {
        const auto size = static_cast<std::size_t>(n);
        auto gate = random.normals(size);
        const auto up = random.normals(size);
        for (float& g : gate) {
            g *= 6;
        }
        const auto silu = same_on_all(std::vector<float>(size), [&](const cpu::KernelTable& table, float* y) {
            table.swiglu(gate.data(), up.data(), y, n);
        });
        const auto gelu = same_on_all(gate, [&](const cpu::KernelTable& table, float* y) {
            table.gelu_glu(y, up.data(), y, n); // in place
        });
        for (std::size_t i = 0; i < size; ++i) {
            const double g = gate[i];
            const double s = g / (1 + std::exp(-g)) * up[i];
            const double t =
                0.5 * g * (1 + std::tanh(std::sqrt(2 / M_PI) * (g + 0.044715 * g * g * g))) * up[i];
            ASSERT_NEAR(silu[i], s, 1e-6 * std::abs(s) + 1e-12);
            ASSERT_NEAR(gelu[i], t, 4e-6 * std::abs(t) + 1e-9); // the exponent's own error grows with it
        }
    }
}

TEST(Softmax, SumsToOneAndMatchesDouble) {
    Random random(4);
    for (const int n : kLengths) {
        const auto x = random.normals(static_cast<std::size_t>(n));
        const auto out =
            same_on_all(x, [&](const cpu::KernelTable& table, float* y) { table.softmax(y, n); });
        double sum = 0;
        for (const float v : x) {
            sum += std::exp(double{v});
        }
        for (std::size_t i = 0; i < x.size(); ++i) {
            ASSERT_NEAR(out[i], std::exp(double{x[i]}) / sum, 1e-6);
        }
    }
}

TEST(Sums, AddAndScale) {
    Random random(5);
    for (const int n : kLengths) {
        const auto x = random.normals(static_cast<std::size_t>(n));
        const auto y = random.normals(static_cast<std::size_t>(n));
        const auto sum =
            same_on_all(y, [&](const cpu::KernelTable& t, float* out) { t.add(x.data(), out, n); });
        const auto fma = same_on_all(
            y, [&](const cpu::KernelTable& t, float* out) { t.scale_add(0.3f, x.data(), out, n); });
        const auto scaled =
            same_on_all(y, [&](const cpu::KernelTable& t, float* out) { t.scale(0.3f, x.data(), out, n); });
        for (std::size_t i = 0; i < x.size(); ++i) {
            ASSERT_EQ(sum[i], x[i] + y[i]);
            ASSERT_EQ(fma[i], std::fma(0.3f, x[i], y[i]));
            ASSERT_EQ(scaled[i], 0.3f * x[i]);
        }
    }
}

} // namespace
} // namespace switchyard
