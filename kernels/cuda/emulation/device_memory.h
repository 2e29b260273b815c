// The memory of an emulated device: a stretch of addresses that the host may not touch while no kernel runs.
#pragma once

#include <cstddef>
#include <map>

namespace switchyard::cuda::emulation {

class DeviceMemory {
  public:
    explicit DeviceMemory(std::size_t bytes);
    ~DeviceMemory();
    DeviceMemory(const DeviceMemory&) = delete;
    DeviceMemory& operator=(const DeviceMemory&) = delete;

    /// Aligned to 256 bytes and full of 0xff; nullptr where no piece is so large.
    std::byte* allocate(std::size_t bytes);
    void release(std::byte* memory);
    std::size_t free_bytes() const { return bytes_ - used_; }
    std::size_t bytes() const { return bytes_; }

    /// While one lives, the memory can be touched.
    class Open {
      public:
        explicit Open(DeviceMemory& memory);
        ~Open();
        Open(const Open&) = delete;
        Open& operator=(const Open&) = delete;

      private:
        DeviceMemory& memory_;
    };

  private:
    void protect(bool open);

    std::byte* begin_;
    std::size_t bytes_, used_ = 0, touched_ = 0; ///< touched: of its beginning, ever allocated
    int open_ = 0;
    std::map<std::byte*, std::size_t> taken_; ///< by address
};

} // namespace switchyard::cuda::emulation
