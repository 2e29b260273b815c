// Residual streams of hyper-connections (MixStreamsStep and SpreadStreamsStep of a plan). Rows that only fill
// a batch are treated as the others: nobody reads them.
#pragma once

#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

inline constexpr int kMostStreams = 16;
inline constexpr int kStreamThreads = 256; ///< kMostStreams squared
inline constexpr int kStreamRows = 4;      ///< that a block takes with one reading of weights

/// Products of a row's streams with each row of `fn`, then the sum of their squares: what a norm in front of
/// `fn` would divide comes later. Grid: stream_sums_grid().
struct StreamSumsParams {
    const float* streams; ///< [row_count][all]
    const MatrixView* fn; ///< [outputs][all] floats
    float* sums;          ///< [row_count][outputs + 1]
    std::int32_t row_count, outputs, all;
};
constexpr GridSize stream_sums_grid(int outputs, int rows) {
    return {static_cast<unsigned>(outputs + 1),
            static_cast<unsigned>((rows + kStreamRows - 1) / kStreamRows)};
}
struct StreamSumsShared {
    float of_warp[kStreamRows][kStreamThreads / 32];
};

/// What StreamSums found becomes the streams' weights: `out`, the streams weighed, and how what is made of it
/// goes back to them. Grid: stream_grid().
struct MixStreamsParams {
    const float* streams;           ///< [rows][count][width]
    const float* sums;              ///< of StreamSums, [rows][outputs + 1]
    const MatrixView *base, *scale; ///< [outputs]; [3], or [1] without weights
    float* out;                     ///< [rows][width]
    float* weights;                 ///< [rows][count + count^2]; null: none, and outputs is count
    std::int32_t count, width, outputs, iterations;
    float norm_epsilon, epsilon;
};
struct MixStreamsShared {
    float pre[kMostStreams];
    float mix[kMostStreams * kMostStreams];
};

/// streams_j = post_j in + sum over i of mix[i, j] streams_i. Grid: stream_grid().
struct SpreadStreamsParams {
    float* streams;       ///< [rows][count][width]
    const float* in;      ///< [rows][width]
    const float* weights; ///< [rows][count + count^2]; null: streams_j = in
    std::int32_t count, width;
};
struct SpreadStreamsShared {
    float weights[kMostStreams + kMostStreams * kMostStreams];
};

constexpr GridSize stream_grid(int width, int rows) {
    return {static_cast<unsigned>((width + kStreamThreads - 1) / kStreamThreads),
            static_cast<unsigned>(rows)};
}

#define SWITCHYARD_STREAM_KERNELS(X)                                                                         \
    X(StreamSums, stream_sums, StreamSumsParams, StreamSumsShared, kStreamThreads, 4)                        \
    X(MixStreams, mix_streams, MixStreamsParams, MixStreamsShared, kStreamThreads, 4)                        \
    X(SpreadStreams, spread_streams, SpreadStreamsParams, SpreadStreamsShared, kStreamThreads, 4)

} // namespace switchyard::cuda
