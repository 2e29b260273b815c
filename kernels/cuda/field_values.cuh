// Values of a block's fields and of plain types, with the bits that the CPU's decoders and encoders give.
#pragma once

#include "kernels/block_fields.h"
#include "kernels/cuda/device_code.h"
#include "kernels/cuda/tile_values.cuh"
#include "kernels/file_fields.h"

namespace switchyard::cuda {

// What is not a number keeps its digits, as far as there is room for them.
__device__ inline float half_of_file(std::uint16_t bits) {
    const std::uint32_t magnitude = bits & 0x7fffu;
    if (magnitude > 0x7c00u)
        return bits_float((bits & 0x8000u) << 16 | 0x7f800000u | (magnitude & 0x3ffu) << 13);
    return half_to_float(bits);
}
__device__ inline std::uint16_t half_for_file(float x) {
    const std::uint32_t bits = float_bits(x), magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return static_cast<std::uint16_t>((bits >> 16 & 0x8000u) | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    return float_to_half(x);
}
__device__ inline std::uint16_t bfloat_for_file(float x) {
    const std::uint32_t bits = float_bits(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
    return float_to_bfloat(x);
}

/// As traits() has them, of types with fields.
__device__ inline int columns_of_block(BlockType type) {
    const int columns = tile_group(type).columns;
    return columns == 256 || type == BlockType::FP8 ? columns : 32;
}

/// Column `c` of a packed type.
__device__ inline float field_value(BlockType type, const BlockFields& f, int c) {
    const int code = f.codes[c];
    const auto times = [](float scale, int q) { return multiply_rounded(scale, static_cast<float>(q)); };
    const auto minus = [](float x, float y) { return add_rounded(x, -y); };
    const float d = half_to_float(f.d[columns_of_block(type) == 32 ? c / 32 : 0]);
    switch (type) {
    case BlockType::Q8_0:
        return times(d, static_cast<std::int8_t>(code));
    case BlockType::FP8: {
        const std::uint32_t sign = (code & 0x80u) << 24;
        return (code & 0x7f) == 0x7f ? bits_float(sign | 0x7fc00000u)
                                     : multiply_rounded(e4m3_to_float(f.codes[c]), f.wide[c / 64]);
    }
    case BlockType::Q4_0:
        return times(d, code - 8);
    case BlockType::Q5_0:
        return times(d, code - 16);
    case BlockType::Q4_1:
    case BlockType::Q5_1:
        return add_rounded(times(d, code), half_to_float(f.m[c / 32]));
    case BlockType::IQ4_NL:
        return times(d, TileRowReader::level_iq4(code));
    case BlockType::MXFP4:
        return times(TileRowReader::mxfp4_scale_of(f.scales[c / 32]), TileRowReader::level_e2m1(code));
    case BlockType::Q4_K:
    case BlockType::Q5_K:
        return minus(times(times(d, f.scales[c / 32]), code), times(half_to_float(f.m[0]), f.mins[c / 32]));
    case BlockType::Q2_K:
        return minus(times(times(d, f.scales[c / 16]), code), times(half_to_float(f.m[0]), f.mins[c / 16]));
    case BlockType::Q6_K:
        return times(times(d, static_cast<std::int8_t>(f.scales[c / 16])), code - 32);
    case BlockType::Q3_K:
        return times(times(d, f.scales[c / 16] - 32), code - 4);
    default: // IQ4_XS
        return times(times(d, f.scales[c / 32] - 32), TileRowReader::level_iq4(code));
    }
}

} // namespace switchyard::cuda
