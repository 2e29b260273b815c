// Packing super-blocks of 256 values into panels, and the plain way back.
#include "kernels/cpu/half.h"
#include "kernels/cpu/panel_blocks.h"
#include "kernels/grids.h"
#include "kernels/k_scales.h"

namespace switchyard::cpu {
namespace {

/// Sub-block `sub` of Q4_K's and Q5_K's nibbles: 32 bytes hold two, low halves, then high halves.
void pack_halves(const std::uint8_t* q, int sub, int row, PanelNibbles& out) {
    pack_values(q + sub / 2 * 32, sub % 2 * 4, row, out);
}

/// Sub-block `sub` of Q2_K's and Q3_K's pairs of bits: 32 bytes hold four, from the low bits up.
void pack_pairs(const std::uint8_t* q, int sub, int row, PanelPairs& out) {
    for (int half = 0; half < 2; ++half) {
        std::uint32_t pairs = 0;
        for (int i = 0; i < 4; ++i) {
            const std::uint32_t group = load_group(q + sub / 4 * 32 + half * 16 + 4 * i);
            pairs |= bits_of<2>(group, sub % 4 * 2) << (2 * i);
        }
        store_group(pairs, out[half][row]);
    }
}

/// Bit `sub` of each of 32 bytes.
void pack_bit(const std::uint8_t* bytes, int sub, int row, PanelBits& out) {
    pack_bits([&](int g) { return bits_of<1>(load_group(bytes + 4 * g), sub); }, row, out);
}

/// Scale and minimum of Q4_K and Q5_K.
template <class Sub>
void pack_scale(const std::uint8_t* scales, int sub, int row, Sub& to) {
    const KScale s = k_scale(scales, sub);
    to.scale[row] = static_cast<std::uint8_t>(s.scale);
    to.min[row] = static_cast<std::uint8_t>(s.min);
}

template <class Panel>
void decode_scale(const Panel& p, int sub, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]) * static_cast<float>(p.sub[sub].scale[row]);
    out.m[0] = half_value(p.m[row]) * -static_cast<float>(p.sub[sub].min[row]);
}

/// The two scales of Q6_K and Q3_K.
template <class Panel>
void decode_half_scales(const Panel& p, int sub, int row, DecodedBlock& out) {
    out.d = half_value(p.d[row]);
    out.halves = true;
    out.scale[0] = p.sub[sub].scale[0][row];
    out.scale[1] = p.sub[sub].scale[1][row];
}

int pair(const PanelPairs& q, int row, int i) { return q[i / 16][row][i % 4] >> (i / 4 % 4 * 2) & 3; }

} // namespace

void pack(const BlockQ4_K& block, int row, PanelQ4_K& out) {
    out.d[row] = block.d;
    out.m[row] = block.dmin;
    for (int sub = 0; sub < 8; ++sub) {
        pack_scale(block.scales, sub, row, out.sub[sub]);
        pack_halves(block.q, sub, row, out.sub[sub].q);
    }
}

void pack(const BlockQ5_K& block, int row, PanelQ5_K& out) {
    out.d[row] = block.d;
    out.m[row] = block.dmin;
    for (int sub = 0; sub < 8; ++sub) {
        pack_scale(block.scales, sub, row, out.sub[sub]);
        pack_halves(block.q, sub, row, out.sub[sub].q);
        pack_bit(block.qh, sub, row, out.sub[sub].high);
    }
}

void pack(const BlockQ6_K& block, int row, PanelQ6_K& out) {
    out.d[row] = block.d;
    for (int sub = 0; sub < 8; ++sub) {
        // 128 columns share 64 bytes of ql and 32 of qh: quarter n has its 4 bits in the low (0, 1) or
        // high (2, 3) halves of ql's bytes, and its 2 bits at 2 n of qh's.
        const int half = sub / 4, quarter = sub % 4;
        PanelQ6_K::Sub& to = out.sub[sub];
        pack_values(block.ql + half * 64 + quarter % 2 * 32, quarter / 2 * 4, row, to.q);
        pack_pairs(block.qh, sub, row, to.high);
        to.scale[0][row] = block.scales[2 * sub];
        to.scale[1][row] = block.scales[2 * sub + 1];
    }
}

void pack(const BlockQ3_K& block, int row, PanelQ3_K& out) {
    out.d[row] = block.d;
    for (int sub = 0; sub < 8; ++sub) {
        PanelQ3_K::Sub& to = out.sub[sub];
        pack_pairs(block.q, sub, row, to.q);
        pack_bit(block.high, sub, row, to.high);
        to.scale[0][row] = static_cast<std::int8_t>(q3_scale(block.scales, 2 * sub) - 32);
        to.scale[1][row] = static_cast<std::int8_t>(q3_scale(block.scales, 2 * sub + 1) - 32);
    }
}

void pack(const BlockQ2_K& block, int row, PanelQ2_K& out) {
    out.d[row] = block.d;
    out.m[row] = block.dmin;
    for (int sub = 0; sub < 8; ++sub) {
        pack_pairs(block.q, sub, row, out.sub[sub].q);
        out.sub[sub].scale_min[0][row] = block.scales[2 * sub];
        out.sub[sub].scale_min[1][row] = block.scales[2 * sub + 1];
    }
}

void pack(const BlockIQ4_XS& block, int row, PanelIQ4_XS& out) {
    out.d[row] = block.d;
    for (int sub = 0; sub < 8; ++sub) {
        for (int v = 0; v < 4; ++v) {
            store_group(load_group(block.q + sub * 16 + 4 * v), out.sub[sub].q[v][row]);
        }
        const int low = block.scales_low[sub / 2] >> (sub % 2 * 4) & 15;
        const int high = block.scales_high >> (2 * sub) & 3;
        out.sub[sub].scale[row] = static_cast<std::int8_t>((low | high << 4) - 32);
    }
}

void decode(const PanelQ4_K& p, int sub, int row, DecodedBlock& out) {
    const PanelQ4_K::Sub& s = p.sub[sub];
    decode_scale(p, sub, row, out);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(s.q, row, i);
    }
}

void decode(const PanelQ5_K& p, int sub, int row, DecodedBlock& out) {
    const PanelQ5_K::Sub& s = p.sub[sub];
    decode_scale(p, sub, row, out);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = nibble(s.q, row, i) | bit(s.high, row, i) << 4;
    }
}

void decode(const PanelQ6_K& p, int sub, int row, DecodedBlock& out) {
    const PanelQ6_K::Sub& s = p.sub[sub];
    decode_half_scales(p, sub, row, out);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = (nibble(s.q, row, i) | pair(s.high, row, i) << 4) - 32;
    }
}

void decode(const PanelQ3_K& p, int sub, int row, DecodedBlock& out) {
    const PanelQ3_K::Sub& s = p.sub[sub];
    decode_half_scales(p, sub, row, out);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = (pair(s.q, row, i) | bit(s.high, row, i) << 2) - 4;
    }
}

void decode(const PanelQ2_K& p, int sub, int row, DecodedBlock& out) {
    const PanelQ2_K::Sub& s = p.sub[sub];
    out.d = half_value(p.d[row]);
    out.halves = true;
    for (int half = 0; half < 2; ++half) {
        const std::uint8_t packed = s.scale_min[half][row];
        out.scale[half] = static_cast<float>(packed & 15);
        out.m[half] = half_value(p.m[row]) * -static_cast<float>(packed >> 4);
    }
    for (int i = 0; i < 32; ++i) {
        out.q[i] = pair(s.q, row, i);
    }
}

void decode(const PanelIQ4_XS& p, int sub, int row, DecodedBlock& out) {
    const PanelIQ4_XS::Sub& s = p.sub[sub];
    out.d = half_value(p.d[row]) * static_cast<float>(s.scale[row]);
    for (int i = 0; i < 32; ++i) {
        out.q[i] = kLevels4[nibble(s.q, row, i)];
    }
}

} // namespace switchyard::cpu
