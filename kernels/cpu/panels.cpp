// Packing file blocks to panels, and the plain way back.
#include "kernels/cpu/panels.h"

#include "kernels/cpu/half.h"

#include <cstring>

namespace switchyard::cpu {
namespace {

// ---- Packing. `rows` are the eight rows' blocks of the same columns.

template <class Block>
using Rows = const Block* const (&)[kPanelRows];

/// Where a file's nibbles are those of columns i and i + 16, groups move whole.
void pack_nibbles(const std::uint8_t* q, int row, PanelNibbles& out) {
    for (int v = 0; v < 4; ++v) {
        std::memcpy(out[v][row], q + 4 * v, 4);
    }
}

/// 32 values below 16 to nibbles.
void pack_values(const std::uint8_t* values, int row, PanelNibbles& out) {
    for (int v = 0; v < 4; ++v) {
        for (int j = 0; j < 4; ++j) {
            out[v][row][j] = static_cast<std::uint8_t>(values[4 * v + j] | values[16 + 4 * v + j] << 4);
        }
    }
}

void pack_fifth_bits(const std::uint8_t* qh, int row, std::uint8_t (&out)[kPanelRows][4]) {
    std::uint8_t bits[4] = {};
    for (int i = 0; i < 32; ++i) {
        bits[i % 4] |= static_cast<std::uint8_t>((qh[i / 8] >> (i % 8) & 1) << (i / 4));
    }
    std::memcpy(out[row], bits, 4);
}

void pack(Rows<BlockQ8_0> rows, PanelQ8_0& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        out.d[r] = rows[r]->d;
        for (int g = 0; g < 8; ++g) {
            std::memcpy(out.q[g][r], rows[r]->q + 4 * g, 4);
        }
    }
}

void pack(Rows<BlockQ4_0> rows, PanelQ4_0& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        out.d[r] = rows[r]->d;
        pack_nibbles(rows[r]->q, r, out.q);
    }
}

void pack(Rows<BlockQ4_1> rows, PanelQ4_1& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        out.d[r] = rows[r]->d;
        out.m[r] = rows[r]->m;
        pack_nibbles(rows[r]->q, r, out.q);
    }
}

void pack(Rows<BlockQ5_0> rows, PanelQ5_0& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        out.d[r] = rows[r]->d;
        pack_nibbles(rows[r]->q, r, out.q);
        pack_fifth_bits(rows[r]->qh, r, out.high);
    }
}

void pack(Rows<BlockQ5_1> rows, PanelQ5_1& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        out.d[r] = rows[r]->d;
        out.m[r] = rows[r]->m;
        pack_nibbles(rows[r]->q, r, out.q);
        pack_fifth_bits(rows[r]->qh, r, out.high);
    }
}

void pack(Rows<BlockQ4_K> rows, PanelQ4_K& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        const BlockQ4_K& block = *rows[r];
        const std::uint8_t* s = block.scales;
        out.d[r] = block.d;
        out.m[r] = block.dmin;
        for (int sub = 0; sub < 8; ++sub) {
            // Sub-blocks 0..3 have their 6 bits together; those of 4..7 are split over the bytes' upper bits.
            const int low = sub % 4;
            const int scale = sub < 4 ? s[low] & 63 : (s[8 + low] & 15) | (s[low] >> 6) << 4;
            const int min = sub < 4 ? s[4 + low] & 63 : s[8 + low] >> 4 | (s[4 + low] >> 6) << 4;
            out.sub[sub].scale[r] = static_cast<std::uint8_t>(scale);
            out.sub[sub].min[r] = static_cast<std::uint8_t>(min);
            std::uint8_t values[32];
            for (int i = 0; i < 32; ++i) { // 32 bytes hold two sub-blocks: low halves, then high halves
                values[i] = block.q[sub / 2 * 32 + i] >> (sub % 2 * 4) & 15;
            }
            pack_values(values, r, out.sub[sub].q);
        }
    }
}

void pack(Rows<BlockQ6_K> rows, PanelQ6_K& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        const BlockQ6_K& block = *rows[r];
        out.d[r] = block.d;
        for (int sub = 0; sub < 8; ++sub) {
            // 128 columns share 64 bytes of ql and 32 of qh: quarter n has its 4 bits in the low (0, 1) or
            // high (2, 3) halves of ql's bytes, and its 2 bits at 2 n of qh's.
            const int half = sub / 4, quarter = sub % 4;
            PanelQ6_K::Sub& to = out.sub[sub];
            std::uint8_t values[32], high[2][4] = {};
            for (int i = 0; i < 32; ++i) {
                values[i] = block.ql[half * 64 + quarter % 2 * 32 + i] >> (quarter / 2 * 4) & 15;
                const int bits = block.qh[half * 32 + i] >> (2 * quarter) & 3;
                high[i / 16][i % 4] |= static_cast<std::uint8_t>(bits << (i / 4 % 4 * 2));
            }
            pack_values(values, r, to.q);
            std::memcpy(to.high[0][r], high[0], 4);
            std::memcpy(to.high[1][r], high[1], 4);
            to.scale[0][r] = block.scales[2 * sub];
            to.scale[1][r] = block.scales[2 * sub + 1];
        }
    }
}

/// Packs one panel; `rows` null where the matrix has ended.
template <class Block, class Panel>
void pack_quantized(const std::byte* const (&rows)[kPanelRows], std::int64_t blocks, std::byte* out) {
    static constexpr Block kZero{};
    for (std::int64_t b = 0; b < blocks; ++b) {
        const Block* at[kPanelRows];
        for (int r = 0; r < kPanelRows; ++r) {
            at[r] = rows[r] ? reinterpret_cast<const Block*>(rows[r]) + b : &kZero;
        }
        pack(at, *(reinterpret_cast<Panel*>(out) + b));
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

// ---- Decoding

int nibble(const PanelNibbles& q, int row, int i) { return q[i / 4 % 4][row][i % 4] >> (i / 16 * 4) & 15; }

int fifth_bit(const std::uint8_t (&high)[kPanelRows][4], int row, int i) {
    return (high[row][i % 4] >> (i / 4) & 1) << 4;
}

void decode(const PanelQ8_0& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = p.q[i / 4][row][i % 4];
    }
}

void decode(const PanelQ4_0& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(p.q, row, i) - 8;
    }
}

void decode(const PanelQ4_1& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    out.m = half_value(p.m[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(p.q, row, i);
    }
}

void decode(const PanelQ5_0& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = (nibble(p.q, row, i) | fifth_bit(p.high, row, i)) - 16;
    }
}

void decode(const PanelQ5_1& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    out.m = half_value(p.m[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(p.q, row, i) | fifth_bit(p.high, row, i);
    }
}

void decode(const PanelQ4_K& p, int sub, int row, DecodedBlock& out) {
    const PanelQ4_K::Sub& s = p.sub[sub];
    out.d = half_value(p.d[row]) * static_cast<float>(s.scale[row]);
    out.m = half_value(p.m[row]) * -static_cast<float>(s.min[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(s.q, row, i);
    }
}

void decode(const PanelQ6_K& p, int sub, int row, DecodedBlock& out) {
    const PanelQ6_K::Sub& s = p.sub[sub];
    out.d = half_value(p.d[row]);
    out.halves = true;
    out.scale[0] = s.scale[0][row];
    out.scale[1] = s.scale[1][row];
    for (int i = 0; i < 32; ++i) {
        const int high = s.high[i / 16][row][i % 4] >> (i / 4 % 4 * 2) & 3;
        out.q[i] = (nibble(s.q, row, i) | high << 4) - 32;
    }
}

template <class Panel, int kSubs>
void decode_at(const std::byte* panel, std::int64_t block, int row, DecodedBlock& out) {
    decode(*(reinterpret_cast<const Panel*>(panel) + block / kSubs), static_cast<int>(block % kSubs), row,
           out);
}

/// What a block type needs of this file; one row a type.
struct PanelType {
    PanelShape shape;
    void (*pack)(const std::byte* const (&rows)[kPanelRows], std::int64_t blocks, std::byte* out);
    void (*decode)(const std::byte* panel, std::int64_t block, int row, DecodedBlock& out); ///< null: floats
};

const PanelType& panel_type(BlockType type) {
    static constexpr PanelType kTypes[kBlockTypes] = {
        /* F32  */ {{1, 4 * kPanelRows}, pack_floats<4>, nullptr},
        /* F16  */ {{1, 2 * kPanelRows}, pack_floats<2>, nullptr},
        /* BF16 */ {{1, 2 * kPanelRows}, pack_floats<2>, nullptr},
        /* Q8_0 */ {{32, sizeof(PanelQ8_0)}, pack_quantized<BlockQ8_0, PanelQ8_0>, decode_at<PanelQ8_0, 1>},
        /* Q4_0 */ {{32, sizeof(PanelQ4_0)}, pack_quantized<BlockQ4_0, PanelQ4_0>, decode_at<PanelQ4_0, 1>},
        /* Q4_1 */ {{32, sizeof(PanelQ4_1)}, pack_quantized<BlockQ4_1, PanelQ4_1>, decode_at<PanelQ4_1, 1>},
        /* Q5_0 */ {{32, sizeof(PanelQ5_0)}, pack_quantized<BlockQ5_0, PanelQ5_0>, decode_at<PanelQ5_0, 1>},
        /* Q5_1 */ {{32, sizeof(PanelQ5_1)}, pack_quantized<BlockQ5_1, PanelQ5_1>, decode_at<PanelQ5_1, 1>},
        /* Q4_K */ {{256, sizeof(PanelQ4_K)}, pack_quantized<BlockQ4_K, PanelQ4_K>, decode_at<PanelQ4_K, 8>},
        /* Q6_K */ {{256, sizeof(PanelQ6_K)}, pack_quantized<BlockQ6_K, PanelQ6_K>, decode_at<PanelQ6_K, 8>},
    };
    return kTypes[static_cast<int>(type)];
}

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
    out.m = -0.0f; // adding it changes no value, not even the sign of a zero
    out.halves = false;
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
            out[32 * b + i] = block.d * block.scale[i / 16] * static_cast<float>(block.q[i]) + block.m;
        }
    }
}

} // namespace switchyard::cpu
