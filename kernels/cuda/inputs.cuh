// Preparing inputs of products, as device functions: a kernel that has a row at hand writes it in the forms
// that the next product wants.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/input_kernels.h"

namespace switchyard::cuda {

/// The largest over 8 neighbouring lanes.
__device__ inline std::uint32_t max_of_eight(std::uint32_t x) {
    for (int distance = 1; distance < 8; distance *= 2)
        x = max(x, shuffle_xor(x, distance));
    return x;
}

/// The power of two that takes magnitudes of at most `largest` (a float's bits) into F16, as the exponent in
/// a float's bits: the largest comes to 2^14 .. 2^15, and what is not a number stays that.
__device__ inline std::int32_t half_exponent(std::uint32_t largest) {
    const auto exponent = static_cast<std::int32_t>(largest >> 23);
    return exponent == 255 || largest == 0 ? 127 : min(127 + 14 + 127 - exponent, 253);
}
__device__ inline float power_of_two(std::int32_t exponent) {
    return bits_float(static_cast<std::uint32_t>(exponent) << 23);
}

// Each of these writes 32 values by 8 neighbouring lanes: lane j of them (lane_index() % 8) gives values 4 j
// .. 4 j + 3 as `v`. All lanes of the warp take part; those of 8 that have nothing to write say so by
// `write`.

/// The integers and sums of the CPU's quantize_i16.
__device__ inline void write_byte_block(ByteBlock* out, const float (&v)[4], bool write) {
    const int j = lane_index() % 8;
    std::uint32_t largest = 0; // compared as integers, a NaN is the largest of all
    for (const float x : v)
        largest = max(largest, float_bits(x) & 0x7fffffffu);
    largest = max_of_eight(largest);
    float scale = bits_float(largest) / 32767.0f;
    const bool rounds = largest < 0x7f800000u && scale >= 1e-36f; // else its inverse would overflow
    if (!rounds)
        scale = largest >= 0x7f800000u ? bits_float(0x7fc00000u) : 0.0f;
    const float inverse = rounds ? 1.0f / scale : 0.0f;
    std::uint32_t high = 0, low = 0;
    std::int32_t sum = 0;
    for (int i = 0; i < 4; ++i) {
        const std::int32_t q = rounds ? round_to_int(multiply_rounded(v[i], inverse)) : 0;
        high |= (static_cast<std::uint32_t>(q) >> 8 & 0xffu) << (8 * i);
        low |= (static_cast<std::uint32_t>(q) & 0xffu) << (8 * i);
        sum += q;
    }
    sum += shuffle_xor(sum, 1);
    sum += shuffle_xor(sum, 2);
    const std::int32_t of_half = sum;
    sum += shuffle_xor(sum, 4);
    if (!write)
        return;
    auto* words = reinterpret_cast<std::uint32_t*>(out->bytes);
    words[j % 4 * 4 + j / 4] = high;
    words[j % 4 * 4 + 2 + j / 4] = low;
    if (j == 0) {
        out->scale = scale;
        out->sum = multiply_rounded(scale, static_cast<float>(sum));
        out->integers = sum;
        out->integers_low = of_half;
    }
}

/// Where value i of 16 stands in a PairBlock; its second part 4 further on.
__device__ constexpr int pair_place(int i) { return i % 8 / 2 * 8 + i / 8 * 2 + i % 2; }

__device__ inline void write_bfloat_pairs(PairBlock* out, const float (&v)[4]) {
    const int j = lane_index() % 8;
    for (int i = 0; i < 4; ++i) {
        const std::uint16_t first = float_to_bfloat(v[i]);
        const int at = pair_place((4 * j + i) % 16);
        out[j / 4].values[at] = first;
        out[j / 4].values[at + 4] = float_to_bfloat(add_rounded(v[i], -bfloat_to_float(first)));
    }
}

/// `scale` gets the power of two that takes the pairs back to the values.
__device__ inline void write_half_pairs(PairBlock* out, float* scale, const float (&v)[4], bool write) {
    const int j = lane_index() % 8;
    std::uint32_t largest = 0;
    for (const float x : v)
        largest = max(largest, float_bits(x) & 0x7fffffffu);
    largest = max_of_eight(largest);
    const std::int32_t up = half_exponent(largest);
    const float factor = power_of_two(up);
    if (!write)
        return;
    for (int i = 0; i < 4; ++i) {
        const float x = multiply_rounded(v[i], factor);
        const std::uint16_t first = float_to_half(x);
        const int at = pair_place((4 * j + i) % 16);
        out[j / 4].values[at] = first;
        out[j / 4].values[at + 4] = float_to_half(add_rounded(x, -half_to_float(first)));
    }
    if (j == 0)
        *scale = power_of_two(254 - up);
}

/// Columns [32 block, 32 block + 32) of prepared row `row`, in all forms of `formats` (the same in every lane
/// of the warp).
__device__ inline void write_prepared(const PreparedRows& out, std::uint32_t formats, std::int64_t row,
                                      int block, const float (&v)[4], bool write) {
    const std::int64_t blocks = row * (out.padded / 32) + block;
    if ((formats & kInputBytes) != 0)
        write_byte_block(out.bytes + blocks, v, write);
    if ((formats & kInputHalf) != 0)
        write_half_pairs(out.halves + 2 * blocks, out.half_scales + blocks, v, write);
    if ((formats & kInputBfloat) != 0 && write)
        write_bfloat_pairs(out.bfloats + 2 * blocks, v);
    if ((formats & kInputF32) != 0 && write)
        *reinterpret_cast<float4*>(out.floats + 32 * blocks + lane_index() % 8 * 4) = {v[0], v[1], v[2],
                                                                                       v[3]};
}

// ---- Whole rows, by a block of kInputThreads

/// A row's values in fours; zeros behind its end.
struct RowSource {
    const float* values;
    const float* gain; ///< null: no norm
    float factor;      ///< of the norm
    int width;
    bool aligned; ///< fours may be read as such

    __device__ RowSource(const float* from, const float* gain_values, int row_width)
        : values(from), gain(gain_values), factor(1.0f), width(row_width),
          aligned(row_width % 4 == 0 && reinterpret_cast<std::uintptr_t>(from) % 16 == 0) {}

    __device__ void raw(int first, float (&v)[4]) const {
        if (aligned && first < width) {
            const float4 four = *reinterpret_cast<const float4*>(values + first);
            v[0] = four.x, v[1] = four.y, v[2] = four.z, v[3] = four.w;
            return;
        }
        for (int i = 0; i < 4; ++i)
            v[i] = first + i < width ? values[first + i] : 0.0f;
    }
    __device__ void read(int first, float (&v)[4]) const {
        raw(first, v);
        if (gain)
            for (int i = 0; i < 4; ++i)
                v[i] = first + i < width ? multiply_rounded(multiply_rounded(v[i], factor), gain[first + i])
                                         : 0.0f;
    }
};

/// The sum over the block's threads, in a fixed order, in every thread. Meets the block twice.
__device__ inline float block_sum(float x, InputShared& shared) {
    x = warp_sum(x);
    sync_block();
    if (lane_index() == 0)
        shared.of_warp[warp_index()] = x;
    sync_block();
    float sum = 0.0f;
    for (const float of_warp : shared.of_warp)
        sum = add_rounded(sum, of_warp);
    return sum;
}

/// The largest over the block's threads, in every thread. Meets the block twice.
__device__ inline std::uint32_t block_max(std::uint32_t x, InputShared& shared) {
    x = max_of_lanes(x);
    sync_block();
    if (lane_index() == 0)
        shared.of_warp[warp_index()] = bits_float(x);
    sync_block();
    for (int w = 0; w < static_cast<int>(blockDim.x) / kWarpLanes; ++w)
        x = max(x, float_bits(shared.of_warp[w]));
    return x;
}

/// 1 / sqrt(mean of squares + epsilon) becomes the source's factor.
__device__ inline void find_rms(RowSource& source, float epsilon, InputShared& shared) {
    float squares = 0.0f;
    for (int first = 4 * static_cast<int>(threadIdx.x); first < source.width; first += 4 * kInputThreads) {
        float v[4];
        source.raw(first, v);
        for (const float x : v)
            squares = fmaf(x, x, squares);
    }
    const float mean = block_sum(squares, shared) / static_cast<float>(source.width);
    source.factor = 1.0f / sqrtf(add_rounded(mean, epsilon));
}

/// A row that something multiplies, behind its norm.
struct WeighedRow {
    const RowSource& row;
    float weight;

    __device__ void read(int first, float (&v)[4]) const {
        row.read(first, v);
        for (float& x : v)
            x = multiply_rounded(x, weight);
    }
};

/// All of a prepared row.
template <class Source>
__device__ inline void write_prepared_row(const Source& source, const PreparedRows& out,
                                          std::uint32_t formats, std::int64_t row) {
    for (int step = 0; step < out.padded; step += 4 * kInputThreads) { // the same for all lanes of a warp
        const int first = step + 4 * static_cast<int>(threadIdx.x);
        float v[4];
        source.read(first, v);
        write_prepared(out, formats, row, first / 32, v, first < out.padded);
    }
}

} // namespace switchyard::cuda
