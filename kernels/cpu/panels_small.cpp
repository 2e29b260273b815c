// Packing blocks of 32 or 64 values into panels, and the plain way back.
#include "kernels/cpu/half.h"
#include "kernels/cpu/panel_blocks.h"
#include "kernels/grids.h"

#include <limits>

namespace switchyard::cpu {
namespace {

/// The files' nibbles are those of columns i and i + 16: groups move whole.
void pack_nibbles(const std::uint8_t* q, int row, PanelNibbles& out) {
    for (int v = 0; v < 4; ++v) {
        store_group(load_group(q + 4 * v), out[v][row]);
    }
}

void pack_fifth_bits(const std::uint8_t* qh, int row, PanelBits& out) {
    const auto four = [qh](int g) { return qh[g / 2] >> (g % 2 * 4) & 15u; };
    // Bit i times the product's bits 7 i comes to the lowest bit of byte i.
    pack_bits([&](int g) { return bits_of<1>(four(g) * 0x00204081u, 0); }, row, out);
}

} // namespace

void pack(const BlockQ8_0& block, int row, PanelQ8_0& out) {
    out.d[row] = block.d;
    for (int g = 0; g < 8; ++g) {
        store_group(load_group(block.q + 4 * g), out.q[g][row]);
    }
}

void pack(const BlockQ4_0& block, int row, PanelQ4_0& out) {
    out.d[row] = block.d;
    pack_nibbles(block.q, row, out.q);
}

void pack(const BlockQ4_1& block, int row, PanelQ4_1& out) {
    out.d[row] = block.d;
    out.m[row] = block.m;
    pack_nibbles(block.q, row, out.q);
}

void pack(const BlockQ5_0& block, int row, PanelQ5_0& out) {
    out.d[row] = block.d;
    pack_nibbles(block.q, row, out.q);
    pack_fifth_bits(block.qh, row, out.high);
}

void pack(const BlockQ5_1& block, int row, PanelQ5_1& out) {
    out.d[row] = block.d;
    out.m[row] = block.m;
    pack_nibbles(block.q, row, out.q);
    pack_fifth_bits(block.qh, row, out.high);
}

void pack(const BlockIQ4_NL& block, int row, PanelIQ4_NL& out) {
    out.d[row] = block.d;
    pack_nibbles(block.q, row, out.q);
}

void pack(const BlockMXFP4& block, int row, PanelMXFP4& out) {
    out.e[row] = block.e;
    pack_nibbles(block.q, row, out.q);
}

void pack(const BlockFP8& block, int row, PanelFP8& out) {
    std::uint32_t nan = 0; // bit 7 of a byte: in some group it is 0x7f or 0xff
    for (int g = 0; g < 16; ++g) {
        nan |= bits_of<7>(load_group(block.q + 4 * g), 0) + 0x01010101u;
    }
    // So that products need no test.
    out.scale[row] = nan & 0x80808080u ? std::numeric_limits<float>::quiet_NaN() : block.scale;
    for (int i = 0; i < 64; ++i) {
        out.q[i][row] = block.q[i];
    }
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
    out.m[0] = half_value(p.m[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(p.q, row, i);
    }
}

void decode(const PanelQ5_0& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = (nibble(p.q, row, i) | bit(p.high, row, i) << 4) - 16;
    }
}

void decode(const PanelQ5_1& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    out.m[0] = half_value(p.m[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(p.q, row, i) | bit(p.high, row, i) << 4;
    }
}

void decode(const PanelIQ4_NL& p, int, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = kLevels4[nibble(p.q, row, i)];
    }
}

void decode(const PanelMXFP4& p, int, int row, DecodedBlock& out) {
    out.d = mxfp4_scale(p.e[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = kLevelsE2M1[nibble(p.q, row, i)];
    }
}

} // namespace switchyard::cpu
