// Where a step's time goes, by the parts of the forward pass in the papers' terms.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace switchyard {

enum class StageKind : std::uint8_t {
    Embedding, ///< and the ropes' angles
    Attention, ///< with its projections and the cache
    Router,
    Experts, ///< routed ones and those that all tokens share
    FeedForward,
    Head,
    Sampling,
    Waiting ///< of threads for each other
};
inline constexpr std::size_t kStageKinds = 8;
std::string_view stage_name(StageKind kind); ///< "feed_forward"

struct StageUse {
    double seconds = 0;      ///< of a step's time: the mean over the threads
    std::uint64_t bytes = 0; ///< of weights and cache that were read
    std::uint64_t macs = 0;  ///< multiply-adds with weights
};

/// By StageKind.
struct StageTable {
    std::array<StageUse, kStageKinds> uses{};

    StageUse& of(StageKind kind) { return uses[static_cast<std::size_t>(kind)]; }
    const StageUse& of(StageKind kind) const { return uses[static_cast<std::size_t>(kind)]; }
    StageTable& operator+=(const StageTable& other);
    StageTable operator-(const StageTable& other) const;
};

inline StageTable& StageTable::operator+=(const StageTable& other) {
    for (std::size_t k = 0; k < kStageKinds; ++k) {
        uses[k].seconds += other.uses[k].seconds;
        uses[k].bytes += other.uses[k].bytes;
        uses[k].macs += other.uses[k].macs;
    }
    return *this;
}

inline StageTable StageTable::operator-(const StageTable& other) const {
    StageTable table = *this;
    for (std::size_t k = 0; k < kStageKinds; ++k) {
        table.uses[k].seconds -= other.uses[k].seconds;
        table.uses[k].bytes -= other.uses[k].bytes;
        table.uses[k].macs -= other.uses[k].macs;
    }
    return table;
}

} // namespace switchyard
