// A warp's work on a unit of columns: integers, pairs of 16-bit floats, floats. The same operations in the
// same order for every output, whatever the number of rows.
#pragma once

#include "kernels/cuda/step_data.h"
#include "kernels/cuda/weight_units.cuh"

namespace switchyard::cuda {

/// A warp's sums of a tile row. For 8 or more rows the fragments of mma: c[n][2 u + j] is matrix row g + 8 u
/// and row 8 n + 2 t + j. For one row c[0][u] in the lanes with t = 0.
template <int kRows>
struct RowSums {
    float c[kRows / 8][4];
};
template <>
struct RowSums<1> {
    float c[1][2];
};

/// The prepared rows that a lane reads: for fragments row g of each tile of 8 (`own`), for scales 2 t and 2 t
/// + 1. Columns without a row read row 0; tiles from `used` on have none, and their sums stay as they are.
template <int kRows>
struct TokenRows {
    static constexpr int kTiles = kRows == 1 ? 1 : kRows / 8;
    int g, t; ///< of the lane
    int used = kTiles;
    std::int32_t own[kTiles], scales[kTiles][2];

    template <typename RowOf>
    __device__ TokenRows(int lane, const RowOf& row_of) : g(lane / 4), t(lane % 4) {
#pragma unroll
        for (int n = 0; n < kTiles; ++n) {
            const int row = row_of(kRows == 1 ? 0 : 8 * n + g);
            own[n] = max(row, 0);
            if (kTiles > 1 && ballot(row >= 0) == 0)
                used = min(used, n);
#pragma unroll
            for (int j = 0; j < 2; ++j)
                scales[n][j] = kRows == 1 ? own[n] : max(row_of(8 * n + 2 * t + j), 0);
        }
    }
    /// The same in all lanes.
    __device__ bool uses(int n) const { return kTiles == 1 || n < used; }
};

template <typename T>
__device__ inline T read_as(const void* p) {
    return *static_cast<const T*>(p);
}

// ---- Integers

/// A ByteBlock's numbers.
struct BlockNumbers {
    float scale, sum;
    std::int32_t integers, low;

    __device__ explicit BlockNumbers(const ByteBlock& block) {
        const auto words = read_as<uint4>(&block.scale);
        scale = bits_float(words.x), sum = bits_float(words.y);
        integers = static_cast<std::int32_t>(words.z), low = static_cast<std::int32_t>(words.w);
    }
};

template <BlockType kWeights, int kRows>
struct IntegerUnit {
    static constexpr BlockType kType = kWeights;
    static constexpr int kColumns = 256;
    static constexpr bool kOne = kRows == 1;
    using Weights = WeightUnit<kType, kOne>;
    /// Registers do for two tile rows at once.
    static constexpr bool kPairs =
        !Weights::kHalves && kType != BlockType::Q5_K && kType != BlockType::IQ4_XS;
    using Sums = RowSums<kRows>;
    static constexpr bool kWhole = tile_group(kType).columns == kColumns; ///< a unit never has less
    static constexpr int kSets = Weights::kHalves ? 2 : 1; ///< sums a block: of its halves, or of all

    Weights weights;

    __device__ void load_all(UnitAt at) {
#pragma unroll
        for (int j = 0; j < 4; ++j)
            weights.load(j, at);
        weights.load_rest(at);
    }
    __device__ static const Sums& row_sums(const Sums& sums, int) { return sums; }

    /// Adds the columns from `column` on to `sums`, and loads unit `next`: of one tile row, or of two that
    /// meet the same inputs, which are then read once; `both`: the second is there.
    template <int kTogether>
    __device__ static void multiply(IntegerUnit (&units)[kTogether], const PreparedRows& in,
                                    const TokenRows<kRows>& rows, int column, int tiles, bool both,
                                    const UnitAt (&next)[kTogether], Sums (&sums)[kTogether]) {
        const ByteBlock* blocks = in.bytes + column / 32;
        if constexpr (kOne)
            units[0].multiply_row(blocks + static_cast<std::int64_t>(rows.own[0]) * (in.padded / 32), rows.g,
                                  rows.t, tiles, next[0], sums[0]);
        else
            multiply_rows(units, blocks, in.padded / 32, rows, tiles, both, next, sums);
    }

  private:
    /// A fragment times one block of inputs, high and low bytes apart.
    __device__ static void add_products(const Fragment& a, const uint4& x, std::int32_t (&high)[kSets][4],
                                        std::int32_t (&low)[kSets][4]) {
        if constexpr (Weights::kHalves) {
#pragma unroll
            for (int half = 0; half < 2; ++half) {
                const std::uint32_t of_half[2] = {a[2 * half], a[2 * half + 1]};
                mma_bytes_half<true>(high[half], of_half, half == 0 ? x.x : x.y);
                mma_bytes_half<false>(low[half], of_half, half == 0 ? x.z : x.w);
            }
        } else {
            const std::uint32_t of_high[2] = {x.x, x.y}, of_low[2] = {x.z, x.w};
            mma_bytes<true>(high[0], a, of_high);
            mma_bytes<false>(low[0], a, of_low);
        }
    }

    /// What block sb adds to row g + 8 u's sum, upon what the block before it added (`first`: there is none).
    /// `dot`: the sums of the products of integers, of each half where those have scales.
    __device__ float block_term(int u, int sb, const std::int32_t (&dot)[kSets], const BlockNumbers& x,
                                bool first, float before) const {
        float sum;
        if constexpr (Weights::kHalves) {
            const std::int32_t second = dot[kSets - 1] - Weights::kOffset * (x.integers - x.low);
            sum = fmaf(static_cast<float>(dot[0] - Weights::kOffset * x.low), weights.half_scale(u, sb, 0),
                       multiply_rounded(static_cast<float>(second), weights.half_scale(u, sb, 1)));
        } else {
            sum = static_cast<float>(dot[0] - Weights::kOffset * x.integers);
        }
        const float scale = multiply_rounded(weights.scale(u, sb), x.scale);
        float term = first ? multiply_rounded(sum, scale) : fmaf(sum, scale, before);
        if constexpr (Weights::kMin && Weights::kHalves) {
            const float low = multiply_rounded(static_cast<float>(x.low), x.scale);
            const float high = multiply_rounded(static_cast<float>(x.integers - x.low), x.scale);
            term = fmaf(weights.half_min(u, sb, 0), low, term);
            term = fmaf(weights.half_min(u, sb, 1), high, term);
        } else if constexpr (Weights::kMin) {
            term = fmaf(weights.min(u, sb), x.sum, term);
        }
        return term;
    }

    /// One row: block s of the unit is column s of the products, so that one pair of fragments takes all
    /// eight, and each lane scales the two blocks that it has.
    __device__ void multiply_row(const ByteBlock* x, int g, int t, int tiles, UnitAt next, Sums& sums) {
        const int last = kWhole ? 7 : 2 * tiles - 1;
        const auto own = read_as<uint4>(x[min(g, last)].bytes + 16 * t);
        const BlockNumbers numbers[2] = {BlockNumbers(x[min(2 * t, last)]),
                                         BlockNumbers(x[min(2 * t + 1, last)])};
        std::int32_t high[kSets][4] = {}, low[kSets][4] = {};
#pragma unroll
        for (int s = 0; s < 8; ++s) { // columns behind the row's end are left out below
            Fragment a;
            weights.fragment(s, a);
            const bool mine = g == s;
            add_products(a, {mine ? own.x : 0u, mine ? own.y : 0u, mine ? own.z : 0u, mine ? own.w : 0u},
                         high, low);
            if (s % 2 == 1)
                weights.load(s / 2, next);
        }
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            float pair = 0.0f;
#pragma unroll
            for (int b = 0; b < 2; ++b) {
                std::int32_t dot[kSets];
#pragma unroll
                for (int set = 0; set < kSets; ++set)
                    dot[set] = 256 * high[set][2 * u + b] + low[set][2 * u + b];
                pair = block_term(u, b, dot, numbers[b], b == 0, pair);
            }
            if (2 * t > last)
                pair = 0.0f;
            float& sum = sums.c[0][u];
            sum = add_rounded(sum, pair);
#pragma unroll
            for (int distance = 1; distance < 4; ++distance)
                sum = add_rounded(sum, shuffle_down(pair, distance));
        }
        weights.load_rest(next);
    }

    /// Tiles of 8 rows: a row is a column of the products.
    template <int kTogether>
    __device__ static void multiply_rows(IntegerUnit (&units)[kTogether], const ByteBlock* x, int row_blocks,
                                         const TokenRows<kRows>& rows, int tiles, bool both,
                                         const UnitAt (&next)[kTogether], Sums (&sums)[kTogether]) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
            // K types have all tiles: this keeps the compiler from reading all inputs in advance, for which
            // there are no registers.
            if (j < tiles)
#pragma unroll
                for (int n = 0; n < TokenRows<kRows>::kTiles; ++n) {
                    if (!rows.uses(n))
                        break;
                    multiply_pair(units, x + 2 * j, row_blocks, rows, j, n, both, sums);
                }
#pragma unroll
            for (int i = 0; i < kTogether; ++i)
                units[i].weights.load(j, next[i]);
        }
#pragma unroll
        for (int i = 0; i < kTogether; ++i)
            units[i].weights.load_rest(next[i]);
    }
    template <int kTogether>
    __device__ static void multiply_pair(const IntegerUnit (&units)[kTogether], const ByteBlock* x,
                                         int row_blocks, const TokenRows<kRows>& rows, int j, int n,
                                         bool both, Sums (&sums)[kTogether]) {
        const ByteBlock* own = x + static_cast<std::int64_t>(rows.own[n]) * row_blocks;
        const ByteBlock* of_scales[2] = {x + static_cast<std::int64_t>(rows.scales[n][0]) * row_blocks,
                                         x + static_cast<std::int64_t>(rows.scales[n][1]) * row_blocks};
        float pair[kTogether][4] = {};
#pragma unroll
        for (int b = 0; b < 2; ++b) {
            const auto in = read_as<uint4>(own[b].bytes + rows.t * 16);
            const BlockNumbers numbers[2] = {BlockNumbers(of_scales[0][b]), BlockNumbers(of_scales[1][b])};
#pragma unroll
            for (int u = 0; u < kTogether; ++u)
                if (u == 0 || both)
                    units[u].add_block(2 * j + b, in, numbers, pair[u]);
        }
#pragma unroll
        for (int u = 0; u < kTogether; ++u)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                sums[u].c[n][i] = add_rounded(sums[u].c[n][i], pair[u][i]);
    }
    /// Block sb's part of a pair's sums, with 8 rows.
    __device__ void add_block(int sb, const uint4& in, const BlockNumbers (&numbers)[2],
                              float (&pair)[4]) const {
        Fragment a;
        weights.fragment(sb, a);
        std::int32_t high[kSets][4] = {}, low[kSets][4] = {};
        add_products(a, in, high, low);
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            std::int32_t dot[kSets];
#pragma unroll
            for (int set = 0; set < kSets; ++set)
                dot[set] = 256 * high[set][i] + low[set][i];
            pair[i] = block_term(i / 2, sb, dot, numbers[i % 2], sb % 2 == 0, pair[i]);
        }
    }
};

// ---- Pairs of 16-bit floats

/// F16, BF16 and FP8. An input is the sum of two: their products are summed apart, so that with one row both
/// are columns of one product.
template <BlockType kWeights, int kRows>
struct PairUnit {
    static constexpr BlockType kType = kWeights;
    static constexpr int kColumns = 128;
    static constexpr bool kOne = kRows == 1, kBytes = kType == BlockType::FP8,
                          kBfloat = kType == BlockType::BF16;
    static constexpr bool kPairs = true;
    static constexpr int kVectors = kBytes ? 2 : 4; ///< of 64 columns
    using Sums = RowSums<kRows>;

    uint4 q[2 * kVectors];
    float2 scales[kBytes ? 2 : 1]; ///< of FP8's rows g and g + 8, for each 64 columns

    __device__ void load_all(UnitAt at) {
        load(0, at);
        load(1, at);
    }
    __device__ static const Sums& row_sums(const Sums& sums, int) { return sums; }

    template <int kTogether>
    __device__ static void multiply(PairUnit (&units)[kTogether], const PreparedRows& in,
                                    const TokenRows<kRows>& rows, int column, int tiles, bool both,
                                    const UnitAt (&next)[kTogether], Sums (&sums)[kTogether]) {
#pragma unroll
        for (int j = 0; j < 2; ++j) {
            if (j < tiles)
#pragma unroll
                for (int n = 0; n < TokenRows<kRows>::kTiles; ++n) {
                    if (!rows.uses(n))
                        break;
                    multiply_tile(units, in, rows, column + 64 * j, j, n, both, sums);
                }
#pragma unroll
            for (int i = 0; i < kTogether; ++i)
                units[i].load(j, next[i]);
        }
    }

  private:
    __device__ void load(int j, UnitAt at) {
        if (j >= at.tiles)
            return;
        const std::uint8_t* p = at.p + j * tile_group(kType).bytes;
#pragma unroll
        for (int v = 0; v < kVectors; ++v)
            q[j * kVectors + v] = load_weights(p + v * 512 + 16 * at.lane);
        if constexpr (kBytes) {
            const auto two = load_scales<uint2>(p + Q8Tile::kScales + at.lane / 4 * 8);
            scales[j] = {bits_float(two.x), bits_float(two.y)};
        }
    }

    /// Columns [16 k, 16 k + 16) of tile j.
    __device__ void fragment(int j, int k, Fragment& a) const {
        if constexpr (kBytes) { // with its bits in a half's places, an E4M3 float is 2^8 times smaller
            const uint4& v = q[j * kVectors + k / 2];
#pragma unroll
            for (int f = 0; f < 4; ++f) {
                const std::uint32_t high =
                    permute_bytes(word_of(v, k % 2 * 2 + f / 2), 0, f % 2 == 0 ? 0x1404 : 0x3424);
                a[f] = (high & 0x80008000u) | (high >> 1 & 0x3f803f80u);
            }
        } else {
#pragma unroll
            for (int f = 0; f < 4; ++f)
                a[f] = word_of(q[j * kVectors + k], f);
        }
    }
    __device__ static void add_products(float (&c)[4], const Fragment& a, std::uint32_t b0,
                                        std::uint32_t b1) {
        const std::uint32_t b[2] = {b0, b1};
        if constexpr (kBfloat)
            mma_bfloat(c, a, b);
        else
            mma_half(c, a, b);
    }

    /// A lane's part of 16 columns of a row.
    __device__ static uint4 parts_of(const PairBlock& x, int g, int t) {
        if constexpr (kOne) { // even columns the first parts, odd ones the second
            const auto b = read_as<uint2>(x.values + 8 * t + g % 2 * 4);
            return {b.x, b.y, 0, 0};
        } else {
            return read_as<uint4>(x.values + 8 * t);
        }
    }
    /// The sums of 32 columns' products: of one row c[u], else fragments.
    __device__ void sum_32(const uint4 (&x)[2], int j, int half, float (&c)[4]) const {
        float first[4] = {}, second[4] = {};
#pragma unroll
        for (int k = 0; k < 2; ++k) {
            Fragment a;
            fragment(j, 2 * half + k, a);
            add_products(first, a, x[k].x, x[k].y);
            if constexpr (!kOne)
                add_products(second, a, x[k].z, x[k].w);
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
            c[i] =
                kOne ? add_rounded(first[i / 2 * 2], first[i / 2 * 2 + 1]) : add_rounded(first[i], second[i]);
    }

    template <int kTogether>
    __device__ static void multiply_tile(const PairUnit (&units)[kTogether], const PreparedRows& in,
                                         const TokenRows<kRows>& rows, int column, int j, int n, bool both,
                                         Sums (&sums)[kTogether]) {
        const std::int64_t pairs = in.padded / 16;
        const PairBlock* x = (kBfloat ? in.bfloats : in.halves) + rows.own[n] * pairs + column / 16;
        float tile[kTogether][4] = {};
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const uint4 parts[2] = {parts_of(x[2 * half], rows.g, rows.t),
                                    parts_of(x[2 * half + 1], rows.g, rows.t)};
            float scale[2] = {};
#pragma unroll
            for (int i = 0; i < 2 && !kBfloat; ++i)
                scale[i] = in.half_scales[static_cast<std::int64_t>(rows.scales[n][i]) * (in.padded / 32) +
                                          column / 32 + half];
#pragma unroll
            for (int u = 0; u < kTogether; ++u)
                if (u == 0 || both) {
                    float c[4];
                    units[u].sum_32(parts, j, half, c);
#pragma unroll
                    for (int i = 0; i < 4; ++i)
                        tile[u][i] = added(c[i], scale[kOne ? 0 : i % 2], half == 0, tile[u][i]);
                }
        }
#pragma unroll
        for (int u = 0; u < kTogether; ++u)
            units[u].add_tile(tile[u], j, n, sums[u]);
    }
    __device__ void add_tile(const float (&tile)[4], int j, int n, Sums& sums) const {
#pragma unroll
        for (int i = 0; i < (kOne ? 2 : 4); ++i) {
            float& sum = sums.c[n][i];
            const float value = kOne ? tile[2 * i] : tile[i];
            if constexpr (kBytes) {
                const int u = kOne ? i : i / 2;
                sum = fmaf(value, multiply_rounded(u == 0 ? scales[j].x : scales[j].y, 256.0f), sum);
            } else {
                sum = add_rounded(sum, value);
            }
        }
    }
    /// 32 columns' sum upon what those before it made; `scale`: of the inputs in halves.
    __device__ static float added(float c, float scale, bool first, float before) {
        if constexpr (kBfloat)
            return first ? c : add_rounded(before, c);
        else
            return first ? multiply_rounded(c, scale) : fmaf(c, scale, before);
    }
};

// ---- Floats

/// F32: a lane has the columns 4 t .. 4 t + 3 of each 16 of rows g and g + 8, for every row of inputs.
template <BlockType kWeights, int kRows>
struct WideUnit {
    static constexpr BlockType kType = kWeights;
    static constexpr int kColumns = 64;
    static constexpr bool kPairs = false;
    struct Sums {
        float c[kRows][2];
    };

    uint4 q[8];

    __device__ void load_all(UnitAt at) {
#pragma unroll
        for (int k = 0; k < 4; ++k)
            load(k, at);
    }
    __device__ static void multiply(WideUnit (&units)[1], const PreparedRows& in,
                                    const TokenRows<kRows>& rows, int column, int, bool,
                                    const UnitAt (&next)[1], Sums (&sums)[1]) {
#pragma unroll
        for (int k = 0; k < 4; ++k) {
            units[0].multiply_columns(in, rows, column + 16 * k, k, sums[0]);
            units[0].load(k, next[0]);
        }
    }
    /// The lanes' sums together, as fragments.
    __device__ static RowSums<kRows> row_sums(const Sums& sums, int t) {
        RowSums<kRows> out;
#pragma unroll
        for (int row = 0; row < kRows; ++row)
#pragma unroll
            for (int u = 0; u < 2; ++u) {
                float sum = add_rounded(sums.c[row][u], shuffle_xor(sums.c[row][u], 1));
                sum = add_rounded(sum, shuffle_xor(sum, 2));
                if constexpr (kRows == 1)
                    out.c[0][u] = sum;
                else if (row % 8 / 2 == t || row % 8 / 2 == 0)
                    out.c[row / 8][2 * u + row % 2] = sum;
            }
        return out;
    }

  private:
    __device__ void load(int k, UnitAt at) {
        if (at.tiles > 0)
#pragma unroll
            for (int upper = 0; upper < 2; ++upper)
                q[2 * k + upper] = load_weights(at.p + k * 1024 + upper * 512 + 16 * at.lane);
    }
    __device__ void multiply_columns(const PreparedRows& in, const TokenRows<kRows>& rows, int column, int k,
                                     Sums& sums) const {
        constexpr int kTile = kRows == 1 ? 1 : 8;
#pragma unroll
        for (int n = 0; n < kRows / kTile; ++n)
            if (column < in.padded && rows.uses(n)) // the first always: see IntegerUnit::multiply_rows
#pragma unroll
                for (int r = 0; r < kTile; ++r) { // row r of a tile is known to the lanes with g = r
                    const std::int32_t row = kRows == 1 ? rows.own[0] : shuffle(rows.own[n], 4 * r);
                    multiply_row(in.floats + static_cast<std::int64_t>(row) * in.padded + column + rows.t * 4,
                                 k, sums.c[kTile * n + r]);
                }
    }
    __device__ void multiply_row(const float* values, int k, float (&sum)[2]) const {
        const auto x = read_as<float4>(values);
#pragma unroll
        for (int u = 0; u < 2; ++u) {
            sum[u] = fmaf(bits_float(q[2 * k + u].x), x.x, sum[u]);
            sum[u] = fmaf(bits_float(q[2 * k + u].y), x.y, sum[u]);
            sum[u] = fmaf(bits_float(q[2 * k + u].z), x.z, sum[u]);
            sum[u] = fmaf(bits_float(q[2 * k + u].w), x.w, sum[u]);
        }
    }
};

} // namespace switchyard::cuda
