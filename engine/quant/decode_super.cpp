// Decoding the formats with super-blocks of 256 values and plain levels.
#include "engine/quant/decode_blocks.h"
#include "engine/quant/quant.h"
#include "kernels/grids.h"
#include "kernels/k_scales.h"

namespace switchyard {

void decode(const BlockQ2_K& b, float* out) {
    const float d = half_to_float(b.d), dmin = half_to_float(b.dmin);
    for (int j = 0; j < 16; ++j) { // each half of 128 values is four runs of 32, two bits each in 32 bytes
        const float scale = d * static_cast<float>(b.scales[j] & 15);
        const float min = dmin * static_cast<float>(b.scales[j] >> 4);
        const std::uint8_t* q = b.q + j / 8 * 32 + j % 2 * 16;
        const int shift = j % 8 / 2 * 2;
        for (int i = 0; i < 16; ++i) {
            out[j * 16 + i] = scale * static_cast<float>(q[i] >> shift & 3) - min;
        }
    }
}

void decode(const BlockQ3_K& b, float* out) {
    const float d = half_to_float(b.d);
    for (int j = 0; j < 16; ++j) {
        const float scale = d * static_cast<float>(q3_scale(b.scales, j) - 32);
        const int at = j % 2 * 16, shift = j % 8 / 2 * 2;
        for (int i = 0; i < 16; ++i) {
            const int low = b.q[j / 8 * 32 + at + i] >> shift & 3, high = b.high[at + i] >> (j / 2) & 1;
            out[j * 16 + i] = scale * static_cast<float>(low + 4 * high - 4);
        }
    }
}

void decode(const BlockQ4_K& b, float* out) {
    const float d = half_to_float(b.d), dmin = half_to_float(b.dmin);
    for (int j = 0; j < 8; ++j) { // sub-blocks 2k and 2k+1 share 32 bytes: low and high nibbles
        const KScale s = k_scale(b.scales, j);
        const float scale = d * static_cast<float>(s.scale), min = dmin * static_cast<float>(s.min);
        const std::uint8_t* q = b.q + j / 2 * 32;
        const int shift = j % 2 * 4;
        for (int i = 0; i < 32; ++i) {
            out[j * 32 + i] = scale * static_cast<float>(q[i] >> shift & 15) - min;
        }
    }
}

void decode(const BlockQ5_K& b, float* out) {
    const float d = half_to_float(b.d), dmin = half_to_float(b.dmin);
    for (int j = 0; j < 8; ++j) {
        const KScale s = k_scale(b.scales, j);
        const float scale = d * static_cast<float>(s.scale), min = dmin * static_cast<float>(s.min);
        const std::uint8_t* q = b.q + j / 2 * 32;
        const int shift = j % 2 * 4;
        for (int i = 0; i < 32; ++i) {
            const int value = (q[i] >> shift & 15) | (b.qh[i] >> j & 1) << 4;
            out[j * 32 + i] = scale * static_cast<float>(value) - min;
        }
    }
}

void decode(const BlockQ6_K& b, float* out) {
    const float d = half_to_float(b.d);
    // Each half of 128 values is four runs of 32: run r takes its low nibbles from ql, its top two bits from
    // qh.
    for (int run = 0; run < 8; ++run) {
        const int half = run / 4, r = run % 4;
        const std::uint8_t* ql = b.ql + half * 64 + r % 2 * 32;
        const std::uint8_t* qh = b.qh + half * 32;
        for (int i = 0; i < 32; ++i) {
            const int q = (ql[i] >> (r / 2 * 4) & 15) | (qh[i] >> (2 * r) & 3) << 4;
            const float scale = d * static_cast<float>(b.scales[run * 2 + i / 16]);
            out[run * 32 + i] = scale * static_cast<float>(q - 32);
        }
    }
}

void decode(const BlockQ8_K& b, float* out) {
    for (int i = 0; i < 256; ++i) {
        out[i] = b.d * static_cast<float>(b.q[i]);
    }
}

void decode(const BlockIQ4_XS& b, float* out) {
    const float d = half_to_float(b.d);
    for (int j = 0; j < 8; ++j) {
        const int low = b.scales_low[j / 2] >> (j % 2 * 4) & 15, high = b.scales_high >> (2 * j) & 3;
        const float scale = d * static_cast<float>((low | high << 4) - 32);
        for (int i = 0; i < 16; ++i) {
            const std::uint8_t q = b.q[j * 16 + i];
            out[j * 32 + i] = scale * static_cast<float>(kLevels4[q & 15]);
            out[j * 32 + 16 + i] = scale * static_cast<float>(kLevels4[q >> 4]);
        }
    }
}

void decode(const BlockTQ1_0& b, float* out) {
    static constexpr std::uint8_t kPower[5] = {1, 3, 9, 27, 81};
    const float d = half_to_float(b.d);
    // A byte is a fraction of 256: times 3^n its leading digit is digit n.
    const auto digits = [&](const std::uint8_t* bytes, int count, int powers) {
        for (int n = 0; n < powers; ++n) {
            for (int i = 0; i < count; ++i) {
                const auto shifted = static_cast<std::uint8_t>(bytes[i] * kPower[n]);
                *out++ = d * static_cast<float>((shifted * 3 >> 8) - 1);
            }
        }
    };
    digits(b.q, 32, 5);
    digits(b.q + 32, 16, 5);
    digits(b.qh, 4, 4);
}

void decode(const BlockTQ2_0& b, float* out) {
    const float d = half_to_float(b.d);
    for (int run = 0; run < 8; ++run) {
        for (int i = 0; i < 32; ++i) {
            const int q = b.q[run / 4 * 32 + i] >> (run % 4 * 2) & 3;
            out[run * 32 + i] = d * static_cast<float>(q - 1);
        }
    }
}

} // namespace switchyard
