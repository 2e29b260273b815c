// Memory for placed weights, keys and values, in large stretches for which the system is asked for huge
// pages: a token reads all of them, and with pages of 4 KiB spends a tenth of its time on looking up where
// they are.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>

namespace switchyard::cpu {

/// Hands out pieces of stretches. A piece that is released gives its pages back at once, and the stretch
/// goes with its last piece; pieces outlive the LargePageMemory. Threads may call at once.
class LargePageMemory {
  public:
    /// `bytes` aligned to kMemoryAlignment; nullptr where the machine has no memory for them.
    std::shared_ptr<std::byte> allocate(std::size_t bytes);

  private:
    struct Stretch;
    std::mutex mutex_;
    std::shared_ptr<Stretch> open_; ///< has room at its end
    std::size_t used_ = 0;          ///< bytes of open_
};

} // namespace switchyard::cpu
