// The stages of a step of one row as entries of a program, which one launch goes through
// (kernels/cuda/row_program_kernels.h). What no program takes is launched between two of its launches.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "kernels/cuda/kernel_list.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace switchyard::cuda {

/// Launches and recordings of them read its memory.
class RowProgram {
  public:
    static constexpr std::size_t bytes_of(std::size_t stages) {
        return stages * static_cast<std::size_t>(kMostRowEntry);
    }
    /// Device memory of bytes_of(most_stages), and as many counters: zero at each step's beginning.
    RowProgram(Device& device, std::byte* memory, std::size_t most_stages, std::uint32_t* arrivals)
        : device_(device), memory_(memory), most_stages_(most_stages), arrivals_(arrivals) {}

    // Each adds a stage; false, and nothing added: it must be launched.
    bool add(const RowProductParams& p) { return add(without_heads(p)); }
    bool add(const LatentQueryParams& p) { return add(RowStage::LatentQuery, p, sizeof(RowProductShared)); }
    bool add(const LatentValueParams& p) { return add(RowStage::LatentValue, p, sizeof(LatentValueShared)); }
    bool add(const FeedForwardParams& p) { return add(RowStage::Down, p, sizeof(RowDownShared)); }
    bool add(const GateUpRowParams& p); ///< `staged` is set
    bool add(AttendRowParams p);        ///< without its buffer; not with a cap

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
    std::byte* memory_;
    std::size_t most_stages_;
    std::uint32_t* arrivals_;
    std::vector<std::byte> entries_;
    std::size_t stages_ = 0, first_ = 0; ///< so far; the first that was not launched
    std::size_t begin_ = 0, last_ = 0;   ///< bytes at which that one begins, and the last one
    std::int32_t first_bytes_ = 0;       ///< of that one
    std::size_t shared_ = 0;             ///< that those which were not launched need
};

} // namespace switchyard::cuda
