// Products with packed weights for x86 vectors of 256 bits: one tile is the rows of a panel times a few
// tokens.
//
// Included once by each instruction set's file, which says how integers are multiplied (`Dot`). Everything is
// in an unnamed namespace, so code compiled for one processor never serves another.
#pragma once

#include "kernels/cpu/formats.h"

#include <utility>

namespace switchyard::cpu {
namespace {

// ---- Tiles of integers

/// Columns (0, 2) or (1, 3) of group g in every 32-bit lane.
inline __m256i pair_of(const I16Block& x, int g, int odd) {
    std::int32_t two;
    __builtin_memcpy(&two, x.q + 4 * g + 2 * odd, sizeof two);
    return _mm256_set1_epi32(two);
}

/// The even and odd bytes of a group's weights as 16-bit integers.
template <bool kSigned>
struct Words {
    __m256i even, odd;
    explicit Words(__m256i bytes)
        : even(kSigned ? _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8)
                       : _mm256_and_si256(bytes, _mm256_set1_epi16(0xff))),
          odd(kSigned ? _mm256_srai_epi16(bytes, 8) : _mm256_srli_epi16(bytes, 8)) {}
};

/// What a sum starts from: the weights' offset, for all 32 columns or, with halves, for 16.
template <class F>
inline __m256i start_of(const I16Block& x, int half) {
    if (F::kOffsetShift == 0 || (!F::kHalves && half == 1)) {
        return _mm256_setzero_si256();
    }
    const __m256i low = _mm256_set1_epi32(x.neg_low), all = _mm256_set1_epi32(x.neg_sum);
    const __m256i sum = !F::kHalves ? all : half == 0 ? low : _mm256_sub_epi32(all, low);
    return _mm256_slli_epi32(sum, F::kOffsetShift);
}

/// `acc` and what a block's integer sums stand for: of all columns, or of the first 16 and of the others.
template <class F>
[[gnu::always_inline]] inline __m256 add_sums(const F& format, int sub, const I16Block& x, __m256i first,
                                              [[maybe_unused]] __m256i second, __m256 acc) {
    __m256 dot = _mm256_cvtepi32_ps(first);
    if constexpr (F::kHalves) {
        dot = _mm256_fmadd_ps(dot, format.half_scale(sub, 0),
                              _mm256_mul_ps(_mm256_cvtepi32_ps(second), format.half_scale(sub, 1)));
    }
    acc = _mm256_fmadd_ps(dot, _mm256_mul_ps(format.scale(sub), _mm256_set1_ps(x.scale)), acc);
    if constexpr (F::kMin && F::kHalves) {
        const float low = static_cast<float>(-x.neg_low) * x.scale;
        const float high = static_cast<float>(x.neg_low - x.neg_sum) * x.scale;
        acc = _mm256_fmadd_ps(format.half_min(sub, 0), _mm256_set1_ps(low), acc);
        acc = _mm256_fmadd_ps(format.half_min(sub, 1), _mm256_set1_ps(high), acc);
    } else if constexpr (F::kMin) {
        acc = _mm256_fmadd_ps(format.min(sub), _mm256_set1_ps(x.sum), acc);
    }
    return acc;
}

/// Adds 32 columns of P panels to acc [P][T]: x[t] are the tokens' blocks.
template <class Dot, class F, int P, int T>
[[gnu::always_inline]] inline void add_columns(const F* formats, int sub, const I16Block* x, __m256* acc) {
    // Two sums where one would wait for itself.
    constexpr int kSums = F::kHalves || P * T <= 2 ? 2 : 1;
    __m256i sums[P][T][kSums];
#pragma GCC unroll 16
    for (int t = 0; t < T; ++t) {
        for (int half = 0; half < kSums; ++half) {
            const __m256i start = start_of<F>(x[t], half);
#pragma GCC unroll 2
            for (int p = 0; p < P; ++p) {
                sums[p][t][half] = start;
            }
        }
    }
    const auto add_words = [&](const Words<F::kSigned>* words, int group, int half)
        __attribute__((always_inline)) {
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) {
            const __m256i even = pair_of(x[t], group, 0), odd = pair_of(x[t], group, 1);
#pragma GCC unroll 2
            for (int p = 0; p < P; ++p) {
                __m256i& sum = sums[p][t][half];
                sum = Dot::add(Dot::add(sum, words[p].even, even), words[p].odd, odd);
            }
        }
    };
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
        if constexpr (P == 1) {
            const Pair pair = formats[0].weights(sub, v);
            const Words<F::kSigned> low(pair.low), high(pair.high);
            add_words(&low, v, 0);
            add_words(&high, v + 4, kSums - 1);
        } else {
            const Pair pairs[] = {formats[0].weights(sub, v), formats[1].weights(sub, v)};
            const Words<F::kSigned> low[] = {Words<F::kSigned>(pairs[0].low),
                                             Words<F::kSigned>(pairs[1].low)};
            add_words(low, v, 0);
            const Words<F::kSigned> high[] = {Words<F::kSigned>(pairs[0].high),
                                              Words<F::kSigned>(pairs[1].high)};
            add_words(high, v + 4, kSums - 1);
        }
    }
#pragma GCC unroll 2
    for (int p = 0; p < P; ++p) {
#pragma GCC unroll 16
        for (int t = 0; t < T; ++t) {
            const auto& found = sums[p][t];
            __m256& sum = acc[p * T + t];
            if constexpr (F::kHalves) {
                sum = add_sums<F>(formats[p], sub, x[t], found[0], found[kSums - 1], sum);
            } else {
                const __m256i all = kSums == 1 ? found[0] : _mm256_add_epi32(found[0], found[kSums - 1]);
                sum = add_sums<F>(formats[p], sub, x[t], all, all, sum);
            }
        }
    }
}

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

/// P panels, `size` bytes apart, times T tokens; `x` is [cols / 32][T].
template <class Dot, BlockType kType, int P, int T>
void integer_tile(const std::byte* panel, std::size_t size, std::int64_t cols, const std::byte* x,
                  const Output* out) {
    using F = Format<kType>;
    using Panel = typename F::Panel;
    const auto* block = reinterpret_cast<const I16Block*>(x);
    __m256 acc[P * T];
#pragma GCC unroll 16
    for (int i = 0; i < P * T; ++i) {
        acc[i] = _mm256_setzero_ps();
    }
    for (std::int64_t i = 0; i < cols / (32 * F::kSubs); ++i, panel += sizeof(Panel)) {
        const auto& first = *reinterpret_cast<const Panel*>(panel);
        const auto& last = *reinterpret_cast<const Panel*>(panel + (P - 1) * size);
        const F formats[] = {F(first), F(last)};
        for (int sub = 0; sub < F::kSubs; ++sub, block += T) {
            add_columns<Dot, F, P, T>(formats, sub, block, acc);
        }
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

/// Adds `cols` columns of P neighbouring panels times T tokens to `sums` [P][T][8]; `x` is [cols][T]. Sums
/// run along the columns in order.
template <BlockType kType, int P, int T>
void float_tile(const std::byte* panel, std::size_t panel_size, std::int64_t cols, const float* x,
                float* sums) {
    using Panel = FloatPanel<kType>;
    __m256 acc[P][T], scale[P] = {};
#pragma GCC unroll 16
    for (int i = 0; i < P * T; ++i) {
        acc[i / T][i % T] = _mm256_loadu_ps(sums + kPanelRows * i);
    }
    for (std::int64_t k = 0; k < cols; ++k, x += T, panel += Panel::kColumn) {
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
#pragma GCC unroll 16
            for (int p = 0; p < P; ++p) {
                w[p] = load_column<kType>(panel + static_cast<std::size_t>(p) * panel_size, scale[p]);
            }
#pragma GCC unroll 16
            for (int t = 0; t < T; ++t) {
                const __m256 value = _mm256_broadcast_ss(x + t);
#pragma GCC unroll 16
                for (int p = 0; p < P; ++p) {
                    acc[p][t] = _mm256_fmadd_ps(w[p], value, acc[p][t]);
                }
            }
        } else {
            __m256 values[T];
#pragma GCC unroll 16
            for (int t = 0; t < T; ++t) {
                values[t] = _mm256_broadcast_ss(x + t);
            }
#pragma GCC unroll 16
            for (int p = 0; p < P; ++p) {
                const __m256 w =
                    load_column<kType>(panel + static_cast<std::size_t>(p) * panel_size, scale[p]);
#pragma GCC unroll 16
                for (int t = 0; t < T; ++t) {
                    acc[p][t] = _mm256_fmadd_ps(w, values[t], acc[p][t]);
                }
            }
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < P * T; ++i) {
        _mm256_storeu_ps(sums + kPanelRows * i, acc[i / T][i % T]);
    }
}

// ---- Walking over a product

/// Activations of a group of tokens that stays in the second-level cache while every panel passes.
inline constexpr std::size_t kGroupBytes = 192 * 1024;

inline constexpr int kGroupTokens = 96;

/// Tokens of a group: whole tiles within kGroupBytes; 1 where not even two rows fit.
inline int group_tokens(std::size_t row_bytes, int tile, int tokens) {
    const auto bytes = static_cast<std::int64_t>(kGroupBytes / row_bytes);
    const std::int64_t fit = bytes < kGroupTokens ? bytes : kGroupTokens;
    const std::int64_t group = fit >= tile ? fit / tile * tile : fit < 1 ? 1 : fit;
    return static_cast<int>(group < tokens ? group : tokens);
}

/// Copies `count` tokens from `first` as tiles of at most `tile`, each [cols / unit][tokens of the tile].
template <class Unit>
inline void gather(const MatmulArgs& args, int first, int count, int tile, std::int64_t units, Unit* out) {
    for (int begin = 0; begin < count; begin += tile) {
        const int width = count - begin < tile ? count - begin : tile;
        for (int t = 0; t < width; ++t) {
            const int token = first + begin + t;
            const auto row = static_cast<std::size_t>(args.index ? args.index[token] : token);
            const auto* x = reinterpret_cast<const Unit*>(args.activations + row * args.activation_stride);
            for (std::int64_t i = 0; i < units; ++i) {
                out[i * width + t] = x[i];
            }
        }
        out += units * width;
    }
}

/// Calls run(x, first token, tokens) for groups of tokens laid out by gather().
template <class Unit, class Run>
inline void for_groups(const MatmulArgs& args, int tile, std::int64_t units, const Run& run) {
    alignas(64) std::byte buffer[kGroupBytes];
    const int group = group_tokens(static_cast<std::size_t>(units) * sizeof(Unit), tile, args.tokens);
    for (int first = 0; first < args.tokens; first += group) {
        const int count = args.tokens - first < group ? args.tokens - first : group;
        if (count == 1) { // a tile of one token is the row itself
            const auto row = static_cast<std::size_t>(args.index ? args.index[first] : first);
            run(reinterpret_cast<const Unit*>(args.activations + row * args.activation_stride), first, 1);
            continue;
        }
        auto* x = reinterpret_cast<Unit*>(buffer);
        gather(args, first, count, tile, units, x);
        run(x, first, count);
    }
}

inline Output output_of(const MatmulArgs& args, std::int64_t panel, int token) {
    const std::int64_t left = args.weights.rows - panel * kPanelRows;
    return {args.y + token * args.y_stride + panel * kPanelRows, args.y_stride,
            static_cast<int>(left < kPanelRows ? left : kPanelRows), args.accumulate};
}

inline constexpr std::int64_t kByteColumns = 32768; ///< of a row that is taken apart into bytes

/// Panels of unsigned weights times one token (byte_tile.h). PRECOND: no more than kByteColumns columns.
template <class Dot, BlockType kType>
void multiply_bytes(const MatmulArgs& args, const I16Block* x, int token);

using IntegerTile = void (*)(const std::byte* panel, std::size_t size, std::int64_t cols, const std::byte* x,
                             const Output* out);

/// The tiles of 1 .. T tokens, by tokens - 1.
template <class Dot, BlockType kType, std::size_t... kIndex>
inline void multiply_integers(const MatmulArgs& args, std::index_sequence<kIndex...>) {
    // Panels that pass together share what is read of the tokens; halves have sums of their own, for which
    // there would be no registers.
    constexpr int kPanels = Format<kType>::kHalves ? 1 : Dot::kPanels;
    static constexpr IntegerTile kTiles[] = {integer_tile<Dot, kType, 1, static_cast<int>(kIndex) + 1>...};
    static constexpr IntegerTile kWideTiles[] = {
        integer_tile<Dot, kType, kPanels, static_cast<int>(kIndex) + 1>...};
    constexpr int kTile = static_cast<int>(sizeof...(kIndex));
    const PackedMatrix& w = args.weights;
    const std::size_t size = panel_bytes(w.type, w.cols);
    for_groups<I16Block>(args, kTile, w.cols / 32, [&](const I16Block* x, int first, int count) {
        if constexpr (!Format<kType>::kSigned) {
            if (count == 1 && w.cols <= kByteColumns) {
                return multiply_bytes<Dot, kType>(args, x, first);
            }
        }
        for (std::int64_t panel = args.first_panel; panel < args.last_panel;) {
            const bool wide = kPanels > 1 && count > 1 && panel + kPanels <= args.last_panel;
            const std::byte* weights = w.data + static_cast<std::size_t>(panel) * size;
            const I16Block* at = x;
            for (int t = 0; t < count; t += kTile) {
                const int tokens = count - t < kTile ? count - t : kTile;
                const Output out[] = {output_of(args, panel, first + t),
                                      output_of(args, panel + kPanels - 1, first + t)};
                (wide ? kWideTiles : kTiles)[tokens - 1](weights, size, w.cols,
                                                         reinterpret_cast<const std::byte*>(at), out);
                at += w.cols / 32 * tokens;
            }
            panel += wide ? kPanels : 1;
        }
    });
}

using FloatTile = void (*)(const std::byte* panel, std::size_t panel_size, std::int64_t cols, const float* x,
                           float* sums);

inline constexpr int kFloatTile = 6; ///< tokens
inline constexpr std::int64_t kFloatColumns =
    256; ///< of two panels, whole runs, to stay in the first-level cache

/// The tile of P panels and `tokens` tokens.
template <BlockType kType, int P>
inline FloatTile float_tile_of(int tokens) {
    static constexpr FloatTile kTiles[] = {float_tile<kType, P, 1>, float_tile<kType, P, 2>,
                                           float_tile<kType, P, 3>, float_tile<kType, P, 4>,
                                           float_tile<kType, P, 5>, float_tile<kType, P, 6>};
    return kTiles[tokens - 1];
}

/// P panels times a group of tokens, columns in parts that the weights of stay near.
template <BlockType kType, int P>
inline void multiply_panels(const MatmulArgs& args, std::int64_t panel, const float* x, int first,
                            int count) {
    const PackedMatrix& w = args.weights;
    const std::size_t size = panel_bytes(w.type, w.cols);
    const std::byte* weights = w.data + static_cast<std::size_t>(panel) * size;
    alignas(32) float sums[P * kGroupTokens * kPanelRows];
    __builtin_memset(sums, 0, static_cast<std::size_t>(P * count * kPanelRows) * sizeof(float));
    const std::int64_t part = count <= kFloatTile ? w.cols : kFloatColumns;
    for (std::int64_t k = 0; k < w.cols; k += part) {
        const std::int64_t cols = w.cols - k < part ? w.cols - k : part;
        for (int t = 0; t < count; t += kFloatTile) {
            const int tokens = count - t < kFloatTile ? count - t : kFloatTile;
            float_tile_of<kType, P>(tokens)(weights + panel_bytes(w.type, k), size, cols,
                                            x + w.cols * t + k * tokens, sums + P * t * kPanelRows);
        }
    }
    for (int t = 0; t < count; ++t) {
        const int tile = t / kFloatTile * kFloatTile;
        const int tokens = count - tile < kFloatTile ? count - tile : kFloatTile;
        for (int p = 0; p < P; ++p) {
            const float* sum = sums + (P * tile + p * tokens + t - tile) * kPanelRows;
            output_of(args, panel + p, first).store(t, _mm256_load_ps(sum));
        }
    }
}

template <BlockType kType>
inline void multiply_floats(const MatmulArgs& args) {
    for_groups<float>(args, kFloatTile, args.weights.cols, [&](const float* x, int first, int count) {
        std::int64_t panel = args.first_panel;
        if (count <= 3) { // few tokens leave registers for four panels
            for (; panel + 4 <= args.last_panel; panel += 4) {
                multiply_panels<kType, 4>(args, panel, x, first, count);
            }
        }
        for (; panel + 2 <= args.last_panel; panel += 2) {
            multiply_panels<kType, 2>(args, panel, x, first, count);
        }
        if (panel < args.last_panel) {
            multiply_panels<kType, 1>(args, panel, x, first, count);
        }
    });
}

/// The product with panels, tiles of kTile tokens for integers.
template <class Dot, int kTile>
inline void multiply_packed(const MatmulArgs& args) {
    constexpr auto kIntegers = std::make_index_sequence<kTile>();
    switch (args.weights.type) {
    case BlockType::F32:
        return multiply_floats<BlockType::F32>(args);
    case BlockType::F16:
        return multiply_floats<BlockType::F16>(args);
    case BlockType::BF16:
        return multiply_floats<BlockType::BF16>(args);
    case BlockType::FP8:
        return multiply_floats<BlockType::FP8>(args);
    case BlockType::Q8_0:
        return multiply_integers<Dot, BlockType::Q8_0>(args, kIntegers);
    case BlockType::Q4_0:
        return multiply_integers<Dot, BlockType::Q4_0>(args, kIntegers);
    case BlockType::Q4_1:
        return multiply_integers<Dot, BlockType::Q4_1>(args, kIntegers);
    case BlockType::Q5_0:
        return multiply_integers<Dot, BlockType::Q5_0>(args, kIntegers);
    case BlockType::Q5_1:
        return multiply_integers<Dot, BlockType::Q5_1>(args, kIntegers);
    case BlockType::Q4_K:
        return multiply_integers<Dot, BlockType::Q4_K>(args, kIntegers);
    case BlockType::Q6_K:
        return multiply_integers<Dot, BlockType::Q6_K>(args, kIntegers);
    case BlockType::Q5_K:
        return multiply_integers<Dot, BlockType::Q5_K>(args, kIntegers);
    case BlockType::Q3_K:
        return multiply_integers<Dot, BlockType::Q3_K>(args, kIntegers);
    case BlockType::Q2_K:
        return multiply_integers<Dot, BlockType::Q2_K>(args, kIntegers);
    case BlockType::IQ4_NL:
        return multiply_integers<Dot, BlockType::IQ4_NL>(args, kIntegers);
    case BlockType::IQ4_XS:
        return multiply_integers<Dot, BlockType::IQ4_XS>(args, kIntegers);
    case BlockType::MXFP4:
        return multiply_integers<Dot, BlockType::MXFP4>(args, kIntegers);
    default: // streamed types
        return;
    }
}

} // namespace
} // namespace switchyard::cpu
