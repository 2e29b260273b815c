#include "engine/backends/cuda/weight_upload.h"

#include "engine/backends/cuda/device_failure.h"
#include "engine/quant/quant.h"
#include "kernels/cuda/kernel_list.h"
#include "kernels/cuda/matrix_tiles.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace switchyard::cuda {

namespace {

/// Threads that copy side by side: so many read a file's pages as fast as a device takes them.
constexpr std::int64_t kMostLanes = 8;
/// Less than this a piece, and starting its copy takes longer than the copy.
constexpr std::size_t kLeastPiece = std::size_t{256} << 10;

/// How a matrix goes in pieces: whole tile rows, at most about so many bytes each, and two or more for each
/// thread where they are not too small for that.
struct Pieces {
    FileMatrix matrix;
    BlockType sent;     ///< what the device gets: the file's blocks, or floats where it cannot read those
    std::size_t stride; ///< of a row as it is sent
    std::int64_t rows, count;

    Pieces(const FileMatrix& from, std::size_t piece_bytes, int threads)
        : matrix(from), sent(tiled(from.type) ? from.type : BlockType::F32),
          stride(row_bytes(sent, from.cols)) {
        const std::size_t shared =
            static_cast<std::size_t>(matrix.rows) * stride /
            static_cast<std::size_t>(2 * std::clamp<std::int64_t>(threads, 1, kMostLanes));
        const std::size_t bytes = std::min(piece_bytes, std::max(shared, kLeastPiece));
        const auto fit = static_cast<std::int64_t>(bytes / std::max<std::size_t>(stride, 1));
        rows = std::max<std::int64_t>(fit / kTileRows, 1) * kTileRows;
        count = (matrix.rows + rows - 1) / rows;
    }
    std::int64_t first(std::int64_t piece) const { return piece * rows; }
    std::int64_t rows_of(std::int64_t piece) const { return std::min(rows, matrix.rows - first(piece)); }
    std::size_t bytes() const { return static_cast<std::size_t>(std::min(rows, matrix.rows)) * stride; }
};

/// Brings a piece into memory that the device reads.
void read_piece(const Pieces& pieces, std::int64_t piece, std::byte* to) {
    constexpr std::size_t kBetweenPauses = std::size_t{256} << 10;
    const FileMatrix& matrix = pieces.matrix;
    const auto rows = static_cast<std::size_t>(pieces.rows_of(piece));
    const std::byte* from =
        matrix.blocks + static_cast<std::size_t>(pieces.first(piece)) * row_bytes(matrix.type, matrix.cols);
    if (pieces.sent == matrix.type) {
        for (std::size_t at = 0; at < rows * pieces.stride; at += kBetweenPauses) {
            pause_point();
            std::memcpy(to + at, from + at, std::min(kBetweenPauses, rows * pieces.stride - at));
        }
        return;
    }
    for (std::size_t r = 0; r < rows; ++r) {
        pause_point();
        decode_row(matrix.type, from + r * row_bytes(matrix.type, matrix.cols),
                   {reinterpret_cast<float*>(to + r * pieces.stride), static_cast<std::size_t>(matrix.cols)});
    }
}

} // namespace

/// Two parts of the host's memory in turns, each with its own stream: one is filled while the other is on its
/// way.
class WeightUpload::Lane {
  public:
    Lane(DevicePool& pool, std::size_t piece_bytes) : pool_(pool), piece_bytes_(piece_bytes) {}
    ~Lane() { settle(); }

    struct Half {
        explicit Half(Device& device) : stream(device.make_stream(StreamUse::Background)), staging(device) {}
        std::unique_ptr<Stream> stream;
        HostBuffer staging;
        std::shared_ptr<std::byte> pieces; ///< on the device, as many bytes
    };
    /// The next half, with nothing under way and at least so much room.
    Half& next(std::size_t bytes) {
        auto& half = halves_[turn_++ % 2];
        if (!half)
            half = std::make_unique<Half>(pool_.device());
        half->stream->synchronise();
        if (half->staging.bytes() < bytes) {
            half->pieces = nullptr;
            half->staging.reserve(std::max(bytes, piece_bytes_));
        }
        if (!half->pieces)
            half->pieces = pool_.allocate(half->staging.bytes(), "copying weights");
        return *half;
    }
    /// Waits until all of it is done.
    void finish() {
        for (const auto& half : halves_)
            if (half)
                half->stream->synchronise();
    }
    /// The same where somebody gave up: only that nothing is under way matters.
    void settle() noexcept {
        try {
            finish();
        } catch (const DeviceError&) {
            // The device has nothing under way any more.
        }
    }

  private:
    DevicePool& pool_;
    std::size_t piece_bytes_; ///< that a half has room for at least
    std::unique_ptr<Half> halves_[2];
    unsigned turn_ = 0;
};

/// A lane that nobody else uses meanwhile.
class WeightUpload::LaneUse {
  public:
    explicit LaneUse(WeightUpload& upload) : upload_(upload) {
        const std::lock_guard lock(upload.mutex_);
        if (upload.idle_.empty()) {
            lane_ = std::make_unique<Lane>(*upload.pool_, upload.piece_bytes_);
            return;
        }
        lane_ = std::move(upload.idle_.back());
        upload.idle_.pop_back();
    }
    ~LaneUse() {
        lane_->settle();
        const std::lock_guard lock(upload_.mutex_);
        if (upload_.idle_.size() < kMostLanes)
            upload_.idle_.push_back(std::move(lane_));
    }
    LaneUse(const LaneUse&) = delete;
    LaneUse& operator=(const LaneUse&) = delete;
    Lane* operator->() const { return lane_.get(); }

  private:
    WeightUpload& upload_;
    std::unique_ptr<Lane> lane_;
};

WeightUpload::WeightUpload(std::shared_ptr<DevicePool> pool, std::size_t piece_bytes)
    : pool_(std::move(pool)), piece_bytes_(piece_bytes) {
    idle_.reserve(kMostLanes);
}
WeightUpload::~WeightUpload() = default;

std::shared_ptr<std::byte> WeightUpload::tiles(BlockType type, const FileMatrix& matrix,
                                               const EncodeControl& control) {
    return with_device_errors_told([&] {
        auto memory = pool_->allocate(tiled_bytes(type, matrix.rows, matrix.cols), "a weight");
        encode_pieces(type, matrix, memory.get(), control);
        return memory;
    });
}

void WeightUpload::encode_pieces(BlockType type, const FileMatrix& matrix, std::byte* out,
                                 const EncodeControl& control) {
    const Pieces pieces(matrix, piece_bytes_, control.threads);
    const std::int64_t threads =
        std::clamp<std::int64_t>(std::min<std::int64_t>(control.threads, pieces.count), 1, kMostLanes);
    std::atomic<std::int64_t> next{0};
    share_behind_gate(threads, threads, control, [&](std::int64_t, std::int64_t) {
        const LaneUse lane(*this);
        for (std::int64_t piece = next++; piece < pieces.count; piece = next++) {
            Lane::Half& half = lane->next(pieces.bytes());
            read_piece(pieces, piece, half.staging.data());
            const auto rows = static_cast<std::int32_t>(pieces.rows_of(piece));
            const auto cols = static_cast<std::int32_t>(matrix.cols);
            half.stream->copy_to_device(half.pieces.get(), half.staging.data(),
                                        static_cast<std::size_t>(rows) * pieces.stride);
            launch<Kernel::Encode>(*half.stream, encode_grid(rows, cols),
                                   {.from = half.pieces.get(),
                                    .out = out + tiled_bytes(type, pieces.first(piece), matrix.cols),
                                    .from_stride = static_cast<std::int64_t>(pieces.stride),
                                    .rows = rows,
                                    .cols = cols,
                                    .from_type = pieces.sent,
                                    .type = type});
        }
        lane->finish();
    });
}

std::shared_ptr<std::byte> WeightUpload::floats(const FileMatrix& vector) {
    return with_device_errors_told([&] {
        const auto count = static_cast<std::size_t>(vector.rows * vector.cols);
        auto memory = pool_->allocate(count * sizeof(float), "a weight");
        const LaneUse lane(*this);
        Lane::Half& half = lane->next(count * sizeof(float));
        auto* values = reinterpret_cast<float*>(half.staging.data());
        for (std::int64_t r = 0; r < vector.rows; ++r)
            decode_row(vector.type,
                       vector.blocks + static_cast<std::size_t>(r) * row_bytes(vector.type, vector.cols),
                       {values + r * vector.cols, static_cast<std::size_t>(vector.cols)});
        half.stream->copy_to_device(memory.get(), half.staging.data(), count * sizeof(float));
        lane->finish();
        return memory;
    });
}

} // namespace switchyard::cuda
