// Feed-forward blocks as the device sees them: what a router chose, and the list of units, each a gated block
// (an expert, a shared block, a dense layer) at work on some rows.
#pragma once

#include "kernels/cuda/step_data.h"

#include <cstddef>
#include <cstdint>

namespace switchyard::cuda {

inline constexpr int kMostExperts = 512;
inline constexpr int kMostExpertGroups = 32;
inline constexpr int kMostDenseBlocks = 4; ///< beside a layer's routed experts, or without any

/// An expert that a row chose.
struct ExpertChoice {
    std::int32_t expert;
    float weight;
};

/// How the two halves of a hidden neuron become one: silu(gate) * up, gelu(gate) * up in the tanh form, or
/// gate * sigmoid(alpha * gate) * (up + 1) with gate at most `limit` and up within -limit .. limit.
enum class GatedActivation : std::int32_t { Silu, Gelu, ClampedSilu };

/// The matrices of one gated block, or of expert 0: those of expert e are e entries on in the table.
struct GatedMatrices {
    const MatrixView *gate, *up, *down; ///< [width][in], [width][in], [out][width]
    /// Null, or plain floats of all experts: [experts][width], the same, [experts][out].
    const MatrixView *gate_bias, *up_bias, *down_bias;
    std::int32_t width; ///< hidden neurons
    GatedActivation activation;
    float clamp_alpha, clamp_limit; ///< of ClampedSilu
};

/// A block that every row passes.
struct DenseBlock {
    GatedMatrices matrices;
    /// Null, or the vector [in] whose product with the row's input says, through a sigmoid, how much of the
    /// block's result is added; Route writes that to `output_weights` [rows].
    const MatrixView* output_gate;
    float* output_weights;
};

struct FeedForwardUnit {
    GatedMatrices matrices;   ///< of this unit
    std::int32_t bias_row;    ///< of the biases: the expert's number
    std::int32_t count;       ///< rows; those of the batch where `rows` is null
    const std::int32_t* rows; ///< [count], ascending; null: slot i is row i of the batch
    const float* weights;     ///< [count]; null: 1 each
    /// Where its hidden neurons stand in the hidden buffer: column of slot 0, a multiple of 64. Slots follow
    /// one another, padded_columns(width) each.
    std::int64_t hidden;
};

/// A list of units: chosen experts in ascending order of their number, then dense blocks.
struct FeedForwardList {
    std::int32_t units;  ///< how many
    std::int32_t routed; ///< of them experts
    std::int32_t pairs;  ///< rows of experts in all
    std::int32_t unused;
};

/// Columns that the hidden buffer holds: those of dense blocks, then of `rows * most` pairs of a row and an
/// expert that is `width` wide.
inline std::int64_t hidden_columns(std::int64_t rows, std::int64_t most, std::int32_t width,
                                   const DenseBlock* blocks, std::int32_t block_count) {
    std::int64_t columns = rows * most * padded_columns(width);
    for (std::int32_t b = 0; b < block_count; ++b)
        columns += rows * padded_columns(blocks[b].matrices.width);
    return columns;
}

/// The list of a layer without a router: host memory, to be uploaded once for a batch of `rows` rows.
/// `units`: [block_count].
inline FeedForwardList dense_list(std::int32_t rows, const DenseBlock* blocks, std::int32_t block_count,
                                  FeedForwardUnit* units) {
    std::int64_t hidden = 0;
    for (std::int32_t b = 0; b < block_count; ++b) {
        const GatedMatrices& m = blocks[b].matrices;
        units[b] = {m, 0, rows, nullptr, blocks[b].output_gate ? blocks[b].output_weights : nullptr, hidden};
        hidden += std::int64_t{rows} * padded_columns(m.width);
    }
    return {block_count, 0, 0, 0};
}

} // namespace switchyard::cuda
