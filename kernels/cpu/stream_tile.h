// Products with streamed weights: 256 columns of a panel are decoded once for all tokens of a group.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/row_product.h"
#include "kernels/cpu/stream_columns.h"

namespace switchyard::cpu {
namespace {

struct StreamedFormat {
    using Panel = StreamedPanel;
    static constexpr int kSubs = 8, kOffsetShift = 0, kBits = 8;
    static constexpr bool kSigned = true, kMin = false, kHalves = true;
    const Panel& p;
    __m256 d;
    explicit StreamedFormat(const Panel& panel) : p(panel), d(_mm256_loadu_ps(panel.d)) {}
    Pair weights(int sub, int v) const { return {load(p.sub[sub].q[v]), load(p.sub[sub].q[v + 4])}; }
    __m256 scale(int) const { return d; }
    /// Whole numbers: two sums with their scales are below 2^31 (streamed.h) and stay integers.
    __m256i whole_scale(int sub, int half) const { return load_bytes_signed(p.sub[sub].scale[half]); }
};

/// Decodes the eight rows' blocks of the same 256 columns.
template <class Block>
void decode_panel(const Block* const (&rows)[kPanelRows], StreamedPanel& out) {
    for (int r = 0; r < kPanelRows; ++r) {
        StreamedScales scales;
        read_scales(*rows[r], scales);
        out.d[r] = scales.d;
        for (int i = 0; i < 16; ++i) {
            out.sub[i / 2].scale[i % 2][r] = scales.scale[i];
        }
    }
    for (int sub = 0; sub < 8; ++sub) {
        __m256i q[kPanelRows];
#pragma GCC unroll 8
        for (int r = 0; r < kPanelRows; ++r) {
            q[r] = columns(*rows[r], sub);
        }
        __m256i groups[8]; // of 4 columns
        transpose(q, groups);
        __builtin_memcpy(out.sub[sub].q, groups, sizeof groups);
    }
}

template <class Block>
using StreamedTile = void (*)(const StreamedPanel& panel, const Block* x, float* sums);

/// Adds 256 columns to `sums` [T][8]; `x` is [8][T].
template <class Dot, class Block, int T>
void streamed_tile(const StreamedPanel& panel, const Block* x, float* sums) {
    __m256 acc[T];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
        acc[t] = _mm256_load_ps(sums + kPanelRows * t);
    }
    const StreamedFormat format(panel);
    for (int sub = 0; sub < 8; ++sub, x += T) {
        add_columns<Dot, StreamedFormat, Block, 1, T>(&format, sub, x, acc);
    }
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
        _mm256_store_ps(sums + kPanelRows * t, acc[t]);
    }
}

using RowsTimes = void (*)(const MatmulArgs& args, const I16Block* x, int first);

/// The product of the file's own WeightBlocks with activations in Sources, which tiles take as Blocks.
template <class Dot, class WeightBlock, class Source, class Block, std::size_t... kIndex>
inline void multiply_streamed_blocks(const MatmulArgs& args, std::index_sequence<kIndex...>) {
    static constexpr StreamedTile<Block> kTiles[] = {
        streamed_tile<Dot, Block, static_cast<int>(kIndex) + 1>...};
    constexpr int kTile = static_cast<int>(sizeof...(kIndex));
    const PackedMatrix& w = args.weights;
    for_groups<Source, Block, Layout::Tiles>(args, kTile, w.cols / 32, [&](const Pass<Block>& pass) {
        const int count = pass.count;
        if constexpr (kByRows<WeightBlock> && std::is_same_v<Block, I16Block>) {
            if (by_rows<WeightBlock>(w, count)) {
                static constexpr RowsTimes kRows[] = {
                    multiply_rows<Dot, WeightBlock, 1>, multiply_rows<Dot, WeightBlock, 2>,
                    multiply_rows<Dot, WeightBlock, 3>, multiply_rows<Dot, WeightBlock, 4>};
                return kRows[count - 1](args, pass.x, pass.first);
            }
        }
        const std::int64_t blocks = pass.columns.count / 256;
        for (std::int64_t panel = pass.first_panel; panel < pass.last_panel; ++panel) {
            const WeightBlock* rows[kPanelRows];
            panel_rows(w, panel, rows);
            for (const WeightBlock*& row : rows) {
                row += pass.columns.begin / 256;
            }
            alignas(32) float own[kGroupTokens * kPanelRows];
            const bool whole = pass.columns.starts() && pass.columns.ends();
            float* sums = whole ? own : pass.sums_of(panel);
            if (pass.columns.starts()) {
                __builtin_memset(sums, 0, static_cast<std::size_t>(count * kPanelRows) * sizeof(float));
            }
            for (std::int64_t b = 0; b < blocks; ++b) {
                StreamedPanel decoded;
                decode_panel(rows, decoded);
                for (int t = 0; t < count; t += kTile) {
                    const int tokens = count - t < kTile ? count - t : kTile;
                    if (b + 1 == blocks && pass.columns.ends()) {
                        ask_for_outputs(args, panel, 1, pass.first + t, tokens);
                    }
                    kTiles[tokens - 1](decoded, pass.x + pass.columns.count / 32 * t + 8 * b * tokens,
                                       sums + kPanelRows * t);
                }
                for (const WeightBlock*& row : rows) {
                    ++row;
                }
            }
            if (pass.columns.ends()) {
                store_tile<1>(args, panel, pass.first, count, sums);
            }
        }
    });
}

/// Few rows of 8 bits are widened, each call anew, where rows of weights are read as they lie: decoding
/// panels for them takes several times as long.
template <class Dot, class WeightBlock, std::size_t... kIndex>
inline void multiply_streamed(const MatmulArgs& args, std::index_sequence<kIndex...> tiles) {
    if constexpr (kByRows<WeightBlock>) {
        if (args.activation_bits == 8 && by_rows<WeightBlock>(args.weights, args.tokens)) {
            return multiply_streamed_blocks<Dot, WeightBlock, I8Block, I16Block>(args, tiles);
        }
    }
    with_blocks<Dot, StreamedFormat::kBits>(args, tiles, [&]<class Source, class Block>(auto sequence) {
        multiply_streamed_blocks<Dot, WeightBlock, Source, Block>(args, sequence);
    });
}

/// takes_bytes() (kernels.h) on this instruction set, as with_blocks() has it; few rows of streamed types
/// aside.
template <class Dot>
inline bool takes_bytes_of(BlockType type) {
    bool takes = Dot::template kTakesBytes<StreamedFormat::kBits>;
    with_integer_type(type,
                      [&]<BlockType kType>() { takes = Dot::template kTakesBytes<Format<kType>::kBits>; });
    return takes;
}

/// The product on this instruction set, tiles of kTile tokens for integers.
template <class Dot, int kTile>
inline void multiply(const MatmulArgs& args) {
    constexpr auto kIntegers = std::make_index_sequence<kTile>();
    switch (args.weights.type) {
    case BlockType::IQ3_S:
        return multiply_streamed<Dot, BlockIQ3_S>(args, kIntegers);
    case BlockType::IQ3_XXS:
        return multiply_streamed<Dot, BlockIQ3_XXS>(args, kIntegers);
    case BlockType::IQ2_S:
        return multiply_streamed<Dot, BlockIQ2_S>(args, kIntegers);
    case BlockType::IQ2_XS:
        return multiply_streamed<Dot, BlockIQ2_XS>(args, kIntegers);
    case BlockType::IQ2_XXS:
        return multiply_streamed<Dot, BlockIQ2_XXS>(args, kIntegers);
    case BlockType::IQ1_M:
        return multiply_streamed<Dot, BlockIQ1_M>(args, kIntegers);
    case BlockType::IQ1_S:
        return multiply_streamed<Dot, BlockIQ1_S>(args, kIntegers);
    case BlockType::TQ2_0:
        return multiply_streamed<Dot, BlockTQ2_0>(args, kIntegers);
    case BlockType::TQ1_0:
        return multiply_streamed<Dot, BlockTQ1_0>(args, kIntegers);
    case BlockType::Q8_K:
        return multiply_streamed<Dot, BlockQ8_K>(args, kIntegers);
    default:
        return multiply_packed<Dot, kTile>(args);
    }
}

} // namespace
} // namespace switchyard::cpu
