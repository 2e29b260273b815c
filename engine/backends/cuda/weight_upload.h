// Matrices from the host's block formats into a device's memory, layout and precision.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "engine/model/reencode.h"

#include <memory>
#include <mutex>
#include <vector>

namespace switchyard::cuda {

/// A matrix as a file holds it.
struct FileMatrix {
    BlockType type;
    std::int64_t rows, cols;
    const std::byte* blocks;
};

/// Copies pieces of a matrix through memory that the device reads at full speed, and has the device encode
/// and lay out each: reading the file, the way to the device and encoding go on side by side. What it starts
/// on the device takes less than a millisecond a piece and stands back behind steps. Threads may call at
/// once.
class WeightUpload {
  public:
    /// `piece_bytes`: about so much is on its way at a time.
    explicit WeightUpload(std::shared_ptr<DevicePool> pool, std::size_t piece_bytes = std::size_t{2} << 20);
    ~WeightUpload();

    /// The matrix in tiles of `type` (kernels/cuda/tile_layout.h): laid out as it is, or encoded, with the
    /// bits of encode_row(). PRECOND: tiled(type), cols are whole blocks of it. Throws Error and
    /// WorkGate::GivenUp.
    std::shared_ptr<std::byte> tiles(BlockType type, const FileMatrix& matrix, const EncodeControl& control);
    /// A vector as floats.
    std::shared_ptr<std::byte> floats(const FileMatrix& vector);

  private:
    class Lane;
    class LaneUse;
    void encode_pieces(BlockType type, const FileMatrix& matrix, std::byte* out,
                       const EncodeControl& control);

    std::shared_ptr<DevicePool> pool_;
    std::size_t piece_bytes_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Lane>> idle_; ///< that nobody uses
};

} // namespace switchyard::cuda
