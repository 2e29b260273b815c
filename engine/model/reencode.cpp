#include "engine/model/reencode.h"

#include "engine/base/aligned.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <atomic>
#include <vector>

namespace switchyard {

std::shared_ptr<const std::byte> matrix_behind_gate(const WeightSource& source, int matrix,
                                                    const std::shared_ptr<const ModelFile>& file,
                                                    const EncodeControl& control) {
    const WorkGate::Stay stay(control.gate, control.work);
    return source.tensor->matrix(matrix, file);
}

std::shared_ptr<std::byte> reencode_matrix(const WeightSource& source, int matrix, BlockType type,
                                           const std::shared_ptr<const ModelFile>& file,
                                           const EncodeControl& control) {
    const TensorView& tensor = *source.tensor;
    const std::int64_t rows = tensor.rows(), cols = tensor.cols();
    const std::size_t in_stride = row_bytes(tensor.type, cols), out_stride = row_bytes(type, cols),
                      bytes = static_cast<std::size_t>(rows) * out_stride;
    AlignedMemory memory = allocate_aligned(bytes);
    if (!memory)
        throw Error("a weight needs " + format_bytes(bytes) +
                    " of memory to be re-encoded, which this machine does not have free");
    const std::shared_ptr<std::byte> blocks = std::move(memory);
    const auto from = matrix_behind_gate(source, matrix, file, control);
    // A stretch is whole blocks of any type; the slowest encoder takes some 0.2 ms for it.
    constexpr std::int64_t kStretch = 2048, kWorthAThread = 1 << 17; // values
    std::atomic<std::int64_t> next{0};
    const std::int64_t threads = std::clamp<std::int64_t>(
        std::min<std::int64_t>(control.threads, rows * cols / kWorthAThread), 1, rows);
    share_behind_gate(threads, threads, control, [&](std::int64_t, std::int64_t) {
        std::vector<float> values(static_cast<std::size_t>(std::min(kStretch, cols)));
        for (std::int64_t row = next++; row < rows; row = next++)
            for (std::int64_t col = 0; col < cols; col += kStretch) {
                pause_point();
                const std::span stretch(values.data(),
                                        static_cast<std::size_t>(std::min(kStretch, cols - col)));
                decode_row(tensor.type,
                           from.get() + static_cast<std::size_t>(row) * in_stride +
                               row_bytes(tensor.type, col),
                           stretch);
                encode_row(type, stretch,
                           blocks.get() + static_cast<std::size_t>(row) * out_stride + row_bytes(type, col));
            }
    });
    return blocks;
}

} // namespace switchyard
