// Products of small matrices that a warp computes together, as mma.sync does.
#pragma once

#include <cstdint>

namespace switchyard::cuda::emulation {

/// c[16][8] += a[16][k] b[k][8], k = 32 bytes or 16 floats, in the fragments that lanes hold (PTX ISA,
/// "Matrix fragments for mma.m16n8k16 and m16n8k32"). By lane; c holds 32-bit integers or floats.
struct WarpTile {
    std::uint32_t a[32][4];
    std::uint32_t b[32][2];
    std::uint32_t c[32][4];
};

/// `columns` of signed bytes, 16 or 32; b's are signed or not.
void multiply_bytes(WarpTile& tile, int columns, bool signed_b);
/// F16, or BF16. Sums in double in the order of columns, rounded once.
void multiply_floats(WarpTile& tile, bool bfloat);

} // namespace switchyard::cuda::emulation
