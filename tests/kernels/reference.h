// Random block matrices and their values, decoded in the plainest way from the format's description.
#pragma once

#include "kernels/blocks.h"
#include "kernels/cpu/half.h"
#include "kernels/cpu/kernels.h"

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace switchyard::test {

/// Those that can be packed.
inline constexpr BlockType kAllTypes[] = {BlockType::F32,  BlockType::F16,  BlockType::BF16, BlockType::Q8_0,
                                          BlockType::Q4_0, BlockType::Q4_1, BlockType::Q5_0, BlockType::Q5_1,
                                          BlockType::Q4_K, BlockType::Q6_K};

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
    const std::size_t size = static_cast<std::size_t>(rows) * row_bytes(type, cols);
    std::vector<std::byte> blocks(size);
    for (std::byte& b : blocks) {
        b = static_cast<std::byte>(random.bits() & 255);
    }
    const auto put_half = [&](std::size_t at, float f) {
        const Half h = cpu::half_bits(f);
        std::memcpy(&blocks[at], &h, sizeof h);
    };
    const auto block = static_cast<std::size_t>(traits(type).bytes);
    for (std::size_t at = 0; at < size; at += block) {
        switch (type) {
        case BlockType::F32: {
            const float f = random.normal();
            std::memcpy(&blocks[at], &f, sizeof f);
            break;
        }
        case BlockType::F16:
            put_half(at, random.normal());
            break;
        case BlockType::BF16:
            blocks[at + 1] = static_cast<std::byte>((random.bits() & 1) << 7 | 0x3f); // exponent near 0
            break;
        case BlockType::Q8_0:
            put_half(at, random.normal() / 100);
            break;
        case BlockType::Q4_0:
        case BlockType::Q5_0:
            put_half(at, random.normal() / 10);
            break;
        case BlockType::Q4_1:
        case BlockType::Q5_1:
            put_half(at, random.normal() / 10);
            put_half(at + 2, random.normal());
            break;
        case BlockType::Q4_K:
            put_half(at, random.normal() / 300);
            put_half(at + 2, random.normal() / 30);
            break;
        case BlockType::Q6_K:
            put_half(at + 208, random.normal() / 2000);
            break;
        default: // has no panels
            break;
        }
    }
    return blocks;
}

/// Value `k` of a row of blocks.
inline float block_value(BlockType type, const std::byte* row, std::int64_t k) {
    const auto values = static_cast<std::int64_t>(traits(type).values);
    const auto* b = reinterpret_cast<const std::uint8_t*>(row) + k / values * traits(type).bytes;
    const int i = static_cast<int>(k % values);
    const auto half = [&](int at) { return cpu::half_value(static_cast<Half>(b[at] | b[at + 1] << 8)); };
    const auto nibble = [&](int at) { return i < 16 ? b[at + i] & 15 : b[at + i - 16] >> 4; };
    const auto bit = [&](int at) { return (b[at + i / 8] >> (i % 8) & 1) << 4; };
    switch (type) {
    case BlockType::F32: {
        float f;
        std::memcpy(&f, b, sizeof f);
        return f;
    }
    case BlockType::F16:
        return half(0);
    case BlockType::BF16:
        return cpu::bf16_value(static_cast<std::uint16_t>(b[0] | b[1] << 8));
    case BlockType::Q8_0:
        return half(0) * static_cast<float>(static_cast<std::int8_t>(b[2 + i]));
    case BlockType::Q4_0:
        return half(0) * static_cast<float>(nibble(2) - 8);
    case BlockType::Q4_1:
        return half(0) * static_cast<float>(nibble(4)) + half(2);
    case BlockType::Q5_0:
        return half(0) * static_cast<float>((nibble(6) | bit(2)) - 16);
    case BlockType::Q5_1:
        return half(0) * static_cast<float>(nibble(8) | bit(4)) + half(2);
    case BlockType::Q4_K: {
        const int sub = i / 32;
        const std::uint8_t* s = b + 4;
        const int scale = sub < 4 ? s[sub] & 63 : (s[sub + 4] & 15) | (s[sub - 4] >> 6 << 4);
        const int min = sub < 4 ? s[sub + 4] & 63 : (s[sub + 4] >> 4) | (s[sub] >> 6 << 4);
        const int byte = b[16 + sub / 2 * 32 + i % 32];
        const int q = sub % 2 == 0 ? byte & 15 : byte >> 4;
        return half(0) * static_cast<float>(scale) * static_cast<float>(q) -
               half(2) * static_cast<float>(min);
    }
    case BlockType::Q6_K: {
        const int n = i / 128, l = i % 128;
        const int low_byte = b[64 * n + l % 64], low = l < 64 ? low_byte & 15 : low_byte >> 4;
        const int high = b[128 + 32 * n + l % 32] >> (l / 32 * 2) & 3;
        const int scale = static_cast<std::int8_t>(b[192 + i / 16]);
        return half(208) * static_cast<float>(scale) * static_cast<float>((low | high << 4) - 32);
    }
    default: // has no panels
        return 0.0f;
    }
}

inline std::vector<float> block_values(BlockType type, const std::vector<std::byte>& blocks,
                                       std::int64_t rows, std::int64_t cols) {
    std::vector<float> values(static_cast<std::size_t>(rows * cols));
    for (std::int64_t r = 0; r < rows; ++r) {
        const std::byte* row = blocks.data() + static_cast<std::size_t>(r) * row_bytes(type, cols);
        for (std::int64_t k = 0; k < cols; ++k) {
            values[static_cast<std::size_t>(r * cols + k)] = block_value(type, row, k);
        }
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
