#include "engine/backends/cuda/weight_upload.h"

#include "engine/quant/quant.h"
#include "kernels/cuda/matrix_tiles.h"

#include <algorithm>

namespace switchyard::cuda {

namespace {

constexpr std::size_t kStagingBytes = std::size_t{8} << 20;

/// Where the whole would begin whose tile row `first` lies at `part`: an address that nothing is at.
std::byte* whole_from(std::byte* part, std::int64_t first, std::size_t row_bytes) {
    return reinterpret_cast<std::byte*>(reinterpret_cast<std::uintptr_t>(part) -
                                        static_cast<std::uintptr_t>(first) * row_bytes);
}

} // namespace

WeightUpload::Lane::Lane(Device& device) : stream(device.make_stream()), staging(device) {}

WeightUpload::WeightUpload(std::shared_ptr<DevicePool> pool) : pool_(std::move(pool)) {
    for (auto& one : lanes_)
        one = std::make_unique<Lane>(pool_->device());
}

WeightUpload::Lane& WeightUpload::lane() { return *lanes_[next_++ % kLanes]; }

std::shared_ptr<std::byte> WeightUpload::tiles(BlockType type, std::int64_t rows, std::int64_t cols,
                                               const std::byte* blocks, const EncodeControl& control) {
    const std::size_t bytes = tiled_bytes(type, rows, cols);
    auto memory = pool_->allocate(bytes, "a weight");
    const std::int64_t count_all = tile_rows(static_cast<int>(rows));
    const std::size_t row_bytes = tile_row_bytes(type, static_cast<int>(cols));
    const auto most = std::max<std::int64_t>(1, static_cast<std::int64_t>(kStagingBytes / row_bytes));
    Lane& own = lane();
    const std::lock_guard lock(own.mutex);
    for (std::int64_t first = 0; first < count_all; first += most) {
        const std::int64_t count = std::min(most, count_all - first);
        const std::size_t part = static_cast<std::size_t>(count) * row_bytes;
        own.stream->synchronise(); // what was copied from there before
        std::byte* staging = own.staging.reserve(std::max(part, kStagingBytes));
        share_behind_gate(count, count, control, [&](std::int64_t begin, std::int64_t end) {
            for (std::int64_t t = begin; t < end; ++t) {
                pause_point();
                pack_tiles(type, rows, cols, blocks, whole_from(staging, first, row_bytes), first + t,
                           first + t + 1);
            }
        });
        own.stream->copy_to_device(memory.get() + static_cast<std::size_t>(first) * row_bytes, staging, part);
    }
    own.stream->synchronise();
    return memory;
}

std::shared_ptr<std::byte> WeightUpload::floats(BlockType type, std::int64_t rows, std::int64_t cols,
                                                const std::byte* blocks) {
    const auto count = static_cast<std::size_t>(rows * cols);
    auto memory = pool_->allocate(count * sizeof(float), "a weight");
    Lane& own = lane();
    const std::lock_guard lock(own.mutex);
    auto* values = reinterpret_cast<float*>(own.staging.reserve(count * sizeof(float)));
    for (std::int64_t r = 0; r < rows; ++r)
        decode_row(type, blocks + static_cast<std::size_t>(r) * row_bytes(type, cols),
                   {values + r * cols, static_cast<std::size_t>(cols)});
    own.stream->copy_to_device(memory.get(), own.staging.data(), count * sizeof(float));
    own.stream->synchronise();
    return memory;
}

} // namespace switchyard::cuda
