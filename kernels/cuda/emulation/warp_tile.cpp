#include "kernels/cuda/emulation/warp_tile.h"

#include "kernels/cuda/emulation/block.h"

#include <bit>
#include <cstring>

namespace switchyard::cuda::emulation {

namespace {

constexpr int kRows = 16, kTokens = 8;

/// The fragments as matrices, a[row][k] and b[token][k], of elements of which a word holds kPacked.
template <int kPacked, typename T, typename Element, int kColumns>
void unpack(const WarpTile& tile, T (&a)[kRows][kColumns], T (&b)[kTokens][kColumns],
            const Element& element_a, const Element& element_b) {
    for (int lane = 0; lane < 32; ++lane)
        for (int step = 0; step < kColumns / (4 * kPacked); ++step) {
            const int g = lane / 4, k = (4 * step + lane % 4) * kPacked;
            for (int i = 0; i < kPacked; ++i) {
                a[g][k + i] = element_a(tile.a[lane][2 * step], i);
                a[g + 8][k + i] = element_a(tile.a[lane][2 * step + 1], i);
                b[g][k + i] = element_b(tile.b[lane][step], i);
            }
        }
}

/// Where c's element of a row and a token is.
std::uint32_t& element_of(WarpTile& tile, int row, int token) {
    return tile.c[row % 8 * 4 + token / 2][row / 8 * 2 + token % 2];
}

template <int kColumns>
void multiply_columns(WarpTile& tile, bool signed_b) {
    using Element = std::int16_t (*)(std::uint32_t, int);
    const Element with_sign = [](std::uint32_t word, int i) -> std::int16_t {
        return static_cast<std::int8_t>(word >> (8 * i));
    };
    const Element without = [](std::uint32_t word, int i) -> std::int16_t {
        return static_cast<std::uint8_t>(word >> (8 * i));
    };
    std::int16_t a[kRows][kColumns], b[kTokens][kColumns];
    unpack<4>(tile, a, b, with_sign, signed_b ? with_sign : without);
    for (int row = 0; row < kRows; ++row)
        for (int token = 0; token < kTokens; ++token) {
            std::int32_t sum = 0;
            for (int k = 0; k < kColumns; ++k)
                sum += a[row][k] * b[token][k];
            element_of(tile, row, token) += static_cast<std::uint32_t>(sum);
        }
}

} // namespace

void multiply_bytes(WarpTile& tile, int columns, bool signed_b) {
    columns == 32 ? multiply_columns<32>(tile, signed_b) : multiply_columns<16>(tile, signed_b);
}

void multiply_floats(WarpTile& tile, bool bfloat) {
    constexpr int kColumns = 16;
    using Element = double (*)(std::uint32_t, int);
    const Element half = [](std::uint32_t word, int i) -> double {
        return half_value(static_cast<std::uint16_t>(word >> (16 * i)));
    };
    const Element brain = [](std::uint32_t word, int i) -> double {
        return std::bit_cast<float>(word >> (16 * i) << 16);
    };
    double a[kRows][kColumns], b[kTokens][kColumns], by_column[kColumns][kTokens];
    unpack<2>(tile, a, b, bfloat ? brain : half, bfloat ? brain : half);
    for (int k = 0; k < kColumns; ++k)
        for (int token = 0; token < kTokens; ++token)
            by_column[k][token] = b[token][k];
    for (int row = 0; row < kRows; ++row) {
        double sums[kTokens];
        for (int token = 0; token < kTokens; ++token)
            sums[token] = std::bit_cast<float>(element_of(tile, row, token));
        for (int k = 0; k < kColumns; ++k)
            for (int token = 0; token < kTokens; ++token)
                sums[token] += a[row][k] * by_column[k][token];
        for (int token = 0; token < kTokens; ++token)
            element_of(tile, row, token) = std::bit_cast<std::uint32_t>(static_cast<float>(sums[token]));
    }
}

} // namespace switchyard::cuda::emulation
