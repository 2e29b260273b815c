// What a card reaches at most: kernels that only read, and kernels that only multiply. Figures of others are
// measured against them, on the same card in the same minute.
#pragma once

#include "kernels/cuda/step_data.h"

namespace switchyard::cuda {

inline constexpr int kLimitThreads = 256;

/// Reads `vectors` times 16 bytes, each once, by all blocks of the grid together.
struct ReadMemoryParams {
    const std::byte* from;
    std::uint64_t vectors;
    std::uint32_t* out; ///< [blocks][kLimitThreads]: of what was read, so that it is read
};
/// Bytes that a thread has under way at a time.
inline constexpr int kReadVectors = 8;

/// Each warp multiplies `rounds` * kMmaChains tiles of 16 x 16 (halves) or 16 x 32 (bytes) with 8 columns.
struct MmaRateParams {
    std::int32_t rounds;
    float* out; ///< [blocks][kLimitThreads]
};
inline constexpr int kMmaChains = 8;
inline constexpr double kHalfTileFlops = 2.0 * 16 * 16 * 8, kByteTileOps = 2.0 * 16 * 32 * 8;

/// Each thread does `rounds` * kIssueChains * kIssueSteps fused multiply-adds that wait for none of the
/// others but one in each chain: what a multiprocessor starts of instructions at most.
struct IssueRateParams {
    std::int32_t rounds;
    float* out; ///< [blocks][kLimitThreads]
};
inline constexpr int kIssueChains = 16, kIssueSteps = 8;

#define SWITCHYARD_LIMITS_KERNELS(X)                                                                         \
    X(ReadMemory, read_memory, ReadMemoryParams, NoShared, kLimitThreads, 4)                                 \
    X(MmaHalfRate, mma_half_rate, MmaRateParams, NoShared, kLimitThreads, 4)                                 \
    X(MmaBytesRate, mma_bytes_rate, MmaRateParams, NoShared, kLimitThreads, 4)                               \
    X(IssueRate, issue_rate, IssueRateParams, NoShared, kLimitThreads, 4)

} // namespace switchyard::cuda
