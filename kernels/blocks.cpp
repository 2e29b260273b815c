#include "kernels/blocks.h"

namespace switchyard {

const BlockTraits& traits(BlockType type) {
    static constexpr BlockTraits kTraits[kBlockTypes] = {
        {"F32", 1, 4, 0},         {"F16", 1, 2, 1},         {"BF16", 1, 2, 30},     {"Q8_0", 32, 34, 8},
        {"Q4_0", 32, 18, 2},      {"Q4_1", 32, 20, 3},      {"Q5_0", 32, 22, 6},    {"Q5_1", 32, 24, 7},
        {"Q4_K", 256, 144, 12},   {"Q6_K", 256, 210, 14},   {"Q2_K", 256, 84, 10},  {"Q3_K", 256, 110, 11},
        {"Q5_K", 256, 176, 13},   {"Q8_K", 256, 292, 15},   {"IQ4_NL", 32, 18, 20}, {"IQ4_XS", 256, 136, 23},
        {"IQ3_S", 256, 110, 21},  {"IQ3_XXS", 256, 98, 18}, {"IQ2_S", 256, 82, 22}, {"IQ2_XS", 256, 74, 17},
        {"IQ2_XXS", 256, 66, 16}, {"IQ1_M", 256, 56, 29},   {"IQ1_S", 256, 50, 19}, {"TQ2_0", 256, 66, 35},
        {"TQ1_0", 256, 54, 34},   {"MXFP4", 32, 17, 39},    {"FP8", 64, 68, -1},
    };
    static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ6_K) == 210 && sizeof(BlockQ5_1) == 24);
    static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 && sizeof(BlockQ5_K) == 176);
    static_assert(sizeof(BlockQ8_K) == 292 && sizeof(BlockIQ4_NL) == 18 && sizeof(BlockIQ4_XS) == 136);
    static_assert(sizeof(BlockIQ3_S) == 110 && sizeof(BlockIQ3_XXS) == 98 && sizeof(BlockIQ2_S) == 82);
    static_assert(sizeof(BlockIQ2_XS) == 74 && sizeof(BlockIQ2_XXS) == 66 && sizeof(BlockIQ1_M) == 56);
    static_assert(sizeof(BlockIQ1_S) == 50 && sizeof(BlockTQ2_0) == 66 && sizeof(BlockTQ1_0) == 54);
    static_assert(sizeof(BlockMXFP4) == 17 && sizeof(BlockFP8) == 68);
    return kTraits[static_cast<int>(type)];
}

} // namespace switchyard
