#include "engine/backends/cuda/scratch.h"

namespace switchyard::cuda {

void PreparedBuffer::want(std::size_t rows, std::int64_t cols, std::uint32_t formats) {
    const auto padded = static_cast<std::size_t>((cols + 63) / 64 * 64);
    if (formats & kInputF32)
        floats.want(rows * padded * sizeof(float));
    if (formats & kInputBytes)
        bytes.want(rows * (padded / 32) * sizeof(ByteBlock));
    if (formats & kInputBfloat)
        bfloats.want(rows * (padded / 16) * sizeof(PairBlock));
    if (formats & kInputHalf) {
        halves.want(rows * (padded / 16) * sizeof(PairBlock));
        half_scales.want(rows * (padded / 32) * sizeof(float));
    }
}

PreparedRows PreparedBuffer::rows_of(std::int32_t cols) const {
    return {.floats = floats.get<float>(),
            .bytes = bytes.get<ByteBlock>(),
            .bfloats = bfloats.get<PairBlock>(),
            .halves = halves.get<PairBlock>(),
            .half_scales = half_scales.get<float>(),
            .padded = padded_columns(cols)};
}

} // namespace switchyard::cuda
