// Packing file blocks to panels, and the plain way back.
#include "kernels/cpu/half.h"
#include "kernels/cpu/panel_blocks.h"

#include <array>
#include <cstring>

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
void pack_floats(const std::byte* const (&rows)[kPanelRows], std::int64_t cols, std::byte* out) {
    for (int r = 0; r < kPanelRows; ++r) {
        for (std::int64_t k = 0; k < cols; ++k) {
            std::byte* to = out + (k * kPanelRows + r) * kBytes;
            if (rows[r]) {
                std::memcpy(to, rows[r] + k * kBytes, kBytes);
            } else {
                std::memset(to, 0, kBytes);
            }
        }
    }
}

template <class Panel, int kSubs>
void decode_at(const std::byte* panel, std::int64_t block, int row, DecodedBlock& out) {
    decode(*(reinterpret_cast<const Panel*>(panel) + block / kSubs), static_cast<int>(block % kSubs), row,
           out);
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

/// By BlockType; empty for types without panels.
constexpr auto kPanelTypes = [] {
    std::array<PanelType, kBlockTypes> types{};
    const auto set = [&](BlockType type, PanelType t) { types[static_cast<std::size_t>(type)] = t; };
    set(BlockType::F32, {{1, 4 * kPanelRows}, pack_floats<4>, nullptr});
    set(BlockType::F16, {{1, 2 * kPanelRows}, pack_floats<2>, nullptr});
    set(BlockType::BF16, {{1, 2 * kPanelRows}, pack_floats<2>, nullptr});
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
    return types;
}();

const PanelType& panel_type(BlockType type) { return kPanelTypes[static_cast<std::size_t>(type)]; }

} // namespace

bool has_panels(BlockType type) { return panel_type(type).pack != nullptr; }

PanelShape panel_shape(BlockType type) { return panel_type(type).shape; }

std::size_t panel_bytes(BlockType type, std::int64_t cols) {
    const PanelShape shape = panel_shape(type);
    return static_cast<std::size_t>(cols / shape.values) * static_cast<std::size_t>(shape.bytes);
}

ActivationFormat activation_format(BlockType weight) {
    return panel_type(weight).decode ? ActivationFormat::I16 : ActivationFormat::F32;
}

std::size_t activation_row_bytes(BlockType weight, std::int64_t cols) {
    return activation_format(weight) == ActivationFormat::I16
               ? i16_row_bytes(cols)
               : static_cast<std::size_t>(cols) * sizeof(float);
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
    out.halves = false;
    out.m[0] = out.m[1] = -0.0f; // adding it changes no value, not even the sign of a zero
    out.scale[0] = out.scale[1] = 1.0f;
    panel_type(type).decode(panel, block, row, out);
}

float decode_float(BlockType type, const std::byte* panel, std::int64_t k, int row) {
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

void unpack_row(const PackedMatrix& matrix, std::int64_t row, float* out) {
    const std::byte* panel =
        matrix.data + static_cast<std::size_t>(row / kPanelRows) * panel_bytes(matrix.type, matrix.cols);
    const int r = static_cast<int>(row % kPanelRows);
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
