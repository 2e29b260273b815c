// Device memory in pieces: asking the driver for each would take longer than most steps, and round each up to
// megabytes.
#pragma once

#include "kernels/cuda/device.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace switchyard::cuda {

/// Hands out pieces of stretches that it asks the device for: of its own memory, or of the host's that it
/// reads at full speed. A stretch goes back when all of it is free. Threads may call at once; pieces keep the
/// pool.
class DevicePool : public std::enable_shared_from_this<DevicePool> {
  public:
    enum class Memory : std::uint8_t { Device, Host };

    explicit DevicePool(std::shared_ptr<Device> device, std::size_t stretch_bytes = std::size_t{64} << 20,
                        Memory memory = Memory::Device)
        : device_(std::move(device)), stretch_bytes_(stretch_bytes), memory_(memory) {}
    ~DevicePool();
    DevicePool(const DevicePool&) = delete;
    DevicePool& operator=(const DevicePool&) = delete;

    /// `bytes` at a multiple of 256. Throws Error that says what was needed for `what` ("the KV cache") and
    /// what was free.
    std::shared_ptr<std::byte> allocate(std::size_t bytes, std::string_view what);
    /// Of pieces that are held, rounded as they were.
    std::size_t used_bytes() const;
    /// Of all stretches: what the driver says is taken by us.
    std::size_t held_bytes() const;
    /// What was asked for last could not be had.
    bool short_of_memory() const;
    Device& device() const { return *device_; }
    const std::shared_ptr<Device>& shared_device() const { return device_; }

  private:
    struct Stretch {
        std::size_t bytes = 0;
        std::map<std::size_t, std::size_t> free; ///< offset -> length, never two neighbours
    };
    using Stretches = std::map<std::byte*, Stretch>;
    std::byte* take(std::size_t bytes);
    std::byte* take_from(Stretches::value_type& stretch, std::size_t bytes);
    std::byte* grow(std::size_t bytes);
    std::byte* ask(std::size_t bytes) {
        return memory_ == Memory::Host ? device_->allocate_host(bytes) : device_->allocate(bytes);
    }
    void give_up(std::byte* stretch) noexcept {
        memory_ == Memory::Host ? device_->release_host(stretch) : device_->release(stretch);
    }
    std::string shortage(std::size_t bytes, std::string_view what) const;
    void give_back(std::byte* piece, std::size_t bytes) noexcept;

    std::shared_ptr<Device> device_;
    std::size_t stretch_bytes_;
    Memory memory_;
    mutable std::mutex mutex_;
    Stretches stretches_; ///< by address
    std::size_t used_ = 0;
    bool short_ = false;
};

/// Memory of the host that streams copy from and to.
class HostBuffer {
  public:
    explicit HostBuffer(Device& device) : device_(device) {}
    ~HostBuffer() { release(); }
    HostBuffer(const HostBuffer&) = delete;
    HostBuffer& operator=(const HostBuffer&) = delete;
    /// At least so much; contents are lost where it grows. Throws Error.
    std::byte* reserve(std::size_t bytes);
    std::byte* data() const { return data_; }
    std::size_t bytes() const { return bytes_; }

  private:
    void release() noexcept;

    Device& device_;
    std::byte* data_ = nullptr;
    std::size_t bytes_ = 0;
};

} // namespace switchyard::cuda
