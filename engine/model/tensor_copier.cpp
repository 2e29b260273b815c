#include "engine/model/tensor_copier.h"

#include "engine/base/cores.h"
#include "engine/base/error.h"
#include "engine/model/finite.h"
#include "engine/quant/decode_rows.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <utility>

namespace switchyard {

static constexpr std::int64_t kPieceValues = 1 << 23; ///< values re-encoded between two writes

static std::int64_t all_rows(const TensorView& t) {
    std::int64_t rows = 1;
    for (std::size_t i = 1; i < t.shape.size(); ++i)
        rows *= t.shape[i];
    return rows;
}

std::size_t stored_bytes(const TensorView& tensor, BlockType type) {
    return static_cast<std::size_t>(all_rows(tensor)) * row_bytes(type, tensor.cols());
}

TensorCopier::TensorCopier(const ModelFile& file, GgufWriter& writer, CopyOptions options)
    : file_(file), writer_(writer), options_(std::move(options)) {
    if (options_.threads <= 0)
        options_.threads = available_cores();
}

void TensorCopier::copy(const TensorView& from, BlockType to) {
    for (std::int64_t m = 0; m < all_rows(from) / from.rows(); ++m)
        copy_matrix(from, m, to);
}

void TensorCopier::copy_matrix(const TensorView& from, std::int64_t matrix, BlockType to) {
    const std::int64_t rows = from.rows(), cols = from.cols();
    const std::size_t stride = row_bytes(from.type, cols);
    const std::int64_t piece = std::max<std::int64_t>(1, kPieceValues / cols);
    const float* weights =
        options_.importance == nullptr ? nullptr : options_.importance->columns(from.name, matrix, cols);
    const auto blocks = from.matrix(matrix);
    for (std::int64_t r = 0; r < rows; r += piece) {
        const std::int64_t count = std::min(piece, rows - r);
        const std::byte* in = blocks.get() + static_cast<std::size_t>(r) * stride;
        const std::size_t bytes = static_cast<std::size_t>(count) * stride;
        if (from.type == to) {
            recode_rows(from, to, count, in, nullptr, weights);
            writer_.append({in, bytes});
        } else {
            buffer_.resize(static_cast<std::size_t>(count) * row_bytes(to, cols));
            recode_rows(from, to, count, in, buffer_.data(), weights);
            writer_.append(buffer_);
        }
        done_ += bytes;
        if (options_.progress && !options_.progress(done_, options_.total))
            throw Error("cancelled");
    }
}

void TensorCopier::recode_rows(const TensorView& from, BlockType to, std::int64_t rows, const std::byte* in,
                               std::byte* out, const float* importance) const {
    const std::size_t stride = row_bytes(to, from.cols());
    decode_rows(from.type, in, rows, from.cols(), options_.threads,
                [&](std::int64_t row, const std::vector<float>& values) {
                    check_finite(file_, from, values);
                    if (out != nullptr)
                        encode_row(to, values, out + static_cast<std::size_t>(row) * stride, importance);
                });
}

} // namespace switchyard
