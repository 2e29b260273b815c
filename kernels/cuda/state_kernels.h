// Layers whose memory of a sequence has a fixed size: recurrences, convolutions, the gated delta rule, state
// spaces. A row's bits depend on the rows in front of it in its sequence alone: a sequence's rows pass one
// after another, and what a step computes beside them is other blocks' work.
#pragma once

#include "kernels/cuda/input_kernels.h"
#include "kernels/cuda/step_data.h"

#include <algorithm>

namespace switchyard::cuda {

/// A sequence's rows of the batch, and its states: each the floats of all layers with a state, at one
/// position.
struct SequenceStates {
    const float* before; ///< null: all zero
    std::int32_t first_row, rows;
    std::int32_t first_after, after; ///< of the list of states that are kept
};
struct StateAfter {
    float* state;
    std::int32_t rows; ///< of its sequence in the batch; ascending within a sequence
};

/// What a step keeps of its sequences, and where a layer's part of that is.
struct LayerStates {
    const SequenceStates* sequences; ///< [sequence_count]; those without rows are left alone
    const StateAfter* after;
    std::int64_t offset; ///< floats of a sequence's states in front of this layer's
    std::int32_t sequence_count;
};

// ---- Recurrence

/// state = decay * state + in, out = state (RecurrenceStep of a plan). Grid: recurrence_grid().
struct RecurrenceParams {
    LayerStates states; ///< of [width]
    const float* in;    ///< [rows][in_stride], normed
    const MatrixView* decay;
    float* out; ///< [rows][width]
    std::int64_t in_stride;
    std::int32_t width;
};
inline constexpr int kRecurrenceThreads = 128;
inline GridSize recurrence_grid(int width, int sequences) {
    return {static_cast<unsigned>((width + kRecurrenceThreads - 1) / kRecurrenceThreads),
            static_cast<unsigned>(sequences)};
}

// ---- Convolution

inline constexpr int kMostTaps = 8;

/// A causal convolution of each channel over the rows of a sequence (ConvolutionStep of a plan). A thread
/// takes a channel and some rows; what is in front of them it reads from the rows before, or from the state.
/// Grid: convolve_grid().
struct ConvolveParams {
    LayerStates states;       ///< of [taps - 1][channels]
    const float* in;          ///< [rows][in_stride]
    const MatrixView* kernel; ///< [channels][taps]
    const MatrixView* bias;   ///< [channels]; null: none
    float* out;               ///< [rows][out_stride], the first channel's
    std::int64_t in_stride, out_stride;
    std::int32_t channels, taps;
    std::int32_t from;              ///< where channels begin in a row of `in`
    std::int32_t gate_in, gate_out; ///< where what multiplies them, and the result, begins; -1: nothing
    std::int32_t silu;
};
inline constexpr int kConvolveThreads = 128, kConvolveRows = 16;
/// A tile of rows more for each sequence, at most.
inline GridSize convolve_grid(int channels, int sequences, int rows) {
    return {static_cast<unsigned>((channels + kConvolveThreads - 1) / kConvolveThreads),
            static_cast<unsigned>(std::min(rows, sequences + rows / kConvolveRows))};
}

// ---- Gated delta rule

inline constexpr int kDeltaDims = 128; ///< of a head's keys, and of its values, at most; these are even

/// A value head of each sequence, or a slice of its values (DeltaRuleStep of a plan), whose state stays in
/// registers while rows pass. Where sequences have many rows, slices leave what they found in `out` without
/// the norm and the gate, which GateDelta then does; with the same bits. Grid: delta_grid().
struct DeltaRuleParams {
    LayerStates states;       ///< of [value_heads][key_dim][value_dim]
    const float* mixed;       ///< [rows][2 * key_heads * key_dim + value_heads * value_dim]
    const float* alpha;       ///< [rows][value_heads], or [rows][value_heads * key_dim] by channel
    const float* beta;        ///< [rows][value_heads]
    const float* z;           ///< [rows][value_heads * value_dim]
    const MatrixView *a, *dt; ///< [value_heads]; dt by channel as many as alpha of a row
    const MatrixView* gain;   ///< [value_dim]
    float* out;               ///< [rows][value_heads * value_dim]
    std::int32_t key_heads, value_heads, key_dim, value_dim;
    std::int32_t neighbours;
    std::int32_t sigmoid_gate; ///< else SiLU
    float least_decay;         ///< DeltaRuleStep's
    float epsilon;
};
inline constexpr int kDeltaSlices = 4;    ///< of a head, where rows are many
inline constexpr int kDeltaThreads = 512; ///< of a whole head
/// `slices`: 1 or kDeltaSlices.
inline GridSize delta_grid(const DeltaRuleParams& p, int slices) {
    return {static_cast<unsigned>(p.value_heads * slices), static_cast<unsigned>(p.states.sequence_count)};
}
inline constexpr int kGateDeltaThreads = 256; ///< a warp a head
inline GridSize gate_delta_grid(int value_heads, int rows) {
    constexpr int kHeads = kGateDeltaThreads / 32;
    return {static_cast<unsigned>((value_heads + kHeads - 1) / kHeads), static_cast<unsigned>(rows)};
}

/// Rows in shared memory, of which each warp brings as many as others.
template <int kSlices, bool kByChannel>
struct DeltaRuleShared {
    static constexpr int kRows = kSlices == 1 ? 16 : 8, kValues = kDeltaDims / kSlices;
    alignas(16) float q[kRows][kDeltaDims], k[kRows][kDeltaDims];
    alignas(16) float v[kRows][kValues], found[kRows][kValues];
    alignas(16) float decays[kByChannel ? kRows : 1][kByChannel ? kDeltaDims : 4]; ///< of channels
    float decay[kRows], beta[kRows];
    float match[kRows]; ///< of q and k
};
using DeltaShared = DeltaRuleShared<1, false>;
using DeltaSliceShared = DeltaRuleShared<kDeltaSlices, false>;
using DeltaChannelsShared = DeltaRuleShared<1, true>;
using DeltaChannelsSliceShared = DeltaRuleShared<kDeltaSlices, true>;

// ---- State space

inline constexpr int kMostState = 256;  ///< of a head's values, a multiple of 4
inline constexpr int kSpaceValues = 64; ///< of a head, that a block takes

/// Some values of one head of each sequence (StateSpaceStep of a plan), without the norm behind it or, for a
/// step of one row, with it: the last block of a group norms that. Grid: space_grid().
struct StateSpaceParams {
    LayerStates states;                ///< of [heads][head_dim][state_size]
    const float* mixed;                ///< [rows][heads * head_dim + 2 * groups * state_size]
    const float* in;                   ///< [rows][in_stride]
    const MatrixView *a, *d, *dt_bias; ///< [heads]
    const MatrixView* gain;            ///< [heads * head_dim]
    float* out;                        ///< [rows][heads * head_dim]
    std::uint32_t* arrived;            ///< [groups]; null: without the norm
    std::int64_t in_stride;
    std::int32_t dt_from;
    std::int32_t heads, head_dim, groups, state_size;
    float epsilon;
};
inline constexpr int kSpaceThreads = kInputThreads; ///< as who norms groups by itself
inline constexpr int kSpaceRows = 16;               ///< in shared memory
/// Blocks of a head.
SWITCHYARD_ANYWHERE constexpr int space_slices(int head_dim) {
    return (head_dim + kSpaceValues - 1) / kSpaceValues;
}
inline GridSize space_grid(const StateSpaceParams& p) {
    return {static_cast<unsigned>(p.heads * space_slices(p.head_dim)),
            static_cast<unsigned>(p.states.sequence_count)};
}

struct StateSpaceShared {
    alignas(16) float b[kSpaceRows][kMostState], c[kSpaceRows][kMostState];
    float x[kSpaceRows][kSpaceValues], y[kSpaceRows][kSpaceValues];
    float time[kSpaceRows], decay[kSpaceRows];
    InputShared sums;
    std::uint32_t last;
};

// ---- Selective scan

inline constexpr int kMostScanned = 64; ///< values of a channel's state

/// The same where B, C and dt stand apart, and each value of a state may have a decay of its own (Mamba-1):
/// some channels of each sequence. Without the norm. Grid: scan_grid().
struct SelectiveScanParams {
    LayerStates states;        ///< of [heads][head_dim][state_size]
    const float* x;            ///< [rows][x_stride], the first channel's
    const float *b, *c;        ///< [rows][b_stride], [rows][c_stride]: [groups][state_size] of each
    const float* z;            ///< [rows][z_stride], the first channel's
    const float* dt;           ///< [rows][dt_stride], the first head's
    const MatrixView* a;       ///< [heads], or [heads][state_size] by value
    const MatrixView* d;       ///< [heads]
    const MatrixView* dt_bias; ///< [heads]; null: none
    float* out;                ///< [rows][heads * head_dim]
    std::int64_t x_stride, b_stride, c_stride, z_stride, dt_stride;
    std::int32_t heads, head_dim, groups, state_size;
    std::int32_t by_value;
};
inline constexpr int kScanThreads = 128; ///< eight a channel
inline GridSize scan_grid(const SelectiveScanParams& p) {
    const int of_block = kScanThreads / 8;
    return {static_cast<unsigned>((p.heads * p.head_dim + of_block - 1) / of_block),
            static_cast<unsigned>(p.states.sequence_count)};
}

#define SWITCHYARD_STATE_KERNELS(X)                                                                          \
    X(Recurrence, recurrence, RecurrenceParams, NoShared, kRecurrenceThreads, 4)                             \
    X(Convolve, convolve, ConvolveParams, NoShared, kConvolveThreads, 8)
#define SWITCHYARD_DELTA_RULE_KERNELS(X)                                                                     \
    X(DeltaRule, delta_rule, DeltaRuleParams, DeltaShared, kDeltaThreads, 1)                                 \
    X(DeltaRuleSlice, delta_rule_slice, DeltaRuleParams, DeltaSliceShared, kDeltaThreads / kDeltaSlices, 4)  \
    X(DeltaRuleChannels, delta_rule_channels, DeltaRuleParams, DeltaChannelsShared, kDeltaThreads, 1)        \
    X(DeltaRuleChannelsSlice, delta_rule_channels_slice, DeltaRuleParams, DeltaChannelsSliceShared,          \
      kDeltaThreads / kDeltaSlices, 3)                                                                       \
    X(GateDelta, gate_delta, DeltaRuleParams, NoShared, kGateDeltaThreads, 4)
#define SWITCHYARD_SELECTIVE_SCAN_KERNELS(X)                                                                 \
    X(SelectiveScan, selective_scan, SelectiveScanParams, NoShared, kScanThreads, 3)
#define SWITCHYARD_STATE_SPACE_KERNELS(X)                                                                    \
    X(StateSpace, state_space, StateSpaceParams, StateSpaceShared, kSpaceThreads, 1)

} // namespace switchyard::cuda
