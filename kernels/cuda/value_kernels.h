// What is done to values between products and attention: rows taken apart, multiplied by gates, normed and
// added, or scaled. Rows that only fill a batch are treated as the others: nobody reads them.
#pragma once

#include "kernels/cuda/input_kernels.h"
#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

inline constexpr int kValueThreads = 256, kValuesPerThread = 4;

/// Takes rows of `groups` groups apart: of each group the first `first` values, then `second` (SplitStep of a
/// plan). Grid: value_grid() of whole rows.
struct SplitParams {
    const float* in;               ///< [rows][groups * (first + second)]
    float *first_out, *second_out; ///< [rows][groups * first], [rows][groups * second]
    std::int32_t groups, first, second;
};

enum class GateKind : std::int32_t { Sigmoid, Softplus };

/// value *= f(gate) (GateStep of a plan). Grid: value_grid().
struct GateParams {
    float* value;              ///< [rows][width]
    const float* gate;         ///< [rows][gates]
    std::int32_t width, gates; ///< gates divides width
    GateKind kind;
};

/// values = values * factor (+ bias). Grid: value_grid().
struct ScaleParams {
    float* values;          ///< [rows][width]
    const MatrixView* bias; ///< [width]; null: none
    std::int32_t width;
    float factor;
};

/// RMS norm of each group of a row with gains of its own (the norm behind a state space), or of whole rows
/// that are added to others (NormStep::add): out (+)= norm(in) * gain. A block a group; grid: norm_grid().
struct NormGroupsParams {
    const float* in;        ///< [rows][groups * size]
    const MatrixView* gain; ///< [groups * size]
    float* out;             ///< as `in`, or `in` itself
    std::int32_t groups, size;
    float epsilon;
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
    X(NormGroups, norm_groups, NormGroupsParams, InputShared, kInputThreads, 2)

} // namespace switchyard::cuda
