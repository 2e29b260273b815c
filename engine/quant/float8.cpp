#include "engine/quant/float8.h"

#include "engine/quant/decode_blocks.h"
#include "kernels/cpu/half.h"

#include <array>
#include <cstring>

namespace switchyard {

namespace {

constexpr std::array<float, 256> kValues = [] {
    std::array<float, 256> values{};
    for (unsigned i = 0; i < values.size(); ++i) {
        values[i] = cpu::e4m3_value(static_cast<std::uint8_t>(i));
    }
    return values;
}();

} // namespace

float f8_e4m3_to_float(std::uint8_t bits) { return kValues[bits]; }

void decode_f8_row(const std::byte* row, const float* scales, std::span<float> out) {
    for (std::size_t i = 0; i < out.size(); ++i) {
        out[i] = kValues[static_cast<std::uint8_t>(row[i])] * scales[i / kFloat8Block];
    }
}

void decode(const BlockFP8& b, float* out) {
    for (int i = 0; i < 64; ++i) {
        out[i] = kValues[b.q[i]] * b.scale;
    }
}

void pack_f8_row(const std::byte* row, const float* scales, std::int64_t cols, BlockFP8* out) {
    for (std::int64_t b = 0; b < cols / 64; ++b) {
        out[b].scale = scales[b * 64 / kFloat8Block];
        std::memcpy(out[b].q, row + b * 64, 64);
    }
}

void pack_mxfp4_row(const std::byte* values, const std::byte* exponents, std::int64_t cols, BlockMXFP4* out) {
    for (std::int64_t b = 0; b < cols / 32; ++b) {
        const std::byte* pairs = values + b * 16;
        const auto code = [&](int i) { return static_cast<unsigned>(pairs[i / 2]) >> (i % 2 * 4) & 15u; };
        out[b].e = static_cast<std::uint8_t>(exponents[b]);
        for (int i = 0; i < 16; ++i) {
            out[b].q[i] = static_cast<std::uint8_t>(code(i) | code(i + 16) << 4);
        }
    }
}

} // namespace switchyard
