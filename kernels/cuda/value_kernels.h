// What is done to values between products and attention: rows taken apart, multiplied by gates, normed,
// added, or scaled. Rows that only fill a batch are treated as the others: nobody reads them.
#pragma once

#include "kernels/cuda/input_kernels.h"
#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

inline constexpr int kValueThreads = 256, kValuesPerThread = 4;

/// Takes rows of `groups` groups apart: of each group the first `first` values, then `second` (SplitStep of a
/// plan). Grid: value_grid() of whole rows.
struct SplitParams {
    const float* in;   ///< [rows][groups * (first + second)]
    float* first_out;  ///< [rows][groups * first]
    float* second_out; ///< [rows][groups * second]; not read where `second` is 0
    std::int32_t groups, first, second;
};

enum class GateKind : std::int32_t { Sigmoid, Softplus, Gelu };

/// value *= f(gate), or value = gelu(value) * gate (GateStep of a plan). Grid: value_grid().
struct GateParams {
    float* value;              ///< [rows][width]
    const float* gate;         ///< [rows][gate_stride], the first gate
    std::int32_t width, gates; ///< gates divides width
    std::int32_t gate_stride;
    GateKind kind;
};

/// values = values * factor (+ bias), which a cap may bend: x becomes cap * tanh(x / cap) behind them. Grid:
/// value_grid().
struct ScaleParams {
    float* values;            ///< [rows][width]
    const MatrixView* bias;   ///< [width]; null: none
    const MatrixView* scaler; ///< [1]: multiplies `factor`; null: nothing
    std::int32_t width;
    float factor;
    float cap; ///< 0: none
};

/// out += in * factor (AddStep of a plan). Grid: value_grid().
struct AddRowsParams {
    const float* in; ///< [rows][width]
    float* out;      ///< the same
    std::int32_t width;
    float factor;
};

/// A norm of each group of a row (NormStep of a plan, or what is behind a state space): out (+)= norm(in) *
/// gain + bias. A block a group; grid: norm_grid().
struct NormGroupsParams {
    const float* in;        ///< [rows][groups * size]
    const MatrixView* gain; ///< null: 1
    const MatrixView* bias; ///< null: none
    float* out;             ///< as `in`, or `in` itself
    std::int32_t groups, size;
    std::int32_t apart; ///< groups have gains and biases of their own, [groups * size]; else all have [size]
    float epsilon;
    std::int32_t centred; ///< the mean is taken away first (LayerNorm)
    std::int32_t add;
};

constexpr GridSize value_grid(int width, int rows) {
    constexpr int kOfBlock = kValueThreads * kValuesPerThread;
    return {static_cast<unsigned>((width + kOfBlock - 1) / kOfBlock), static_cast<unsigned>(rows)};
}
constexpr GridSize norm_grid(int groups, int rows) {
    return {static_cast<unsigned>(groups), static_cast<unsigned>(rows)};
}

#define SWITCHYARD_VALUE_KERNELS(X)                                                                          \
    X(Split, split, SplitParams, NoShared, kValueThreads, 4)                                                 \
    X(Gate, gate, GateParams, NoShared, kValueThreads, 4)                                                    \
    X(Scale, scale, ScaleParams, NoShared, kValueThreads, 4)                                                 \
    X(AddRows, add_rows, AddRowsParams, NoShared, kValueThreads, 4)                                          \
    X(NormGroups, norm_groups, NormGroupsParams, InputShared, kInputThreads, 2)

} // namespace switchyard::cuda
