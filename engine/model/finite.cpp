#include "engine/model/finite.h"

#include "engine/base/error.h"
#include "engine/base/threads.h"
#include "engine/files/mapped_file.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>

namespace switchyard {

void check_finite(const ModelFile& file, const TensorView& tensor, std::span<const float> values) {
    const auto finite = [](float value) { return std::isfinite(value); };
    if (std::ranges::all_of(values, finite)) {
        return;
    }
    const float first = *std::ranges::find_if_not(values, finite);
    throw Error(file.path().string() + ": tensor " + in_quotes(tensor.name) + " holds " +
                (std::isnan(first) ? "a NaN" : "an infinite value") +
                ": the file is damaged, or was made by a conversion that overflowed");
}

void check_finite(const ModelFile& file, int threads, std::stop_token stop) {
    for (const TensorView& tensor : file.tensors()) {
        const std::int64_t rows = tensor.rows(), cols = tensor.cols();
        const std::size_t stride = row_bytes(tensor.type, cols);
        for (std::int64_t m = 0; m < tensor.matrices() && !stop.stop_requested(); ++m) {
            const auto blocks = tensor.matrix(m);
            share_ranges(rows, threads, [&](std::int64_t first, std::int64_t last) {
                std::vector<float> values(static_cast<std::size_t>(cols));
                for (std::int64_t r = first; r < last; ++r) {
                    decode_row(tensor.type, blocks.get() + static_cast<std::size_t>(r) * stride, values);
                    check_finite(file, tensor, values);
                }
            });
        }
    }
}

} // namespace switchyard
