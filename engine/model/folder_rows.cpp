#include "engine/model/folder_rows.h"

#include "engine/base/work_gate.h"
#include "engine/quant/float8.h"
#include "engine/quant/quant.h"

#include <cstring>
#include <vector>

namespace switchyard {

namespace {

void transpose_values(const std::byte* in, std::int64_t rows, std::int64_t cols, std::size_t size,
                      std::byte* out) {
    for (std::int64_t c = 0; c < cols; ++c) {
        pause_point();
        for (std::int64_t r = 0; r < rows; ++r, out += size) {
            std::memcpy(out, in + static_cast<std::size_t>(r * cols + c) * size, size);
        }
    }
}

void transpose_to_floats(const std::byte* in, std::int64_t rows, std::int64_t cols, float* out) {
    std::vector<float> row(static_cast<std::size_t>(cols));
    for (std::int64_t r = 0; r < rows; ++r) {
        pause_point();
        decode_row(BlockType::FP8, in + static_cast<std::size_t>(r) * row_bytes(BlockType::FP8, cols), row);
        for (std::int64_t c = 0; c < cols; ++c) {
            out[c * rows + r] = row[static_cast<std::size_t>(c)];
        }
    }
}

void transpose_f8(const BlockFP8* in, std::int64_t rows, std::int64_t cols, BlockFP8* out) {
    for (std::int64_t c = 0; c < cols; ++c) {
        pause_point();
        for (std::int64_t r = 0; r < rows; r += 64, ++out) {
            out->scale = in[(r * cols + c) / 64].scale;
            for (std::int64_t i = 0; i < 64; ++i) {
                out->q[i] = in[((r + i) * cols + c) / 64].q[c % 64];
            }
        }
    }
}

} // namespace

std::size_t value_count(std::span<const std::int64_t> shape) {
    std::size_t count = 1;
    for (const std::int64_t extent : shape) {
        count *= static_cast<std::size_t>(extent);
    }
    return count;
}

void make_f8_rows(BlockType type, const std::byte* codes, const std::byte* scales, std::int64_t cols,
                  std::int64_t first, std::int64_t count, std::byte* out) {
    std::vector<float> row_scales(static_cast<std::size_t>((cols + kFloat8Block - 1) / kFloat8Block));
    const std::size_t scale_bytes = row_scales.size() * sizeof(float);
    for (std::int64_t r = first; r < first + count; ++r, out += row_bytes(type, cols)) {
        pause_point();
        const std::byte* row = codes + r * cols;
        std::memcpy(row_scales.data(), scales + static_cast<std::size_t>(r / kFloat8Block) * scale_bytes,
                    scale_bytes);
        if (type == BlockType::FP8) {
            pack_f8_row(row, row_scales.data(), cols, reinterpret_cast<BlockFP8*>(out));
        } else {
            decode_f8_row(row, row_scales.data(),
                          {reinterpret_cast<float*>(out), static_cast<std::size_t>(cols)});
        }
    }
}

void interleave_rows(const std::byte* in, std::int64_t rows, std::int64_t dim, std::size_t stride,
                     std::byte* out) {
    for (std::int64_t r = 0; r < rows; ++r) {
        pause_point();
        const std::int64_t head = r / dim, i = r % dim;
        const std::int64_t to = head * dim + i % (dim / 2) * 2 + i / (dim / 2);
        std::memcpy(out + static_cast<std::size_t>(to) * stride, in + static_cast<std::size_t>(r) * stride,
                    stride);
    }
}

void transpose(BlockType type, const std::byte* in, std::int64_t rows, std::int64_t cols, BlockType to,
               std::byte* out) {
    if (type != BlockType::FP8) {
        transpose_values(in, rows, cols, static_cast<std::size_t>(traits(type).bytes), out);
    } else if (to == BlockType::FP8) {
        transpose_f8(reinterpret_cast<const BlockFP8*>(in), rows, cols, reinterpret_cast<BlockFP8*>(out));
    } else {
        transpose_to_floats(in, rows, cols, reinterpret_cast<float*>(out));
    }
}

} // namespace switchyard
