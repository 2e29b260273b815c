// Candidates among logits that lie on a device: what is sought goes there, and kilobytes come back.
#pragma once

#include "engine/backends/common/step_wishes.h"
#include "engine/backends/cuda/scratch.h"
#include "kernels/cuda/head_kernels.h"

#include <vector>

namespace switchyard::cuda {

class CandidateSearch {
  public:
    explicit CandidateSearch(DevicePool& pool) : pool_(pool), host_(pool.device()) {}

    /// Makes room for what will be sought in rows of `vocabulary` logits. Throws Error.
    void make_room(std::span<const Sought> sought, std::int32_t vocabulary);
    void forget() { device_.forget(); } ///< gives the room back
    /// Launches the search that there is room for among `logits` [rows][vocabulary]; before the stream is
    /// waited for.
    void launch(std::span<const Sought> sought, const float* logits, Stream& stream);
    /// Fills in what was found, once the stream has ended.
    void read(std::span<Sought> sought) const;
    std::size_t bytes() const { return device_.bytes(); }

  private:
    /// Of one stretch of memory, here and there: what is sought, then what was found, then scratch.
    struct Layout {
        std::size_t sought, ids, parts, best, gathered, downloaded, scratch, end; ///< offsets
        std::int32_t rows, most, part_count;
    };
    static Layout layout_of(std::span<const Sought> sought, std::int32_t vocabulary);
    void write(std::span<const Sought> sought) const;

    DevicePool& pool_;
    ScratchBuffer device_;
    HostBuffer host_;
    Layout layout_ = {};
    std::int32_t vocabulary_ = 0;
};

} // namespace switchyard::cuda
