// Tokens of a product in groups whose activations stay near, laid out as tiles read them.
//
// Like tile.h, part of each instruction set's file and in an unnamed namespace.
#pragma once

#include "kernels/cpu/integer_columns.h"

#include <type_traits>

namespace switchyard::cpu {
namespace {

/// The columns of a matrix that a tile takes: all, or a part of them.
struct Columns {
    std::int64_t begin, count, all;
    bool starts() const { return begin == 0; }
    bool ends() const { return begin + count == all; }
};

/// Activations of a group of tokens that stays in the second-level cache while every panel passes.
inline constexpr std::size_t kGroupBytes = 192 * 1024;

inline constexpr int kGroupTokens = 96;
/// Where rows are too long for so many, a group takes them in parts of their columns: what is read of the
/// tokens serves all panels of a call, and what is read of the panels all tokens of a group.
inline constexpr int kPartTokens = 48;
inline constexpr std::int64_t kPartPanels = 64; ///< of kPartTokens, whose sums wait for the next part
inline constexpr int kMostTile = 8;             ///< tokens

/// Whether float weights are widened once for all tiles of a group, which has them read twice as wide: with
/// 16 registers 1.15 times as fast, with 32 only 0.85 times (F16, measured on Zen 4).
#if defined(__AVX512VL__)
inline constexpr bool kWidensOnce = false;
#else
inline constexpr bool kWidensOnce = true;
#endif
/// The most tokens of a group of floats then (F32 too, which needs no widening): the longer, the fewer times,
/// in parts of the rows.
inline constexpr int kWidenedTokens = 192;
inline constexpr int kMostTokens = kWidensOnce ? kWidenedTokens : kGroupTokens; ///< of a group of floats

/// Units of a row of which parts are multiples: of floats a run of FP8, else what stands for 256 columns.
template <class Unit>
inline constexpr std::int64_t kSuperUnits = std::is_same_v<Unit, float> ? 64 : 8;

/// Tokens of a group and units of a part.
struct Cut {
    int tokens;
    std::int64_t units;
};

template <class Unit>
inline Cut cut_of(std::int64_t units, int tile, int tokens) {
    const auto rows =
        static_cast<std::int64_t>(kGroupBytes / (static_cast<std::size_t>(units) * sizeof(Unit)));
    const int fit = static_cast<int>(rows < kGroupTokens ? rows : kGroupTokens);
    if (tokens <= fit) {
        return {tokens, units};
    }
    int group = tokens < kPartTokens ? tokens : kPartTokens;
    if constexpr (kWidensOnce && std::is_same_v<Unit, float>) { // whole tiles, as long as they can alike
        const int groups = (tokens + kWidenedTokens - 1) / kWidenedTokens;
        const int tiles = (tokens + groups * tile - 1) / (groups * tile) * tile;
        group = tokens < tiles ? tokens : tiles;
    } else if (fit >= kPartTokens) {
        return {fit / tile * tile, units};
    }
    const auto super = static_cast<std::int64_t>(kGroupBytes / sizeof(Unit)) / (group * kSuperUnits<Unit>);
    const std::int64_t all = (units + kSuperUnits<Unit> - 1) / kSuperUnits<Unit>;
    const std::int64_t parts = (all + super - 1) / super;
    return {group, (all + parts - 1) / parts * kSuperUnits<Unit>};
}

/// The same values in 16 bits.
inline I16Block widened(const I8Block& x) {
    I16Block wide;
    const Words<true> words(load(x.q));
    // Words of even and odd bytes come together as i16_place wants them: 0 2 1 3.
    const __m256i first = _mm256_unpacklo_epi32(words.even, words.odd),
                  second = _mm256_unpackhi_epi32(words.even, words.odd);
    auto* q = reinterpret_cast<__m256i*>(wide.q);
    _mm256_storeu_si256(q, _mm256_permute2x128_si256(first, second, 0x20));
    _mm256_storeu_si256(q + 1, _mm256_permute2x128_si256(first, second, 0x31));
    wide.scale = x.scale;
    wide.sum = x.sum;
    wide.neg_sum = x.neg_sum;
    wide.neg_low = x.neg_low;
    return wide;
}

/// A token's activations.
template <class Source>
inline const Source* row_of(const MatmulArgs& args, int token) {
    const auto row = static_cast<std::size_t>(args.index ? args.index[token] : token);
    return reinterpret_cast<const Source*>(args.activations + row * args.activation_stride);
}

/// Copies `units` units from `begin` on of `count` tokens from `first` on, as tiles of at most `tile` tokens,
/// each [units][tokens of the tile].
template <class Source, class Unit>
inline void gather(const MatmulArgs& args, int first, int count, int tile, std::int64_t begin,
                   std::int64_t units, Unit* out) {
    const Source* rows[kMostTile];
    for (int start = 0; start < count; start += tile) {
        const int width = count - start < tile ? count - start : tile;
        for (int t = 0; t < width; ++t) {
            rows[t] = row_of<Source>(args, first + start + t) + begin;
        }
        for (std::int64_t i = 0; i < units; ++i) { // so that writing goes forward
            for (int t = 0; t < width; ++t, ++out) {
                if constexpr (std::is_same_v<Source, Unit>) {
                    *out = rows[t][i];
                } else {
                    *out = widened(rows[t][i]);
                }
            }
        }
    }
}

/// How the kernels of a product find a group's activations. Rows: each token's where it lies, or widened
/// beside the others of its group. (To interleave those of a tile took 6 to 8 % of a prompt's time with
/// integers, a third with floats.) Tiles: as gather() lays them out.
enum class Layout { Rows, Tiles };

/// A part of the columns of a group of tokens, and the panels that it meets.
template <class Unit>
struct Pass {
    const Unit* x;    ///< of the part, in tiles, or [tokens][units]; null: they stay where they are
    int first, count; ///< tokens
    Columns columns;
    std::int64_t begin, units; ///< those of a row that stand for the columns
    std::int64_t first_panel, last_panel;
    float* sums; ///< [panels][tokens][8], in an order of the kernel's own; kept from part to part

    /// Those of the group's token `t`; not of tiles.
    const Unit* row(const MatmulArgs& args, int t) const {
        return x ? x + t * units : row_of<Unit>(args, first + t) + begin;
    }
    /// Of what the columns in front of these take in a panel of `type`.
    std::size_t skipped_bytes(BlockType type) const { return panel_bytes(type, columns.begin); }
    /// Null where no part comes behind another.
    float* sums_of(std::int64_t panel) const {
        return sums ? sums + (panel - first_panel) * count * kPanelRows : nullptr;
    }
};

/// Calls run(pass) for groups of tokens, panels and parts, all parts of a group and its panels in order.
template <class Source, class Unit, Layout kLayout, class Run>
inline void for_groups(const MatmulArgs& args, int tile, std::int64_t units, const Run& run) {
    constexpr bool kWidens = !std::is_same_v<Source, Unit>, kCopies = kWidens || kLayout == Layout::Tiles;
    alignas(64) std::byte buffer[kCopies ? kGroupBytes : 1];
    alignas(32) float sums[kPartPanels * kPartTokens * kPanelRows];
    const std::int64_t cols = args.weights.cols, unit_cols = cols / units;
    const Cut cut = cut_of<Unit>(units, tile, args.tokens);
    const std::int64_t part_panels =
        kPartPanels * kPartTokens / (cut.tokens > kPartTokens ? cut.tokens : kPartTokens);
    const std::int64_t panels = cut.units == units ? args.last_panel - args.first_panel : part_panels;
    for (int first = 0; first < args.tokens; first += cut.tokens) {
        const int count = args.tokens - first < cut.tokens ? args.tokens - first : cut.tokens;
        if constexpr (!kWidens) {
            if (count == 1) { // a tile of one token is the row itself
                run(Pass<Unit>{row_of<Unit>(args, first),
                               first,
                               1,
                               {0, cols, cols},
                               0,
                               units,
                               args.first_panel,
                               args.last_panel,
                               nullptr});
                continue;
            }
        }
        auto* x = reinterpret_cast<Unit*>(buffer);
        for (std::int64_t panel = args.first_panel; panel < args.last_panel; panel += panels) {
            const std::int64_t last = args.last_panel - panel < panels ? args.last_panel : panel + panels;
            for (std::int64_t begin = 0; begin < units; begin += cut.units) {
                const std::int64_t part = units - begin < cut.units ? units - begin : cut.units;
                if constexpr (kCopies) {
                    gather<Source>(args, first, count, kLayout == Layout::Tiles ? tile : 1, begin, part, x);
                }
                run(Pass<Unit>{kCopies ? x : nullptr,
                               first,
                               count,
                               {begin * unit_cols, part * unit_cols, cols},
                               begin,
                               part,
                               panel,
                               last,
                               cut.units == units ? nullptr : sums});
            }
        }
    }
}

} // namespace
} // namespace switchyard::cpu
