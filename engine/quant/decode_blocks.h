// Decoding one block of each packed format. `out` has room for the block's values.
#pragma once

#include "kernels/blocks.h"

namespace switchyard {

void decode(const BlockQ8_0& b, float* out);
void decode(const BlockQ4_0& b, float* out);
void decode(const BlockQ4_1& b, float* out);
void decode(const BlockQ5_0& b, float* out);
void decode(const BlockQ5_1& b, float* out);
void decode(const BlockMXFP4& b, float* out);
void decode(const BlockFP8& b, float* out);
void decode(const BlockIQ4_NL& b, float* out);

void decode(const BlockQ2_K& b, float* out);
void decode(const BlockQ3_K& b, float* out);
void decode(const BlockQ4_K& b, float* out);
void decode(const BlockQ5_K& b, float* out);
void decode(const BlockQ6_K& b, float* out);
void decode(const BlockQ8_K& b, float* out);
void decode(const BlockIQ4_XS& b, float* out);
void decode(const BlockTQ1_0& b, float* out);
void decode(const BlockTQ2_0& b, float* out);

void decode(const BlockIQ3_S& b, float* out);
void decode(const BlockIQ3_XXS& b, float* out);
void decode(const BlockIQ2_S& b, float* out);
void decode(const BlockIQ2_XS& b, float* out);
void decode(const BlockIQ2_XXS& b, float* out);
void decode(const BlockIQ1_M& b, float* out);
void decode(const BlockIQ1_S& b, float* out);

} // namespace switchyard
