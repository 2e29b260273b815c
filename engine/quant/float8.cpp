#include "engine/quant/float8.h"

#include <array>
#include <bit>

namespace switchyard {

namespace {

constexpr float value_of(std::uint8_t bits) {
    const std::uint32_t sign = std::uint32_t{bits & 0x80u} << 24, magnitude = bits & 0x7fu;
    if (magnitude == 0x7f) {
        return std::bit_cast<float>(sign | 0x7fc00000u);
    }
    if (magnitude < 8) { // subnormal: multiples of 2^-9
        const float value = static_cast<float>(magnitude) * 0x1p-9f;
        return sign ? -value : value;
    }
    return std::bit_cast<float>(sign | ((magnitude << 20) + (120u << 23)));
}

constexpr std::array<float, 256> kValues = [] {
    std::array<float, 256> values{};
    for (unsigned i = 0; i < values.size(); ++i) {
        values[i] = value_of(static_cast<std::uint8_t>(i));
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
