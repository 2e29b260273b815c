// Products with packed weights for x86 vectors of 256 bits: one tile is the rows of a panel times a few
// tokens.
//
// Included once by each instruction set's file, which says how integers are multiplied (`Dot`). Everything is
// in an unnamed namespace, so code compiled for one processor never serves another.
#pragma once

#include "kernels/cpu/ahead.h"
#include "kernels/cpu/token_groups.h"
#include "kernels/cpu/wide_tile.h"

#include <array>
#include <utility>

namespace switchyard::cpu {
namespace {

// ---- Tiles of integers

/// Where a tile's results go: token t's eight rows at y + t * stride, of which `rows` exist.
struct Output {
    float* y;
    std::int64_t stride;
    int rows;
    bool accumulate;

    void store(int token, __m256 value) const {
        float* at = y + token * stride;
        if (rows == kPanelRows) {
            _mm256_storeu_ps(at, accumulate ? _mm256_add_ps(_mm256_loadu_ps(at), value) : value);
            return;
        }
        float lanes[kPanelRows];
        _mm256_storeu_ps(lanes, value);
        for (int r = 0; r < rows; ++r) {
            at[r] = accumulate ? at[r] + lanes[r] : lanes[r];
        }
    }
};

/// Whether a group's weights are unpacked once where activations are Units: not to bytes where those would
/// need sums in 32 bits beside the ones in 16, or where the instruction set has none in 16.
template <class Dot, class F, class Unit>
consteval bool unpacks_once() {
    if constexpr (std::is_same_v<Unit, I16Block>) {
        return true;
    } else if constexpr (F::kSigned) {
        return false;
    } else {
        return Dot::template kByteGroups<F::kBits> >= WideScales<F::kMin, F::kHalves>::kGroups;
    }
}

/// P panels, `size` bytes apart, times T tokens; rows[t]: a token's Blocks of the columns. `sums` [P][T][8]:
/// kept from part to part.
template <class Dot, BlockType kType, class Block, int P, int T>
void integer_tile(const std::byte* panel, std::size_t size, const Columns& columns,
                  const std::byte* const* rows, float* sums, const Output* out) {
    using F = Format<kType>;
    using Panel = typename F::Panel;
    // No other tile has met the panel, or will: it comes from memory.
    constexpr bool kOnlyTile = T == 1 || unpacks_once<Dot, F, Block>();
    BlocksOfRows<Block, T> x;
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
        x.rows[t] = reinterpret_cast<const Block*>(rows[t]);
    }
    __m256 acc[P * T];
#pragma GCC unroll 16
    for (int i = 0; i < P * T; ++i) {
        acc[i] = columns.starts() ? _mm256_setzero_ps() : _mm256_load_ps(sums + kPanelRows * i);
    }
    for (std::int64_t i = 0; i < columns.count / (32 * F::kSubs); ++i, panel += sizeof(Panel)) {
        const auto& first = *reinterpret_cast<const Panel*>(panel);
        const auto& last = *reinterpret_cast<const Panel*>(panel + (P - 1) * size);
        const F formats[] = {F(first), F(last)};
        for (int sub = 0; sub < F::kSubs; ++sub, ++x.unit) {
            if constexpr (kOnlyTile) {
                ask_ahead<F>(first, sub);
                if constexpr (P > 1) {
                    ask_ahead<F>(last, sub);
                }
            }
            add_columns<Dot, F, Block, P, T>(formats, sub, x, acc);
        }
    }
    if (!columns.ends()) {
#pragma GCC unroll 16
        for (int i = 0; i < P * T; ++i) {
            _mm256_store_ps(sums + kPanelRows * i, acc[i]);
        }
        return;
    }
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) {
            out[p].store(t, acc[p * T + t]);
        }
    }
}

// ---- Tiles of floats

/// Where a float panel's columns are: a run of `kRun` of them after kHead bytes of scales, or all in one run.
template <BlockType kType>
struct FloatPanel {
    static constexpr int kColumn = kPanelRows * (kType == BlockType::F32   ? 4
                                                 : kType == BlockType::FP8 ? 1
                                                                           : 2);
    static constexpr int kRun = kType == BlockType::FP8 ? 64 : 0;
    static constexpr int kHead = kType == BlockType::FP8 ? sizeof(PanelFP8::scale) : 0;
};

/// `scale` is that of the run, where there are runs.
template <BlockType kType>
inline __m256 load_column(const std::byte* p, [[maybe_unused]] __m256 scale) {
    if constexpr (kType == BlockType::F32) {
        return _mm256_loadu_ps(reinterpret_cast<const float*>(p));
    } else if constexpr (kType == BlockType::F16) {
        return load_halves(reinterpret_cast<const Half*>(p));
    } else if constexpr (kType == BlockType::BF16) {
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
        return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    } else { // with its bits in a half's places, an E4M3 float is 2^8 times smaller
        const __m128i wide = _mm_cvtepi8_epi16(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
        const __m128i half =
            _mm_and_si128(_mm_slli_epi16(wide, 7), _mm_set1_epi16(static_cast<short>(0xbfff)));
        return _mm256_mul_ps(_mm256_cvtph_ps(half), scale);
    }
}

/// The scales of a run of FP8, for load_column.
inline __m256 load_scale(const std::byte* p) {
    return _mm256_mul_ps(_mm256_loadu_ps(reinterpret_cast<const float*>(p)), _mm256_set1_ps(256.0f));
}

/// Adds `cols` columns of P neighbouring panels times T tokens to `sums` [P][T][8]; rows[t]: those of a
/// token. Sums run along the columns in order.
template <BlockType kType, int P, int T>
void float_tile(const std::byte* panel, std::size_t panel_size, std::int64_t cols, const float* const* rows,
                float* sums) {
    using Panel = FloatPanel<kType>;
    __m256 acc[P][T], scale[P] = {};
    const float* x[T];
#pragma GCC unroll 32
    for (int t = 0; t < T; ++t) {
        x[t] = rows[t];
    }
#pragma GCC unroll 32
    for (int i = 0; i < P * T; ++i) {
        acc[i / T][i % T] = _mm256_loadu_ps(sums + kPanelRows * i);
    }
    for (std::int64_t k = 0; k < cols; ++k, panel += Panel::kColumn) {
        if constexpr (Panel::kRun != 0) {
            if (k % Panel::kRun == 0) {
                for (int p = 0; p < P; ++p) {
                    scale[p] = load_scale(panel + static_cast<std::size_t>(p) * panel_size);
                }
                panel += Panel::kHead;
            }
        }
        // The shorter side stays in registers, the longer passes.
        if constexpr (P <= T) {
            __m256 w[P];
#pragma GCC unroll 32
            for (int p = 0; p < P; ++p) {
                w[p] = load_column<kType>(panel + static_cast<std::size_t>(p) * panel_size, scale[p]);
            }
#pragma GCC unroll 32
            for (int t = 0; t < T; ++t) {
                const __m256 value = _mm256_broadcast_ss(x[t] + k);
#pragma GCC unroll 32
                for (int p = 0; p < P; ++p) {
                    acc[p][t] = _mm256_fmadd_ps(w[p], value, acc[p][t]);
                }
            }
        } else {
            __m256 values[T];
#pragma GCC unroll 32
            for (int t = 0; t < T; ++t) {
                values[t] = _mm256_broadcast_ss(x[t] + k);
            }
#pragma GCC unroll 32
            for (int p = 0; p < P; ++p) {
                const __m256 w =
                    load_column<kType>(panel + static_cast<std::size_t>(p) * panel_size, scale[p]);
#pragma GCC unroll 32
                for (int t = 0; t < T; ++t) {
                    acc[p][t] = _mm256_fmadd_ps(w, values[t], acc[p][t]);
                }
            }
        }
    }
#pragma GCC unroll 32
    for (int i = 0; i < P * T; ++i) {
        _mm256_storeu_ps(sums + kPanelRows * i, acc[i / T][i % T]);
    }
}

// ---- Walking over a product

inline Output output_of(const MatmulArgs& args, std::int64_t panel, int token) {
    const std::int64_t left = args.weights.rows - panel * kPanelRows;
    return {args.y + token * args.y_stride + panel * kPanelRows, args.y_stride,
            static_cast<int>(left < kPanelRows ? left : kPanelRows), args.accumulate};
}

/// Stores the sums of P panels and a tile's tokens from `first` on, [P][tokens][8]. Once a tile, so that they
/// are written while the next one is computed: a group's, stored in one go, wait for the third-level cache.
template <int P>
inline void store_tile(const MatmulArgs& args, std::int64_t panel, int first, int tokens, const float* sums) {
    for (int p = 0; p < P; ++p) {
        const Output out = output_of(args, panel + p, first);
        for (int t = 0; t < tokens; ++t, sums += kPanelRows) {
            out.store(t, _mm256_load_ps(sums));
        }
    }
}

inline constexpr std::int64_t kByteColumns = 32768; ///< of a row that is taken apart into bytes

/// Panels of unsigned weights times one token (byte_tile.h). PRECOND: no more than kByteColumns columns.
template <class Dot, BlockType kType>
void multiply_bytes(const MatmulArgs& args, const I16Block* x, int token);

/// What columns of format F are unpacked to for activations in Units.
template <class F, class Unit>
using Unpacked = std::conditional_t<std::is_same_v<Unit, I16Block>, WideBlock<F::kMin, F::kHalves>,
                                    WideBytes<F::kMin, F::kHalves, F::kOffsetShift>>;

inline constexpr int kWidePanels = 2; ///< that share what is read of the tokens
/// Columns of a panel that are unpacked at a time: whole blocks of 256, as many as stay in the first-level
/// cache beside a tile's tokens, since a tile's sums are loaded and stored for each piece.
template <class Dot, class Block>
inline constexpr std::int64_t
    kWideColumns = static_cast<std::int64_t>(Dot::kWideBytes / (kWidePanels * sizeof(Block)) / 8 * 256);

/// P panels times a group of more tokens than one tile has.
template <class Dot, BlockType kType, int P, class Unit, std::size_t... kIndex>
void multiply_wide(const MatmulArgs& args, std::int64_t panel, const Pass<Unit>& pass,
                   std::index_sequence<kIndex...>) {
    using F = Format<kType>;
    using Block = Unpacked<F, Unit>;
    static constexpr WideTile<Unit> kTiles[] = {wide_tile<Dot, Block, P, static_cast<int>(kIndex) + 1>...};
    constexpr int kTile = static_cast<int>(sizeof...(kIndex));
    const std::size_t size = panel_bytes(kType, args.weights.cols);
    const std::byte* weights =
        args.weights.data + static_cast<std::size_t>(panel) * size + pass.skipped_bytes(kType);
    alignas(32) float own[P * kGroupTokens * kPanelRows];
    float* const sums = pass.sums ? pass.sums_of(panel) : own;
    Block wide[P * kWideColumns<Dot, Block> / 32];
    const Pieces columns{pass.columns.count, kWideColumns<Dot, Block>};
    for (std::int64_t k = 0; k < columns.all; k += columns.piece) {
        const std::int64_t blocks = columns.from(k) / 32;
        const bool last = pass.columns.ends() && columns.is_last(k);
        for (int p = 0; p < P; ++p) {
            const auto* packed = reinterpret_cast<const typename F::Panel*>(
                weights + static_cast<std::size_t>(p) * size + panel_bytes(kType, k));
            for (std::int64_t i = 0; i < blocks; ++i) {
                wide[P * i + p].set(F(packed[i / F::kSubs]), static_cast<int>(i % F::kSubs));
            }
        }
        WeightsAhead<P> next(kType, weights, size, columns, k, panel + P < pass.last_panel,
                             (pass.count + kTile - 1) / kTile);
        for (int t = 0; t < pass.count; t += kTile) {
            const int tokens = pass.count - t < kTile ? pass.count - t : kTile;
            const Unit* rows[kTile];
            for (int i = 0; i < tokens; ++i) {
                rows[i] = pass.row(args, t + i) + k / 32;
            }
            float* const of_tile = sums + P * t * kPanelRows;
            next.ask();
            if (last) {
                ask_for_outputs(args, panel, P, pass.first + t, tokens);
            }
            kTiles[tokens - 1](wide, blocks, pass.columns.starts() && k == 0, rows, of_tile);
            if (last) {
                store_tile<P>(args, panel, pass.first + t, tokens, of_tile);
            }
        }
    }
}

using IntegerTile = void (*)(const std::byte* panel, std::size_t size, const Columns& columns,
                             const std::byte* const* rows, float* sums, const Output* out);

/// The product with activations in Sources, which tiles of 1 .. T tokens take as Blocks.
template <class Dot, BlockType kType, class Source, class Block, std::size_t... kIndex>
inline void multiply_blocks(const MatmulArgs& args, std::index_sequence<kIndex...>) {
    // Panels that pass together share what is read of the tokens; halves have sums of their own, for which
    // there would be no registers.
    constexpr int kPanels = Format<kType>::kHalves ? 1 : Dot::kPanels;
    static constexpr IntegerTile kTiles[] = {
        integer_tile<Dot, kType, Block, 1, static_cast<int>(kIndex) + 1>...};
    static constexpr IntegerTile kPanelTiles[] = {
        integer_tile<Dot, kType, Block, kPanels, static_cast<int>(kIndex) + 1>...};
    constexpr int kTile = static_cast<int>(sizeof...(kIndex));
    const PackedMatrix& w = args.weights;
    const std::size_t size = panel_bytes(w.type, w.cols);
    for_groups<Source, Block, Layout::Rows>(args, kTile, w.cols / 32, [&](const Pass<Block>& pass) {
        if constexpr (!Format<kType>::kSigned && std::is_same_v<Block, I16Block>) {
            if (pass.count == 1 && w.cols <= kByteColumns) {
                return multiply_bytes<Dot, kType>(args, pass.row(args, 0), pass.first);
            }
        }
        if constexpr (unpacks_once<Dot, Format<kType>, Block>()) {
            if (pass.count > kTile) {
                std::int64_t panel = pass.first_panel;
                for (; panel + kWidePanels <= pass.last_panel; panel += kWidePanels) {
                    multiply_wide<Dot, kType, kWidePanels>(args, panel, pass,
                                                           std::index_sequence<kIndex...>());
                }
                for (; panel < pass.last_panel; ++panel) {
                    multiply_wide<Dot, kType, 1>(args, panel, pass, std::index_sequence<kIndex...>());
                }
                return;
            }
        }
        for (std::int64_t panel = pass.first_panel; panel < pass.last_panel;) {
            const int together =
                kPanels > 1 && pass.count > 1 && panel + kPanels <= pass.last_panel ? kPanels : 1;
            const std::byte* weights =
                w.data + static_cast<std::size_t>(panel) * size + pass.skipped_bytes(w.type);
            float* sums = pass.sums_of(panel);
            for (int t = 0; t < pass.count; t += kTile) {
                const int tokens = pass.count - t < kTile ? pass.count - t : kTile;
                const Output out[] = {output_of(args, panel, pass.first + t),
                                      output_of(args, panel + kPanels - 1, pass.first + t)};
                const std::byte* rows[kTile];
                for (int i = 0; i < tokens; ++i) {
                    rows[i] = reinterpret_cast<const std::byte*>(pass.row(args, t + i));
                }
                if (pass.count > kTile && pass.columns.ends()) {
                    ask_for_outputs(args, panel, together, pass.first + t, tokens);
                }
                (together > 1 ? kPanelTiles : kTiles)[tokens - 1](weights, size, pass.columns, rows, sums,
                                                                  out);
                if (sums) {
                    sums += together * tokens * kPanelRows;
                }
            }
            panel += together;
        }
    });
}

/// Calls run.operator()<Source, Block>(tiles) for the activations at hand: 8-bit ones are widened where the
/// weights do not meet bytes, unless there is one row, which would be widened for each call anew.
template <class Dot, int kBits, std::size_t... kIndex, class Run>
inline void with_blocks(const MatmulArgs& args, std::index_sequence<kIndex...> tiles, const Run& run) {
    if (args.activation_bits == 16) {
        run.template operator()<I16Block, I16Block>(tiles);
    } else if constexpr (Dot::template kTakesBytes<kBits>) {
        run.template operator()<I8Block, I8Block>(std::make_index_sequence<Dot::kByteTile>());
    } else if (args.tokens > 1) {
        run.template operator()<I8Block, I16Block>(tiles);
    } else {
        run.template operator()<I8Block, I8Block>(std::make_index_sequence<1>());
    }
}

template <class Dot, BlockType kType, std::size_t... kIndex>
inline void multiply_integers(const MatmulArgs& args, std::index_sequence<kIndex...> tiles) {
    with_blocks<Dot, Format<kType>::kBits>(args, tiles, [&]<class Source, class Block>(auto sequence) {
        multiply_blocks<Dot, kType, Source, Block>(args, sequence);
    });
}

using FloatTile = void (*)(const std::byte* panel, std::size_t panel_size, std::int64_t cols,
                           const float* const* rows, float* sums);

/// Tokens of a tile of two panels, as registers hold their sums beside weights and a value. Of 32 registers
/// more would do, but there are no more for the rows' addresses.
#if defined(__AVX512VL__)
inline constexpr int kFloatTile = 8;
#else
inline constexpr int kFloatTile = 6;
#endif
static_assert(!kWidensOnce || kWidenedTokens % kFloatTile == 0); // a group of whole tiles has no more
inline constexpr std::int64_t kFloatColumns =
    256; ///< of two panels, whole runs, to stay in the first-level cache

/// The tile of P panels and `tokens` tokens.
template <BlockType kType, int P>
inline FloatTile float_tile_of(int tokens) {
    static constexpr auto kTiles = []<int... kTokens>(std::integer_sequence<int, kTokens...>) {
        return std::array<FloatTile, kFloatTile>{float_tile<kType, P, kTokens + 1>...};
    }
    (std::make_integer_sequence<int, kFloatTile>());
    return kTiles[static_cast<std::size_t>(tokens - 1)];
}

/// `cols` columns of a panel as floats, [column][8 rows].
template <BlockType kType>
inline void widen_columns(const std::byte* panel, std::int64_t cols, float* out) {
    using Panel = FloatPanel<kType>;
    __m256 scale = {};
    for (std::int64_t k = 0; k < cols; ++k, panel += Panel::kColumn, out += kPanelRows) {
        if constexpr (Panel::kRun != 0) {
            if (k % Panel::kRun == 0) {
                scale = load_scale(panel);
                panel += Panel::kHead;
            }
        }
        _mm256_store_ps(out, load_column<kType>(panel, scale));
    }
}

/// P panels times a group of tokens, a part's columns in pieces that the weights of stay near.
template <BlockType kType, int P>
inline void multiply_panels(const MatmulArgs& args, std::int64_t panel, const Pass<float>& pass) {
    const PackedMatrix& w = args.weights;
    const std::size_t size = panel_bytes(w.type, w.cols);
    const std::byte* weights = w.data + static_cast<std::size_t>(panel) * size + pass.skipped_bytes(w.type);
    const int count = pass.count;
    alignas(32) float own[P * kMostTokens * kPanelRows];
    constexpr bool kWidens = kWidensOnce && kType != BlockType::F32;
    alignas(32) float wide[kWidens ? P * kFloatColumns * kPanelRows : kPanelRows];
    const bool whole = pass.columns.starts() && pass.columns.ends();
    float* sums = whole ? own : pass.sums_of(panel);
    if (pass.columns.starts()) {
        __builtin_memset(sums, 0, static_cast<std::size_t>(P * count * kPanelRows) * sizeof(float));
    }
    const Pieces columns{pass.columns.count, count <= kFloatTile ? pass.columns.count : kFloatColumns};
    for (std::int64_t k = 0; k < columns.all; k += columns.piece) {
        const std::int64_t cols = columns.from(k);
        const std::byte* from = weights + panel_bytes(w.type, k);
        const bool widens = kWidens && count > kFloatTile, last = pass.columns.ends() && columns.is_last(k);
        WeightsAhead<P> next; // where tiles read the matrix itself they need no help
        if (widens) {
            for (int p = 0; p < P; ++p) {
                widen_columns<kType>(from + static_cast<std::size_t>(p) * size, cols,
                                     wide + p * kFloatColumns * kPanelRows);
            }
            next = WeightsAhead<P>(w.type, weights, size, columns, k, panel + P < pass.last_panel,
                                   (count + kFloatTile - 1) / kFloatTile);
        }
        for (int t = 0; t < count; t += kFloatTile) {
            const int tokens = count - t < kFloatTile ? count - t : kFloatTile;
            const float* rows[kFloatTile];
            for (int i = 0; i < tokens; ++i) {
                rows[i] = pass.row(args, t + i) + k;
            }
            float* const of_tile = sums + P * t * kPanelRows;
            next.ask();
            if (last && count > kFloatTile) {
                ask_for_outputs(args, panel, P, pass.first + t, tokens);
            }
            if (widens) {
                float_tile_of<BlockType::F32, P>(tokens)(reinterpret_cast<const std::byte*>(wide),
                                                         kFloatColumns * kPanelRows * sizeof(float), cols,
                                                         rows, of_tile);
            } else {
                float_tile_of<kType, P>(tokens)(from, size, cols, rows, of_tile);
            }
            if (last) {
                store_tile<P>(args, panel, pass.first + t, tokens, of_tile);
            }
        }
    }
}

template <BlockType kType>
inline void multiply_floats(const MatmulArgs& args) {
    for_groups<float, float, Layout::Rows>(args, kFloatTile, args.weights.cols, [&](const Pass<float>& pass) {
        std::int64_t panel = pass.first_panel;
        if (pass.count <= 3) { // few tokens leave registers for four panels
            for (; panel + 4 <= pass.last_panel; panel += 4) {
                multiply_panels<kType, 4>(args, panel, pass);
            }
        }
        for (; panel + 2 <= pass.last_panel; panel += 2) {
            multiply_panels<kType, 2>(args, panel, pass);
        }
        if (panel < pass.last_panel) {
            multiply_panels<kType, 1>(args, panel, pass);
        }
    });
}

/// Calls run.operator()<type>() where panels of `type` meet integers.
template <class Run>
inline void with_integer_type(BlockType type, const Run& run) {
    const auto run_if = [&]<BlockType kType>() {
        if (type == kType) {
            run.template operator()<kType>();
        }
    };
    const auto run_one_of = [&run_if]<BlockType... kTypes>() { (run_if.template operator()<kTypes>(), ...); };
    run_one_of.template
    operator()<BlockType::Q8_0, BlockType::Q4_0, BlockType::Q4_1, BlockType::Q5_0, BlockType::Q5_1,
               BlockType::Q4_K, BlockType::Q6_K, BlockType::Q5_K, BlockType::Q3_K, BlockType::Q2_K,
               BlockType::IQ4_NL, BlockType::IQ4_XS, BlockType::MXFP4>();
}

/// The product with panels, tiles of kTile tokens for integers; of streamed types none.
template <class Dot, int kTile>
inline void multiply_packed(const MatmulArgs& args) {
    switch (args.weights.type) {
    case BlockType::F32:
        return multiply_floats<BlockType::F32>(args);
    case BlockType::F16:
        return multiply_floats<BlockType::F16>(args);
    case BlockType::BF16:
        return multiply_floats<BlockType::BF16>(args);
    case BlockType::FP8:
        return multiply_floats<BlockType::FP8>(args);
    default:
        with_integer_type(args.weights.type, [&]<BlockType kType>() {
            multiply_integers<Dot, kType>(args, std::make_index_sequence<kTile>());
        });
    }
}

} // namespace
} // namespace switchyard::cpu
