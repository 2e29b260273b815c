// One token times several panels of unsigned weights: activations as two bytes each, so that weights need not
// be widened.
//
// x = 256 h + l with h from -128 to 127 and l from 0 to 255; the products with h and with l are summed as
// integers, so the bits are those of tile.h. Like tile.h, part of each instruction set's file and in an
// unnamed namespace.
#pragma once

#include "kernels/cpu/tile.h"

namespace switchyard::cpu {
namespace {

/// The bytes of a block's activations, four columns together.
struct alignas(32) BytePlanes {
    std::uint8_t bytes[64];

    void set(const I16Block& x) {
        // Two groups of four in i16_place order: low bytes of the first, of the second, high bytes of both.
        const __m256i order = _mm256_setr_epi8(0, 4, 2, 6, 8, 12, 10, 14, 1, 5, 3, 7, 9, 13, 11, 15, 0, 4, 2,
                                               6, 8, 12, 10, 14, 1, 5, 3, 7, 9, 13, 11, 15);
        for (int i = 0; i < 2; ++i) {
            _mm256_store_si256(reinterpret_cast<__m256i*>(bytes) + i,
                               _mm256_shuffle_epi8(load(x.q + 16 * i), order));
        }
    }
    __m256i low(int group) const { return in_all_lanes(bytes + 16 * (group / 2) + 4 * (group % 2)); }
    __m256i high(int group) const { return in_all_lanes(bytes + 16 * (group / 2) + 4 * (group % 2) + 8); }
};

/// Adds 32 columns of a panel to `acc`.
template <class Dot, class F>
[[gnu::always_inline]] inline void add_byte_columns(const F& format, int sub, const I16Block& x,
                                                    const BytePlanes& planes, __m256& acc) {
    constexpr bool kApart = F::kHalves || Dot::kShortChains;
    typename Dot::template Bytes<F::kBits> sums[kApart ? 2 : 1];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        const Pair pair = format.weights(sub, v);
        sums[0].add(pair.low, planes.high(v), planes.low(v));
        sums[kApart].add(pair.high, planes.high(v + 4), planes.low(v + 4));
    }
    __m256i first = _mm256_add_epi32(start_of<F, F::kOffsetShift>(x, 0), sums[0].sum()),
            second = _mm256_setzero_si256();
    if constexpr (F::kHalves) {
        second = _mm256_add_epi32(start_of<F, F::kOffsetShift>(x, 1), sums[1].sum());
    } else if constexpr (kApart) {
        first = _mm256_add_epi32(first, sums[1].sum());
    }
    acc = add_sums<F>(format, sub, x, first, second, acc);
}

/// One panel times one token, of which `planes` are the bytes.
template <class Dot, BlockType kType>
void byte_tile(const std::byte* panel, std::int64_t cols, const I16Block* x, const BytePlanes* planes,
               const Output& out) {
    using F = Format<kType>;
    const auto* p = reinterpret_cast<const typename F::Panel*>(panel);
    __m256 acc = _mm256_setzero_ps();
    for (std::int64_t i = 0; i < cols / (32 * F::kSubs); ++i, ++p) {
        const F format(*p);
        for (int sub = 0; sub < F::kSubs; ++sub, ++x, ++planes) {
            ask_ahead<F>(*p, sub);
            add_byte_columns<Dot, F>(format, sub, *x, *planes, acc);
        }
    }
    out.store(0, acc);
}

template <class Dot, BlockType kType>
void multiply_bytes(const MatmulArgs& args, const I16Block* x, int token) {
    const std::int64_t blocks = args.weights.cols / 32;
    BytePlanes planes[kByteColumns / 32];
    for (std::int64_t i = 0; i < blocks; ++i) {
        planes[i].set(x[i]);
    }
    const std::size_t size = panel_bytes(kType, args.weights.cols);
    for (std::int64_t panel = args.first_panel; panel < args.last_panel; ++panel) {
        byte_tile<Dot, kType>(args.weights.data + static_cast<std::size_t>(panel) * size, args.weights.cols,
                              x, planes, output_of(args, panel, token));
    }
}

} // namespace
} // namespace switchyard::cpu
