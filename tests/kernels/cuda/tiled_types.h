// The types that matrices are placed as.
#pragma once

#include "kernels/cuda/matrix_tiles.h"
#include "tests/kernels/reference.h"

#include <algorithm>
#include <iterator>
#include <vector>

namespace switchyard::cuda {

inline std::vector<BlockType> tiled_types() {
    std::vector<BlockType> types;
    std::ranges::copy_if(test::kAllTypes, std::back_inserter(types), tiled);
    return types;
}

} // namespace switchyard::cuda
