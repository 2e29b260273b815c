#include "engine/model/reencode.h"

#include "engine/base/aligned.h"
#include "engine/base/error.h"
#include "engine/quant/decode_rows.h"

#include <algorithm>

namespace switchyard {

std::shared_ptr<std::byte> reencode_matrix(const WeightSource& source, int matrix, BlockType type,
                                           const std::shared_ptr<const ModelFile>& file,
                                           const EncodeControl& control) {
    const TensorView& tensor = *source.tensor;
    const std::int64_t rows = tensor.rows(), cols = tensor.cols();
    const std::size_t stride = row_bytes(type, cols), bytes = static_cast<std::size_t>(rows) * stride;
    AlignedMemory memory = allocate_aligned(bytes);
    if (!memory)
        throw Error("a weight needs " + std::to_string(bytes >> 20) +
                    " MiB of memory to be re-encoded, which this machine does not have free");
    const std::shared_ptr<std::byte> blocks = std::move(memory);
    const auto from = tensor.matrix(matrix, file);
    constexpr std::int64_t kWorthAThread = 1 << 17; // values
    const std::int64_t threads = std::clamp<std::int64_t>(
        std::min<std::int64_t>(control.threads, rows * cols / kWorthAThread), 1, rows);
    std::atomic<bool> gave_up{false};
    decode_rows(tensor.type, from.get(), rows, cols, threads,
                [&](std::int64_t row, const std::vector<float>& values) {
                    if (!control.go_on()) {
                        gave_up = true;
                        return false;
                    }
                    encode_row(type, values, blocks.get() + static_cast<std::size_t>(row) * stride);
                    return true;
                });
    return gave_up ? nullptr : blocks;
}

} // namespace switchyard
