// Feed-forward blocks as the device sees them: what a router chose, and the list of units, each an expert at
// work on some rows. Blocks that every row passes (dense layers, shared experts) stand in the kernels'
// parameters.
#pragma once

#include "kernels/cuda/step_data.h"

#include <cstddef>
#include <cstdint>

namespace switchyard::cuda {

inline constexpr int kMostExperts = 512;
inline constexpr int kMostExpertGroups = 32;
inline constexpr int kMostDenseBlocks = 4; ///< of a layer, beside its routed experts or without any

/// An expert that a row chose.
struct ExpertChoice {
    std::int32_t expert;
    float weight;
};

/// How the two halves of a hidden neuron become one: silu(gate) * up, gelu(gate) * up in the tanh form,
/// gate * sigmoid(alpha * gate) * (up + 1) with gate at most `limit` and up within -limit .. limit, or
/// max(gate, 0) * up, which is the square where both are the same matrix; LimitedSilu is ClampedSilu without
/// the 1.
enum class GatedActivation : std::int32_t { Silu, Gelu, ClampedSilu, Relu, LimitedSilu };

/// The matrices of one gated block, or of expert 0: those of expert e are e entries on in the table.
struct GatedMatrices {
    const MatrixView *gate, *up, *down; ///< [width][in], [width][in], [out][width]
    /// Null, or plain floats of all experts: [experts][width], the same, [experts][out].
    const MatrixView *gate_bias, *up_bias, *down_bias;
    std::int32_t width; ///< hidden neurons; 0: there are no experts
    GatedActivation activation;
    float clamp_alpha, clamp_limit; ///< of ClampedSilu and LimitedSilu
};

/// A block that every row passes.
struct DenseBlock {
    GatedMatrices matrices;
    /// Null, or the vector [in] whose product with the row's input says, through a sigmoid, how much of the
    /// block's result is added; Route writes that to `output_weights` [rows].
    const MatrixView* output_gate;
    float* output_weights;
};

/// A chosen expert and its rows.
struct FeedForwardUnit {
    MatrixView gate, up, down;
    std::int32_t expert;
    std::int32_t first_pair, count; ///< its pairs of a row and an expert, rows ascending
    std::uint32_t rows;             ///< a bit a row, in batches of at most 32
};

struct FeedForwardList {
    std::int32_t units; ///< chosen experts
    std::int32_t pairs; ///< of all of them
};

} // namespace switchyard::cuda
