// Packing file blocks to panels, and the plain way back.
#include "kernels/cpu/half.h"
#include "kernels/cpu/panel_blocks.h"
#include "kernels/cpu/streamed.h"

#include <algorithm>
#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace switchyard::cpu {
namespace {

/// Packs one panel; `rows` null where the matrix has ended.
template <class Block, class Panel>
void pack_quantized(const std::byte* const (&rows)[kPanelRows], std::int64_t blocks, std::byte* out) {
    static constexpr Block kZero{};
    auto* panel = reinterpret_cast<Panel*>(out);
    for (std::int64_t b = 0; b < blocks; ++b, ++panel) {
        for (int r = 0; r < kPanelRows; ++r) {
            pack(rows[r] ? reinterpret_cast<const Block*>(rows[r])[b] : kZero, r, *panel);
        }
    }
}

template <int kBytes>
void pack_columns(const std::byte* const (&rows)[kPanelRows], std::int64_t first, std::int64_t last,
                  std::byte* out) {
    for (int r = 0; r < kPanelRows; ++r) {
        for (std::int64_t k = first; k < last; ++k) {
            std::byte* to = out + (k * kPanelRows + r) * kBytes;
            if (rows[r]) {
                std::memcpy(to, rows[r] + k * kBytes, kBytes);
            } else {
                std::memset(to, 0, kBytes);
            }
        }
    }
}

#if defined(__x86_64__)
/// Columns [8 i, 8 i + 8) of eight rows of 16-bit values: rows i and i + 4 are dealt out in turn three times.
inline void pack_eight_halves(const std::byte* const (&rows)[kPanelRows], std::int64_t i, std::byte* out) {
    __m128i a[8], b[8];
#pragma GCC unroll 8
    for (int r = 0; r < 8; ++r) {
        a[r] = rows[r] ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(rows[r]) + i) : _mm_setzero_si128();
    }
    const auto deal = [](const __m128i(&from)[8], __m128i(&to)[8]) __attribute__((always_inline)) {
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k) {
            to[2 * k] = _mm_unpacklo_epi16(from[k], from[k + 4]);
            to[2 * k + 1] = _mm_unpackhi_epi16(from[k], from[k + 4]);
        }
    };
    deal(a, b);
    deal(b, a);
    deal(a, b);
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out) + 8 * i + k, b[k]);
    }
}
#endif

template <int kBytes>
void pack_floats(const std::byte* const (&rows)[kPanelRows], std::int64_t cols, std::byte* out) {
    std::int64_t packed = 0;
#if defined(__x86_64__)
    if constexpr (kBytes == 2) {
        for (; packed + 8 <= cols; packed += 8) {
            pack_eight_halves(rows, packed / 8, out);
        }
    }
#endif
    pack_columns<kBytes>(rows, packed, cols, out);
}

template <class Panel, int kSubs>
void decode_at(const std::byte* panel, std::int64_t block, int row, DecodedBlock& out) {
    decode(*(reinterpret_cast<const Panel*>(panel) + block / kSubs), static_cast<int>(block % kSubs), row,
           out);
}

/// The file's blocks, copied: row after row.
template <class Block>
void pack_rows(const std::byte* const (&rows)[kPanelRows], std::int64_t blocks, std::byte* out) {
    const std::size_t size = static_cast<std::size_t>(blocks) * sizeof(Block);
    for (int r = 0; r < kPanelRows; ++r, out += size) {
        if (rows[r]) {
            std::memcpy(out, rows[r], size);
        } else {
            std::memset(out, 0, size);
        }
    }
}

/// `blocks` is a row of the file.
template <class Block, BlockType kType>
void decode_streamed(const std::byte* blocks, std::int64_t block, int, DecodedBlock& out) {
    const int sub = static_cast<int>(block % 8);
    std::int8_t q[32];
    StreamedScales scales;
    streamed_columns(kType)(blocks + block / 8 * static_cast<std::int64_t>(sizeof(Block)), sub, q, scales);
    out.d = scales.d;
    out.halves = out.whole = true;
    out.scale[0] = scales.scale[2 * sub];
    out.scale[1] = scales.scale[2 * sub + 1];
    std::copy(std::begin(q), std::end(q), out.q);
}

/// What a block type needs of this file.
struct PanelType {
    PanelShape shape;
    void (*pack)(const std::byte* const (&rows)[kPanelRows], std::int64_t blocks, std::byte* out);
    void (*decode)(const std::byte* panel, std::int64_t block, int row, DecodedBlock& out); ///< null: floats
};

template <class Block, class Panel>
constexpr PanelType packed_type(int values) {
    if (values == 32) {
        return {{32, sizeof(Panel)}, pack_quantized<Block, Panel>, decode_at<Panel, 1>};
    }
    return {{256, sizeof(Panel)}, pack_quantized<Block, Panel>, decode_at<Panel, 8>};
}

template <class Block, BlockType kType>
constexpr PanelType streamed_type() {
    return {{256, kPanelRows * sizeof(Block)}, pack_rows<Block>, decode_streamed<Block, kType>};
}

/// By BlockType.
constexpr auto kPanelTypes = [] {
    std::array<PanelType, kBlockTypes> types{};
    const auto set = [&](BlockType type, PanelType t) { types[static_cast<std::size_t>(type)] = t; };
    set(BlockType::F32, {{1, 4 * kPanelRows}, pack_floats<4>, nullptr});
    set(BlockType::F16, {{1, 2 * kPanelRows}, pack_floats<2>, nullptr});
    set(BlockType::BF16, {{1, 2 * kPanelRows}, pack_floats<2>, nullptr});
    set(BlockType::FP8, {{64, sizeof(PanelFP8)}, pack_quantized<BlockFP8, PanelFP8>, nullptr});
    set(BlockType::Q8_0, packed_type<BlockQ8_0, PanelQ8_0>(32));
    set(BlockType::Q4_0, packed_type<BlockQ4_0, PanelQ4_0>(32));
    set(BlockType::Q4_1, packed_type<BlockQ4_1, PanelQ4_1>(32));
    set(BlockType::Q5_0, packed_type<BlockQ5_0, PanelQ5_0>(32));
    set(BlockType::Q5_1, packed_type<BlockQ5_1, PanelQ5_1>(32));
    set(BlockType::IQ4_NL, packed_type<BlockIQ4_NL, PanelIQ4_NL>(32));
    set(BlockType::MXFP4, packed_type<BlockMXFP4, PanelMXFP4>(32));
    set(BlockType::Q4_K, packed_type<BlockQ4_K, PanelQ4_K>(256));
    set(BlockType::Q5_K, packed_type<BlockQ5_K, PanelQ5_K>(256));
    set(BlockType::Q6_K, packed_type<BlockQ6_K, PanelQ6_K>(256));
    set(BlockType::Q3_K, packed_type<BlockQ3_K, PanelQ3_K>(256));
    set(BlockType::Q2_K, packed_type<BlockQ2_K, PanelQ2_K>(256));
    set(BlockType::IQ4_XS, packed_type<BlockIQ4_XS, PanelIQ4_XS>(256));
    set(BlockType::IQ3_S, streamed_type<BlockIQ3_S, BlockType::IQ3_S>());
    set(BlockType::IQ3_XXS, streamed_type<BlockIQ3_XXS, BlockType::IQ3_XXS>());
    set(BlockType::IQ2_S, streamed_type<BlockIQ2_S, BlockType::IQ2_S>());
    set(BlockType::IQ2_XS, streamed_type<BlockIQ2_XS, BlockType::IQ2_XS>());
    set(BlockType::IQ2_XXS, streamed_type<BlockIQ2_XXS, BlockType::IQ2_XXS>());
    set(BlockType::IQ1_M, streamed_type<BlockIQ1_M, BlockType::IQ1_M>());
    set(BlockType::IQ1_S, streamed_type<BlockIQ1_S, BlockType::IQ1_S>());
    set(BlockType::TQ2_0, streamed_type<BlockTQ2_0, BlockType::TQ2_0>());
    set(BlockType::TQ1_0, streamed_type<BlockTQ1_0, BlockType::TQ1_0>());
    set(BlockType::Q8_K, streamed_type<BlockQ8_K, BlockType::Q8_K>());
    return types;
}();

const PanelType& panel_type(BlockType type) { return kPanelTypes[static_cast<std::size_t>(type)]; }

} // namespace

PanelShape panel_shape(BlockType type) { return panel_type(type).shape; }

std::size_t panel_bytes(BlockType type, std::int64_t cols) {
    const PanelShape shape = panel_shape(type);
    return static_cast<std::size_t>(cols / shape.values) * static_cast<std::size_t>(shape.bytes);
}

ActivationFormat activation_format(BlockType weight, int bits) {
    if (!panel_type(weight).decode) {
        return ActivationFormat::F32;
    }
    return bits == 8 ? ActivationFormat::I8 : ActivationFormat::I16;
}

std::size_t activation_row_bytes(BlockType weight, std::int64_t cols, int bits) {
    switch (activation_format(weight, bits)) {
    case ActivationFormat::I16:
        return i16_row_bytes(cols);
    case ActivationFormat::I8:
        return i8_row_bytes(cols);
    case ActivationFormat::F32:
        break;
    }
    return static_cast<std::size_t>(cols) * sizeof(float);
}

std::size_t packed_bytes(BlockType type, std::int64_t rows, std::int64_t cols) {
    return static_cast<std::size_t>(panels(rows)) * panel_bytes(type, cols);
}

void pack_panels(BlockType type, std::int64_t rows, std::int64_t cols, const std::byte* blocks,
                 std::byte* out, std::int64_t first_panel, std::int64_t last_panel) {
    const std::size_t row_size = row_bytes(type, cols);
    const std::size_t panel_size = panel_bytes(type, cols);
    for (std::int64_t p = first_panel; p < last_panel; ++p) {
        const std::byte* at[kPanelRows];
        for (int r = 0; r < kPanelRows; ++r) {
            const std::int64_t row = p * kPanelRows + r;
            at[r] = row < rows ? blocks + static_cast<std::size_t>(row) * row_size : nullptr;
        }
        panel_type(type).pack(at, cols / panel_shape(type).values,
                              out + static_cast<std::size_t>(p) * panel_size);
    }
}

void decode_block(BlockType type, const std::byte* panel, std::int64_t block, int row, DecodedBlock& out) {
    out.halves = out.whole = false;
    out.m[0] = out.m[1] = -0.0f; // adding it changes no value, not even the sign of a zero
    out.scale[0] = out.scale[1] = 1.0f;
    panel_type(type).decode(panel, block, row, out);
}

float decode_float(BlockType type, const std::byte* panel, std::int64_t k, int row) {
    if (type == BlockType::FP8) {
        const PanelFP8& p = reinterpret_cast<const PanelFP8*>(panel)[k / 64];
        return e4m3_value(p.q[k % 64][row]) * p.scale[row];
    }
    const std::byte* at = panel + (k * kPanelRows + row) * (type == BlockType::F32 ? 4 : 2);
    if (type == BlockType::F32) {
        float value;
        std::memcpy(&value, at, sizeof value);
        return value;
    }
    std::uint16_t bits;
    std::memcpy(&bits, at, sizeof bits);
    return type == BlockType::F16 ? half_value(bits) : bf16_value(bits);
}

PanelRow panel_row(const PackedMatrix& m, std::int64_t row) {
    if (streamed(m.type)) {
        return {m.data + static_cast<std::size_t>(row) * row_bytes(m.type, m.cols), 0};
    }
    return {m.data + static_cast<std::size_t>(row / kPanelRows) * panel_bytes(m.type, m.cols),
            static_cast<int>(row % kPanelRows)};
}

void unpack_row(const PackedMatrix& matrix, std::int64_t row, float* out) {
    const auto [panel, r] = panel_row(matrix, row);
    if (activation_format(matrix.type) == ActivationFormat::F32) {
        for (std::int64_t k = 0; k < matrix.cols; ++k) {
            out[k] = decode_float(matrix.type, panel, k, r);
        }
        return;
    }
    DecodedBlock block;
    for (std::int64_t b = 0; b < matrix.cols / 32; ++b) {
        decode_block(matrix.type, panel, b, r, block);
        for (int i = 0; i < 32; ++i) {
            out[32 * b + i] = block.d * block.scale[i / 16] * static_cast<float>(block.q[i]) +
                              block.m[block.halves ? i / 16 : 0];
        }
    }
}

} // namespace switchyard::cpu
