// Rows decoded side by side on several threads.
#pragma once

#include "engine/base/threads.h"
#include "engine/quant/quant.h"

#include <atomic>
#include <vector>

namespace switchyard {

/// Decodes rows 0 .. rows - 1 of `cols` values from their blocks in file layout, on up to `threads` threads,
/// and calls use(row, values) for each. Rows are taken in order but may finish in any. Exceptions of `use`
/// are thrown on.
template <typename Use>
void decode_rows(BlockType type, const std::byte* from, std::int64_t rows, std::int64_t cols,
                 std::int64_t threads, const Use& use) {
    const std::size_t stride = row_bytes(type, cols);
    std::atomic<std::int64_t> next{0};
    share_ranges(threads, threads, [&](std::int64_t, std::int64_t) {
        std::vector<float> values(static_cast<std::size_t>(cols));
        for (std::int64_t r = next++; r < rows; r = next++) {
            decode_row(type, from + static_cast<std::size_t>(r) * stride, values);
            use(r, values);
        }
    });
}

} // namespace switchyard
