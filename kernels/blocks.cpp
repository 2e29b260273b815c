#include "kernels/blocks.h"

namespace switchyard {

const BlockTraits& traits(BlockType type) {
    static constexpr BlockTraits kTraits[kBlockTypes] = {
        {"F32", 1, 4, 0},       {"F16", 1, 2, 1},       {"BF16", 1, 2, 30},  {"Q8_0", 32, 34, 8},
        {"Q4_0", 32, 18, 2},    {"Q4_1", 32, 20, 3},    {"Q5_0", 32, 22, 6}, {"Q5_1", 32, 24, 7},
        {"Q4_K", 256, 144, 12}, {"Q6_K", 256, 210, 14},
    };
    static_assert(sizeof(BlockQ4_K) == 144 && sizeof(BlockQ6_K) == 210 && sizeof(BlockQ5_1) == 24);
    return kTraits[static_cast<int>(type)];
}

} // namespace switchyard
