// Random block matrices and their values, by the decoders that are held to the gguf package's bits.
#pragma once

#include "engine/quant/quant.h"
#include "kernels/cpu/half.h"
#include "kernels/cpu/kernels.h"

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace switchyard::test {

inline std::vector<BlockType> all_types() {
    std::vector<BlockType> types;
    for (int i = 0; i < kBlockTypes; ++i) {
        types.push_back(static_cast<BlockType>(i));
    }
    return types;
}
inline const std::vector<BlockType> kAllTypes = all_types();

/// Where a block keeps its half-precision scale and minimum; -1: nowhere.
struct HalfPlaces {
    int scale = -1, min = -1;
};
inline HalfPlaces half_places(BlockType type) {
    switch (type) {
    case BlockType::F16:
    case BlockType::Q8_0:
    case BlockType::Q4_0:
    case BlockType::Q5_0:
    case BlockType::IQ4_NL:
    case BlockType::IQ4_XS:
    case BlockType::IQ3_S:
    case BlockType::IQ3_XXS:
    case BlockType::IQ2_S:
    case BlockType::IQ2_XS:
    case BlockType::IQ2_XXS:
    case BlockType::IQ1_S:
        return {0, -1};
    case BlockType::Q4_1:
    case BlockType::Q5_1:
    case BlockType::Q4_K:
    case BlockType::Q5_K:
        return {0, 2};
    case BlockType::Q6_K:
        return {208, -1};
    case BlockType::Q3_K:
        return {108, -1};
    case BlockType::Q2_K:
        return {80, 82};
    case BlockType::TQ2_0:
        return {64, -1};
    case BlockType::TQ1_0:
        return {52, -1};
    default:
        return {};
    }
}

inline std::vector<cpu::Isa> available_isas() {
    std::vector<cpu::Isa> isas;
    for (const cpu::Isa isa : {cpu::Isa::Scalar, cpu::Isa::Avx2, cpu::Isa::Vnni}) {
        if (cpu::available(isa)) {
            isas.push_back(isa);
        }
    }
    return isas;
}

class Random {
  public:
    explicit Random(unsigned seed) : engine_(seed) {}
    float normal() { return normal_(engine_); }
    unsigned bits() { return engine_(); }
    std::vector<float> normals(std::size_t n) {
        std::vector<float> values(n);
        for (float& v : values) {
            v = normal();
        }
        return values;
    }

  private:
    std::mt19937 engine_;
    std::normal_distribution<float> normal_;
};

/// Blocks of random bits with scales of either sign that keep values near 1.
inline std::vector<std::byte> random_blocks(BlockType type, std::int64_t rows, std::int64_t cols,
                                            Random& random) {
    std::vector<std::byte> blocks(static_cast<std::size_t>(rows) * row_bytes(type, cols));
    for (std::byte& b : blocks) {
        b = static_cast<std::byte>(random.bits() & 255);
    }
    const auto size = static_cast<std::size_t>(traits(type).bytes);
    const HalfPlaces places = half_places(type);
    // Over the largest whole number that a value's parts make.
    const float range = traits(type).values == 1 ? 1.0f : traits(type).values == 256 ? 2000.0f : 50.0f;
    const auto put_half = [&](std::size_t at, float f) {
        const Half h = cpu::half_bits(f);
        std::memcpy(&blocks[at], &h, sizeof h);
    };
    for (std::size_t at = 0; at < blocks.size(); at += size) {
        if (places.scale >= 0) {
            put_half(at + static_cast<std::size_t>(places.scale), random.normal() / range);
        }
        if (places.min >= 0) {
            put_half(at + static_cast<std::size_t>(places.min), random.normal() / std::sqrt(range));
        }
        if (type == BlockType::F32 || type == BlockType::Q8_K || type == BlockType::FP8) {
            const float f = random.normal() / range;
            std::memcpy(&blocks[at], &f, sizeof f);
            for (std::size_t i = 4; type == BlockType::FP8 && i < size; ++i) {
                if ((blocks[at + i] & std::byte{0x7f}) == std::byte{0x7f}) { // a NaN
                    blocks[at + i] ^= std::byte{1};
                }
            }
        } else if (type == BlockType::BF16) { // an exponent near 0
            blocks[at + 1] = static_cast<std::byte>((random.bits() & 1) << 7 | 0x3f);
        } else if (type == BlockType::IQ1_M) { // its scale's top bits: an exponent of 2^-12 to 2^-9
            blocks[at + 55] = static_cast<std::byte>((random.bits() & 0x80) | 0x10 | (random.bits() & 0x0f));
        } else if (type == BlockType::MXFP4) {
            blocks[at] = static_cast<std::byte>(120 + random.bits() % 8);
        }
    }
    return blocks;
}

/// [rows][cols], as the file's blocks decode.
inline std::vector<float> block_values(BlockType type, const std::vector<std::byte>& blocks,
                                       std::int64_t rows, std::int64_t cols) {
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    for (std::int64_t r = 0; r < rows; ++r) {
        decode_row(type, blocks.data() + static_cast<std::size_t>(r) * row_bytes(type, cols),
                   {values.data() + r * cols, static_cast<std::size_t>(cols)});
    }
    return values;
}

inline std::vector<std::byte> packed(BlockType type, const std::vector<std::byte>& blocks, std::int64_t rows,
                                     std::int64_t cols) {
    std::vector<std::byte> out(cpu::packed_bytes(type, rows, cols));
    cpu::pack_panels(type, rows, cols, blocks.data(), out.data(), 0, cpu::panels(rows));
    return out;
}

/// Equal bit for bit.
inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

} // namespace switchyard::test
