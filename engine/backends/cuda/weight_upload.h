// Matrices from the host's block formats into a device's memory and layout.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "engine/model/reencode.h"

#include <atomic>
#include <memory>
#include <mutex>

namespace switchyard::cuda {

/// Packs on the host and copies through memory that the device reads at full speed. Threads may call at once:
/// they pack side by side, as far as that memory goes.
class WeightUpload {
  public:
    explicit WeightUpload(std::shared_ptr<DevicePool> pool);

    /// A matrix in tiles (kernels/cuda/matrix_tiles.h), from blocks in file layout. Throws Error and
    /// WorkGate::GivenUp.
    std::shared_ptr<std::byte> tiles(BlockType type, std::int64_t rows, std::int64_t cols,
                                     const std::byte* blocks, const EncodeControl& control);
    /// A vector as floats.
    std::shared_ptr<std::byte> floats(BlockType type, std::int64_t rows, std::int64_t cols,
                                      const std::byte* blocks);

  private:
    /// A part of the host's memory and the stream that reads it.
    struct Lane {
        explicit Lane(Device& device);
        std::mutex mutex;
        std::unique_ptr<Stream> stream;
        HostBuffer staging;
    };
    Lane& lane();

    std::shared_ptr<DevicePool> pool_;
    static constexpr int kLanes = 2;
    std::unique_ptr<Lane> lanes_[kLanes];
    std::atomic<unsigned> next_{0};
};

} // namespace switchyard::cuda
