// The stages of a step of one row as entries of a program, which one launch goes through
// (kernels/cuda/row_program_kernels.h). What no program takes is launched between two of its launches.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "kernels/cuda/kernel_list.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace switchyard::cuda {

/// Launches and recordings of them read its memory, and it must outlive them.
class RowProgram {
  public:
    /// Stages at most, and the counters that they meet at: zero at each step's beginning. Throws Error where
    /// there is no memory for it.
    RowProgram(DevicePool& pool, std::size_t most_stages, std::uint32_t* arrivals);

    // Each adds a stage; false, and nothing added: it must be launched.
    bool add(const RowProductParams& p) { return add(without_heads(p)); }
    bool add(const LatentQueryParams& p) { return add(RowStage::LatentQuery, p, sizeof(RowProductShared)); }
    bool add(const LatentValueParams& p) { return add(RowStage::LatentValue, p, sizeof(LatentValueShared)); }
    bool add(const FeedForwardParams& p) { return add(RowStage::Down, p, sizeof(RowDownShared)); }
    bool add(const GateUpRowParams& p); ///< `staged` is set
    bool add(AttendRowParams p);        ///< without its buffer

    /// Whether stages were added since the last launch.
    bool waits() const { return first_ < stages_; }
    /// Launches those.
    void launch(Stream& stream, bool dependent);
    /// Copies the program to the device, before anything that launches it is started. Waits.
    void upload(Stream& stream);

  private:
    template <class Params>
    bool add(RowStage stage, const Params& params, std::size_t shared_bytes) {
        if (!takes(shared_bytes))
            return false;
        std::byte* to = begin_entry(stage, row_entry_bytes<Params>(), shared_bytes);
        std::memcpy(to, &params, sizeof params);
        return true;
    }
    bool takes(std::size_t shared_bytes) const;
    /// Where its parameters go.
    std::byte* begin_entry(RowStage stage, std::int32_t bytes, std::size_t shared_bytes);

    Device& device_;
    std::size_t most_stages_;
    std::uint32_t* arrivals_;
    std::shared_ptr<std::byte> memory_;
    std::vector<std::byte> entries_;
    std::size_t stages_ = 0, first_ = 0; ///< so far; the first that was not launched
    std::size_t begin_ = 0, last_ = 0;   ///< bytes at which that one begins, and the last one
    std::int32_t first_bytes_ = 0;       ///< of that one
    std::size_t shared_ = 0;             ///< that those which were not launched need
};

} // namespace switchyard::cuda
