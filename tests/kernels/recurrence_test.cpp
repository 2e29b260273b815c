// Rows of layers whose memory has a fixed size: against double, and the same bits on every instruction set.
#include "tests/kernels/reference.h"

#include <gtest/gtest.h>

#include <functional>

namespace switchyard {
namespace {

using namespace test;

using Kernel = std::function<void(const cpu::KernelTable&, const float* before, float* state, float* result)>;

/// What `kernel` makes of `state`, and its result behind it: on every instruction set the scalar twin's bits,
/// in the same place and in another.
std::vector<float> same_on_all(std::vector<float> state, std::size_t results, const Kernel& kernel) {
    const std::size_t own = state.size();
    state.resize(own + results);
    std::vector<float> expected = state;
    kernel(cpu::table(cpu::Isa::Scalar), expected.data(), expected.data(), expected.data() + own);
    for (const cpu::Isa isa : available_isas()) {
        std::vector<float> got = state;
        kernel(cpu::table(isa), got.data(), got.data(), got.data() + own);
        EXPECT_TRUE(same_bits(got, expected)) << cpu::table(isa).name;
        std::vector<float> elsewhere(state.size(), 7.0f);
        kernel(cpu::table(isa), state.data(), elsewhere.data(), elsewhere.data() + own);
        EXPECT_TRUE(same_bits(elsewhere, expected)) << cpu::table(isa).name;
    }
    return expected;
}

TEST(DeltaRule, MatchesDouble) {
    Random random(3);
    for (const auto& [dk, dv] : {std::pair(1, 1), std::pair(8, 8), std::pair(16, 24), std::pair(24, 37),
                                 std::pair(128, 128), std::pair(20, 71)})
        for (const bool one : {true, false}) {
            const auto keys = static_cast<std::size_t>(dk), values = static_cast<std::size_t>(dv);
            const auto before = random.normals(keys * values), q = random.normals(keys),
                       k = random.normals(keys), v = random.normals(values);
            std::vector<float> decays = random.normals(one ? 1 : keys);
            for (float& decay : decays)
                decay = 1.0f / (1.0f + std::exp(-decay));
            const auto got = same_on_all(
                before, values, [&](const cpu::KernelTable& t, const float* before_row, float* s, float* o) {
                    t.delta_rule({.before = before_row,
                                  .state = s,
                                  .key_dim = dk,
                                  .value_dim = dv,
                                  .q = q.data(),
                                  .k = k.data(),
                                  .v = v.data(),
                                  .decays = decays.data(),
                                  .one_decay = one,
                                  .beta = 0.7f,
                                  .found = o});
                });
            for (std::size_t j = 0; j < values; ++j) {
                double known = 0, found = 0, size = 1;
                for (std::size_t i = 0; i < keys; ++i)
                    known += double{k[i]} * decays[one ? 0 : i] * before[i * values + j];
                for (std::size_t i = 0; i < keys; ++i) {
                    const double s =
                        double{decays[one ? 0 : i]} * before[i * values + j] + k[i] * 0.7f * (v[j] - known);
                    found += q[i] * s;
                    size += std::abs(q[i] * s);
                    ASSERT_NEAR(got[i * values + j], s, 1e-5 * (1 + std::abs(known))) << dk << " x " << dv;
                }
                ASSERT_NEAR(got[keys * values + j], found, 1e-5 * size) << dk << " x " << dv;
            }
        }
}

TEST(StateSpace, MatchesDouble) {
    Random random(4);
    for (const auto& [p, n] : {std::pair(1, 1), std::pair(1, 16), std::pair(3, 7), std::pair(16, 24),
                               std::pair(64, 128), std::pair(5, 37)})
        for (const bool by_value : {true, false}) {
            const auto heads = static_cast<std::size_t>(p), size = static_cast<std::size_t>(n);
            const auto before = random.normals(heads * size), x = random.normals(heads),
                       b = random.normals(size), c = random.normals(size);
            std::vector<float> a = random.normals(size);
            for (float& rate : a)
                rate = -std::abs(rate);
            const auto got = same_on_all(
                before, heads, [&](const cpu::KernelTable& t, const float* before_row, float* s, float* o) {
                    t.state_space({.before = before_row,
                                   .state = s,
                                   .head_dim = p,
                                   .state_size = n,
                                   .x = x.data(),
                                   .b = b.data(),
                                   .c = c.data(),
                                   .a = by_value ? a.data() : nullptr,
                                   .time = 0.3f,
                                   .decay = 0.8f,
                                   .out = o});
                });
            for (std::size_t i = 0; i < heads; ++i) {
                double sum = 0, magnitude = 1;
                for (std::size_t j = 0; j < size; ++j) {
                    const double decay = by_value ? std::exp(0.3 * a[j]) : 0.8;
                    const double s = decay * before[i * size + j] + 0.3 * x[i] * b[j];
                    sum += s * c[j];
                    magnitude += std::abs(s * c[j]);
                    ASSERT_NEAR(got[i * size + j], s, 1e-6 * (1 + std::abs(s)));
                }
                ASSERT_NEAR(got[heads * size + i], sum, 1e-6 * magnitude) << p << " x " << n;
            }
        }
}

} // namespace
} // namespace switchyard
