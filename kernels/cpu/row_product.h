// One token, or a few, times streamed weights, rows as their bytes lie. What is added to an output, and in
// which order, is the same as in stream_tile.h: integers of 32 columns are exact however they are summed.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/ternary_sums.h"

namespace switchyard::cpu {
namespace {

template <class Block>
inline constexpr bool kTernary = std::is_same_v<Block, BlockTQ1_0> || std::is_same_v<Block, BlockTQ2_0>;

/// Types that this file multiplies.
template <class Block>
inline constexpr bool kByRows = !std::is_same_v<Block, BlockQ8_K>;

/// What activations become: four for 256 columns.
template <class Block>
using RowActivations = std::conditional_t<kTernary<Block>, PairedBytes, PairedWords>;

inline constexpr int kRowTokens = 4;                  ///< at most; more share what is decoded into panels
inline constexpr std::int64_t kRowUnits = 32768 / 64; ///< RowActivations of all tokens together
static_assert(2 * kRowUnits * sizeof(I16Block) <= kGroupBytes, "such rows are not taken in parts");

/// 256 columns of a token, whose blocks are `stride` apart, to out[0], out[T], ...
template <class Block, int T>
inline void set_activations(const I16Block* x, RowActivations<Block>* out) {
    for (int j = 0; j < 4; ++j, out += T) {
        if constexpr (kTernary<Block>) {
            const int first = DigitsOf<Block>::sub_block(j, 0), second = DigitsOf<Block>::sub_block(j, 1);
            DigitsOf<Block>::set(x[first * T], x[second * T], *out);
            out->less[0] = x[first * T].neg_sum;
            out->less[1] = x[second * T].neg_sum;
        } else {
            *out = PairedWords(x[2 * j * T], x[(2 * j + 1) * T]);
        }
    }
}

/// The blocks' scales by row, as in read_scales().
template <class Block>
inline __m256 block_scales(PanelRows<Block> rows) {
    const auto half = [&](int r) {
        if constexpr (std::is_same_v<Block, BlockIQ1_M>) {
            const auto* s = rows[r]->scales;
            return static_cast<short>(s[0] >> 12 | (s[1] >> 12) << 4 | (s[2] >> 12) << 8 |
                                      (s[3] >> 12) << 12);
        } else {
            return static_cast<short>(rows[r]->d);
        }
    };
    const __m256 d = _mm256_cvtph_ps(
        _mm_setr_epi16(half(0), half(1), half(2), half(3), half(4), half(5), half(6), half(7)));
    constexpr float kFactor = kTernary<Block> || std::is_same_v<Block, BlockIQ3_S> ? 1.0f
                              : std::is_same_v<Block, BlockIQ3_XXS>                ? 0.25f
                                                                                   : 0.125f;
    return _mm256_mul_ps(d, _mm256_set1_ps(kFactor));
}

/// A panel times T tokens; `x` is [8 blocks][T] and `activations` [4 blocks][T].
template <class Dot, class Block, int T>
void row_tile(PanelRows<Block> first, std::int64_t blocks, const I16Block* x,
              const RowActivations<Block>* activations, const Output& out) {
    const Block* rows[kPanelRows];
    __builtin_memcpy(rows, first, sizeof rows);
    const auto* next = reinterpret_cast<const char*>(first[0] + kPanelRows * blocks);
    __m256 acc[T];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        acc[t] = _mm256_setzero_ps();
    }
    for (std::int64_t b = 0; b < blocks; ++b, activations += 4 * T) {
        // The next panel in order of memory: eight rows at a time hide it from the processor's own prefetch.
#pragma GCC unroll 16
        for (std::size_t i = 0; i < kPanelRows * sizeof(Block); i += 64) {
            _mm_prefetch(next + i, _MM_HINT_T0);
        }
        next += kPanelRows * sizeof(Block);
        RowSums sums[T];
        block_sums<Dot, Block, T>(rows, activations, sums);
        const __m256 d = block_scales<Block>(rows);
#pragma GCC unroll 8
        for (int sub = 0; sub < 8; ++sub, x += T) {
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t) {
                acc[t] = _mm256_fmadd_ps(_mm256_cvtepi32_ps(sums[t].sub[sub]),
                                         _mm256_mul_ps(d, _mm256_set1_ps(x[t].scale)), acc[t]);
            }
        }
#pragma GCC unroll 8
        for (const Block*& row : rows) {
            ++row;
        }
    }
    for (int t = 0; t < T; ++t) {
        out.store(t, acc[t]);
    }
}

/// Where a panel's rows begin; past the matrix the last row stands in.
template <class Block>
inline void panel_rows(const PackedMatrix& w, std::int64_t panel, const Block* (&rows)[kPanelRows]) {
    for (std::int64_t r = 0; r < kPanelRows; ++r) {
        const std::int64_t row = panel * kPanelRows + r;
        rows[r] = reinterpret_cast<const Block*>(w.data) + (row < w.rows ? row : w.rows - 1) * (w.cols / 256);
    }
}

/// Whether `tokens` go through multiply_rows().
template <class Block>
inline bool by_rows(const PackedMatrix& w, int tokens) {
    return kByRows<Block> && tokens <= kRowTokens && w.cols / 64 * tokens <= kRowUnits;
}

/// All panels of a call times T tokens from `first` on; `x` is [cols / 32][T].
template <class Dot, class Block, int T>
void multiply_rows(const MatmulArgs& args, const I16Block* x, int first) {
    const std::int64_t blocks = args.weights.cols / 256;
    RowActivations<Block> activations[kRowUnits];
    for (std::int64_t b = 0; b < blocks; ++b) {
        for (int t = 0; t < T; ++t) {
            set_activations<Block, T>(x + 8 * b * T + t, activations + 4 * b * T + t);
        }
    }
    for (std::int64_t panel = args.first_panel; panel < args.last_panel; ++panel) {
        const Block* rows[kPanelRows];
        panel_rows(args.weights, panel, rows);
        row_tile<Dot, Block, T>(rows, blocks, x, activations, output_of(args, panel, first));
    }
}

} // namespace
} // namespace switchyard::cpu
