// Layers with states against plain loops in doubles: whole, in parts that go on from kept states, and beside
// other sequences.
#include "kernels/cuda/kernel_list.h"
#include "kernels/cuda/value_kernels.h"
#include "tests/kernels/cuda/drawn_values.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

namespace switchyard::cuda {
namespace {

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return std::log1p(std::exp(x)); }

/// Scales `x` to a root mean square of 1.
void norm(double* x, std::size_t count, double epsilon) {
    double squares = 0;
    for (std::size_t i = 0; i < count; ++i)
        squares += x[i] * x[i];
    for (std::size_t i = 0; i < count; ++i)
        x[i] /= std::sqrt(squares / static_cast<double>(count) + epsilon);
}

struct CudaStates : DrawnValues {
    CudaStates() : DrawnValues(11) {}

    static constexpr int kLong = 37, kShort = 5, kRows = kLong + kShort; ///< of two sequences
    static constexpr std::size_t kOffset = 64;                           ///< of the layer's states

    std::vector<float> numbers(std::size_t count, float least = -1.0f, float most = 1.0f) {
        std::uniform_real_distribution<float> number(least, most);
        std::vector<float> values(count);
        for (float& x : values)
            x = number(random);
        return values;
    }

    /// What a layer computes, and how one row of it would be by hand: from and into a state.
    struct Layer {
        std::function<void(const LayerStates&, int first_row, int rows)> launch;
        std::function<void(std::size_t row, std::vector<double>& state, double* out)> step;
        float* out;
        std::size_t width, state; ///< of a row; floats
    };
    void check(const Layer& layer, double tolerance) {
        const std::vector<float> before = numbers(kOffset + layer.state);
        const auto at = [&](std::size_t floats) { return put(std::vector<float>(floats, -7.0f)); };
        const std::size_t all = kOffset + layer.state;
        float* kept[] = {at(all), at(all), at(all), at(all)};
        const std::vector<SequenceStates> sequences = {
            {nullptr, 0, 0, 0, 0}, {put(before), 0, kLong, 0, 3}, {nullptr, kLong, kShort, 3, 1}};
        run(layer, sequences, {{kept[0], 1}, {kept[1], 16}, {kept[2], kLong}, {kept[3], 4}});
        const std::vector<float> whole = download(*stream, layer.out, kRows * layer.width);

        std::vector<double> state(before.begin() + kOffset, before.end()), out(layer.width);
        for (std::size_t r = 0; r < kRows; ++r) {
            if (r == kLong)
                state.assign(layer.state, 0.0);
            layer.step(r, state, out.data());
            for (std::size_t i = 0; i < layer.width; ++i)
                ASSERT_NEAR(whole[r * layer.width + i], out[i], tolerance * std::max(1.0, std::abs(out[i])))
                    << "row " << r << ", value " << i;
            const std::pair<float*, std::size_t> after[] = {
                {kept[0], 0}, {kept[1], 15}, {kept[2], kLong - 1}, {kept[3], kLong + 3}};
            for (const auto& [memory, row] : after)
                if (row == r)
                    expect_state(memory, state, tolerance);
        }
        // The long one alone, in parts, the last of them a row.
        const std::vector<float> last = download(*stream, kept[2], all);
        const float* state_before = sequences[1].before;
        int first = 0;
        float* state_after = nullptr;
        for (const int end : {10, 27, kLong - 1, kLong}) {
            state_after = at(all);
            run(layer, {{state_before, first, end - first, 0, 1}}, {{state_after, end - first}});
            state_before = state_after;
            first = end;
        }
        const std::vector<float> parts = download(*stream, layer.out, kLong * layer.width);
        EXPECT_TRUE(std::equal(parts.begin(), parts.end(), whole.begin())) << "bits of parts";
        EXPECT_EQ(download(*stream, state_after, all), last);
    }

  private:
    void run(const Layer& layer, const std::vector<SequenceStates>& sequences,
             const std::vector<StateAfter>& after) {
        int rows = 0;
        for (const SequenceStates& one : sequences)
            rows += one.rows;
        const int first = sequences.front().rows > 0 ? sequences.front().first_row : 0;
        layer.launch({put(sequences), put(after), kOffset, static_cast<std::int32_t>(sequences.size())},
                     first, rows);
    }
    void expect_state(const float* memory, const std::vector<double>& state, double tolerance) {
        const std::vector<float> got = download(*stream, memory, kOffset + state.size());
        for (std::size_t i = 0; i < kOffset; ++i)
            ASSERT_EQ(got[i], -7.0f) << "another layer's";
        for (std::size_t i = 0; i < state.size(); ++i)
            ASSERT_NEAR(got[kOffset + i], state[i], tolerance * std::max(1.0, std::abs(state[i]))) << i;
    }
};

TEST_F(CudaStates, Recurrence) {
    const std::size_t width = 150, stride = width + 42;
    const auto in = numbers(kRows * stride), decay = numbers(width);
    RecurrenceParams p = {};
    p.in = put(in);
    p.decay = view(decay);
    p.out = put(std::vector<float>(kRows * width));
    p.in_stride = static_cast<std::int64_t>(stride);
    p.width = static_cast<std::int32_t>(width);
    check({[&](const LayerStates& states, int, int) {
               p.states = states;
               launch<Kernel::Recurrence>(*stream, recurrence_grid(p.width, states.sequence_count), p);
           },
           [&](std::size_t row, std::vector<double>& state, double* out) {
               for (std::size_t c = 0; c < width; ++c)
                   out[c] = state[c] = decay[c] * state[c] + in[row * stride + c];
           },
           p.out, width, width},
          2e-6);
}

struct ConvolutionCase {
    int taps;
    bool gates, bias, silu;
};

TEST_F(CudaStates, Convolutions) {
    const std::size_t channels = 150, from = 3, gate_in = from + channels, gate_out = gate_in + channels,
                      stride = gate_out + channels + 1;
    for (const ConvolutionCase& own : {ConvolutionCase{3, true, false, false},
                                       {4, false, true, true},
                                       {8, false, false, false},
                                       {1, true, true, true}}) {
        SCOPED_TRACE(own.taps);
        const auto taps = static_cast<std::size_t>(own.taps);
        const auto in = numbers(kRows * stride), kernel = numbers(channels * taps), bias = numbers(channels);
        ConvolveParams p = {};
        p.in = put(in);
        p.kernel = view(kernel);
        p.bias = own.bias ? view(bias) : nullptr;
        p.out = put(std::vector<float>(kRows * channels));
        p.in_stride = static_cast<std::int64_t>(stride);
        p.out_stride = static_cast<std::int64_t>(channels);
        p.channels = static_cast<std::int32_t>(channels);
        p.taps = own.taps;
        p.from = static_cast<std::int32_t>(from);
        p.gate_in = own.gates ? static_cast<std::int32_t>(gate_in) : -1;
        p.gate_out = own.gates ? static_cast<std::int32_t>(gate_out) : -1;
        p.silu = own.silu;
        check({[&](const LayerStates& states, int, int rows) {
                   p.states = states;
                   launch<Kernel::Convolve>(*stream, convolve_grid(p.channels, states.sequence_count, rows),
                                            p);
               },
               [&](std::size_t row, std::vector<double>& state, double* out) {
                   const float* x = in.data() + row * stride;
                   for (std::size_t c = 0; c < channels; ++c) {
                       const double newest = x[from + c] * (own.gates ? x[gate_in + c] : 1.0);
                       double sum = own.bias ? bias[c] : 0;
                       for (std::size_t k = 0; k + 1 < taps; ++k)
                           sum += kernel[c * taps + k] * state[k * channels + c];
                       sum += kernel[c * taps + taps - 1] * newest;
                       for (std::size_t k = 0; k + 2 < taps; ++k)
                           state[k * channels + c] = state[(k + 1) * channels + c];
                       if (taps > 1)
                           state[(taps - 2) * channels + c] = newest;
                       sum *= own.silu ? sigmoid(sum) : 1;
                       out[c] = sum * (own.gates ? x[gate_out + c] : 1);
                   }
               },
               p.out, channels, (taps - 1) * channels},
              1e-5);
    }
}

struct DeltaCase {
    std::size_t key_heads, value_heads, key_dim, value_dim;
    bool neighbours, by_channel = false;
    float least_decay = 0.0f;
};

TEST_F(CudaStates, DeltaRules) {
    for (const DeltaCase& own : {DeltaCase{2, 4, 128, 128, true},
                                 {2, 4, 20, 34, false},
                                 {1, 1, 128, 16, true},
                                 {3, 3, 128, 128, true, true, 0.0f},
                                 {2, 2, 20, 34, true, true, -5.0f}}) {
        SCOPED_TRACE(own.key_dim);
        const std::size_t dk = own.key_dim, dv = own.value_dim, nk = own.key_heads, nv = own.value_heads,
                          width = 2 * nk * dk + nv * dv;
        const auto mixed = numbers(kRows * width), alpha = numbers(kRows * nv * (own.by_channel ? dk : 1)),
                   beta = numbers(kRows * nv), z = numbers(kRows * nv * dv), a = numbers(nv, -0.3f, -0.01f),
                   dt = numbers(nv * (own.by_channel ? dk : 1)), gain = numbers(dv);
        DeltaRuleParams p = {};
        p.mixed = put(mixed);
        p.alpha = put(alpha);
        p.beta = put(beta);
        p.z = put(z);
        p.a = view(a);
        p.dt = view(dt);
        p.gain = view(gain);
        p.out = put(std::vector<float>(kRows * nv * dv));
        p.key_heads = static_cast<std::int32_t>(nk);
        p.value_heads = static_cast<std::int32_t>(nv);
        p.key_dim = static_cast<std::int32_t>(dk);
        p.value_dim = static_cast<std::int32_t>(dv);
        p.neighbours = own.neighbours;
        p.sigmoid_gate = own.by_channel;
        p.least_decay = own.least_decay;
        p.epsilon = 1e-5f;
        const auto step = [&](std::size_t row, std::vector<double>& state, double* out) {
            for (std::size_t h = 0; h < nv; ++h) {
                const std::size_t key_head = own.neighbours ? h / (nv / nk) : h % nk;
                const float *q = mixed.data() + row * width + key_head * dk, *k = q + nk * dk,
                            *v = mixed.data() + row * width + 2 * nk * dk + h * dv;
                double qq = 1e-6, kk = 1e-6;
                for (std::size_t i = 0; i < dk; ++i)
                    qq += double{q[i]} * q[i], kk += double{k[i]} * k[i];
                const auto decay_of = [&](std::size_t i) {
                    const std::size_t n = own.by_channel ? dk : 1, c = own.by_channel ? i : 0;
                    const double time = double{alpha[(row * nv + h) * n + c]} + dt[h * n + c];
                    return std::exp(own.least_decay < 0 ? own.least_decay * sigmoid(std::abs(a[h]) * time)
                                                        : a[h] * softplus(time));
                };
                double* s = state.data() + h * dk * dv;
                for (std::size_t j = 0; j < dv; ++j) {
                    double known = 0, found = 0;
                    for (std::size_t i = 0; i < dk; ++i)
                        known += k[i] / std::sqrt(kk) * (s[i * dv + j] *= decay_of(i));
                    const double change = sigmoid(beta[row * nv + h]) * (v[j] - known);
                    for (std::size_t i = 0; i < dk; ++i) {
                        s[i * dv + j] += k[i] / std::sqrt(kk) * change;
                        found += q[i] / std::sqrt(qq * static_cast<double>(dk)) * s[i * dv + j];
                    }
                    out[h * dv + j] = found;
                }
                norm(out + h * dv, dv, 1e-5);
                for (std::size_t j = 0; j < dv; ++j) {
                    const double gate = z[(row * nv + h) * dv + j];
                    out[h * dv + j] *= gain[j] * (own.by_channel ? 1.0 : gate) * sigmoid(gate);
                }
            }
        };
        // Heads in slices where rows are many, and whole where they are few.
        const auto launch_all = [&](const LayerStates& states, int first, int rows) {
            p.states = states;
            if (rows <= 10)
                return own.by_channel ? launch<Kernel::DeltaRuleChannels>(*stream, delta_grid(p, 1), p)
                                      : launch<Kernel::DeltaRule>(*stream, delta_grid(p, 1), p);
            if (own.by_channel)
                launch<Kernel::DeltaRuleChannelsSlice>(*stream, delta_grid(p, kDeltaSlices), p);
            else
                launch<Kernel::DeltaRuleSlice>(*stream, delta_grid(p, kDeltaSlices), p);
            DeltaRuleParams behind = p;
            behind.out += static_cast<std::size_t>(first) * nv * dv;
            behind.z += static_cast<std::size_t>(first) * nv * dv;
            launch<Kernel::GateDelta>(*stream, gate_delta_grid(p.value_heads, rows), behind, true);
        };
        check({launch_all, step, p.out, nv * dv, nv * dk * dv}, 1e-4);
    }
}

struct SpaceCase {
    std::size_t heads, head_dim, groups, state;
};

TEST_F(CudaStates, StateSpaces) {
    for (const SpaceCase& own : {SpaceCase{4, 80, 2, 128}, {2, 64, 1, 256}, {6, 10, 3, 20}}) {
        SCOPED_TRACE(own.head_dim);
        const std::size_t n = own.state, inner = own.heads * own.head_dim, each = own.heads / own.groups,
                          width = inner + 2 * own.groups * n, dt_from = inner + 5,
                          stride = dt_from + own.heads;
        const auto mixed = numbers(kRows * width), in = numbers(kRows * stride),
                   a = numbers(own.heads, -0.5f, -0.01f), d = numbers(own.heads), bias = numbers(own.heads),
                   gain = numbers(inner);
        StateSpaceParams p = {};
        p.mixed = put(mixed);
        p.in = put(in);
        p.a = view(a);
        p.d = view(d);
        p.dt_bias = view(bias);
        p.gain = view(gain);
        p.out = put(std::vector<float>(kRows * inner));
        p.in_stride = static_cast<std::int64_t>(stride);
        p.dt_from = static_cast<std::int32_t>(dt_from);
        p.heads = static_cast<std::int32_t>(own.heads);
        p.head_dim = static_cast<std::int32_t>(own.head_dim);
        p.groups = static_cast<std::int32_t>(own.groups);
        p.state_size = static_cast<std::int32_t>(n);
        p.epsilon = 1e-5f;
        const auto step = [&](std::size_t row, std::vector<double>& state, double* out) {
            const float* x = mixed.data() + row * width;
            const float* own_in = in.data() + row * stride;
            for (std::size_t h = 0; h < own.heads; ++h) {
                const double time = softplus(double{own_in[dt_from + h]} + bias[h]),
                             decay = std::exp(time * a[h]);
                const float *b = x + inner + h / each * n, *c = b + own.groups * n;
                for (std::size_t i = h * own.head_dim; i < (h + 1) * own.head_dim; ++i) {
                    double y = d[h] * x[i];
                    for (std::size_t j = 0; j < n; ++j)
                        y += (state[i * n + j] = decay * state[i * n + j] + time * x[i] * b[j]) * c[j];
                    out[i] = y * own_in[i] * sigmoid(own_in[i]);
                }
            }
            for (std::size_t g = 0; g < own.groups; ++g)
                norm(out + g * inner / own.groups, inner / own.groups, 1e-5);
            for (std::size_t i = 0; i < inner; ++i)
                out[i] *= gain[i];
        };
        const auto launch_all = [&](const LayerStates& states, int first, int rows) {
            p.states = states;
            const bool alone = rows == 1; // its norm is part of the launch
            p.arrived = alone ? put(std::vector<std::uint32_t>(own.groups)) : nullptr;
            launch<Kernel::StateSpace>(*stream, space_grid(p), p);
            if (alone)
                return;
            float* out = p.out + static_cast<std::size_t>(first) * inner;
            launch<Kernel::NormGroups>(*stream, norm_grid(p.groups, rows),
                                       {out, p.gain, nullptr, out, p.groups,
                                        static_cast<std::int32_t>(inner / own.groups), true, p.epsilon, false,
                                        false},
                                       true);
        };
        check({launch_all, step, p.out, inner, inner * n}, 1e-4);
    }
}

struct ScanCase {
    std::size_t heads, head_dim, groups, state;
    bool by_value, bias;
};

TEST_F(CudaStates, SelectiveScans) {
    for (const ScanCase& own :
         {ScanCase{37, 1, 1, 16, true, false}, {6, 5, 3, 64, true, true}, {4, 8, 2, 7, false, true}}) {
        SCOPED_TRACE(own.heads);
        const std::size_t n = own.state, inner = own.heads * own.head_dim, each = own.heads / own.groups,
                          z_from = 3, stride = z_from + inner + 2, of_groups = own.groups * n,
                          b_stride = of_groups + 1;
        const auto x = numbers(kRows * stride), z = numbers(kRows * stride), b = numbers(kRows * b_stride),
                   c = numbers(kRows * of_groups), dt = numbers(kRows * own.heads),
                   a = numbers(own.heads * (own.by_value ? n : 1), -0.5f, -0.01f), d = numbers(own.heads),
                   bias = own.bias ? numbers(own.heads) : std::vector<float>(own.heads);
        SelectiveScanParams p = {};
        p.x = put(x);
        p.b = put(b);
        p.c = put(c);
        p.z = put(z) + z_from;
        p.dt = put(dt);
        p.a = view(a);
        p.d = view(d);
        p.dt_bias = own.bias ? view(bias) : nullptr;
        p.out = put(std::vector<float>(kRows * inner));
        p.x_stride = p.z_stride = static_cast<std::int64_t>(stride);
        p.b_stride = static_cast<std::int64_t>(b_stride);
        p.c_stride = static_cast<std::int64_t>(of_groups);
        p.dt_stride = p.heads = static_cast<std::int32_t>(own.heads);
        p.head_dim = static_cast<std::int32_t>(own.head_dim);
        p.groups = static_cast<std::int32_t>(own.groups);
        p.state_size = static_cast<std::int32_t>(n);
        p.by_value = own.by_value;
        const auto step = [&](std::size_t row, std::vector<double>& state, double* out) {
            for (std::size_t i = 0; i < inner; ++i) {
                const std::size_t h = i / own.head_dim, group = h / each * n;
                const double time = softplus(double{dt[row * own.heads + h]} + bias[h]),
                             in = x[row * stride + i];
                double y = d[h] * in;
                for (std::size_t j = 0; j < n; ++j) {
                    double& s = state[i * n + j];
                    s = std::exp(time * a[own.by_value ? h * n + j : h]) * s +
                        time * in * b[row * b_stride + group + j];
                    y += s * c[row * of_groups + group + j];
                }
                const double gate = z[row * stride + z_from + i];
                out[i] = y * gate * sigmoid(gate);
            }
        };
        const auto launch_all = [&](const LayerStates& states, int, int) {
            p.states = states;
            launch<Kernel::SelectiveScan>(*stream, scan_grid(p), p);
        };
        check({launch_all, step, p.out, inner, inner * n}, 2e-5);
    }
}

} // namespace
} // namespace switchyard::cuda
