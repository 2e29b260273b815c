// What the blocks of a row hold, apart from how a format packs it: between values, files' blocks and layouts
// of kernels.
#pragma once

#include "kernels/anywhere.h"
#include "kernels/blocks.h"

#include <cstdint>
#include <cstring>

namespace switchyard {

/// 256 columns of a row: a super-block, or neighbours of 32 or 64 columns.
struct BlockFields {
    /// A byte a column: how many levels it is above the lowest (MXFP4: the four bits), or the very byte of
    /// types that store one (Q8_0, FP8).
    alignas(16) std::uint8_t codes[256];
    Half d[8], m[8];                   ///< of each 32 columns, or [0] of all; m: minimum, or its factor
    float wide[4];                     ///< FP8's scale, of each 64 columns
    std::uint8_t scales[16], mins[16]; ///< as stored, of each 16 or 32 columns; MXFP4's exponents
};

/// What was found for a part of a block by itself, before its scales are rounded to the block's.
struct PartFit {
    float scale, min;
};

/// Four codes of neighbours, the first lowest. PRECOND: `first` is a multiple of 4.
SWITCHYARD_ANYWHERE inline std::uint32_t code_word(const BlockFields& fields, int first) {
#if defined(__CUDA_ARCH__)
    return *reinterpret_cast<const std::uint32_t*>(fields.codes + first);
#else
    std::uint32_t word;
    std::memcpy(&word, fields.codes + first, sizeof word);
    return word;
#endif
}
SWITCHYARD_ANYWHERE inline void set_code_word(BlockFields& fields, int first, std::uint32_t word) {
#if defined(__CUDA_ARCH__)
    *reinterpret_cast<std::uint32_t*>(fields.codes + first) = word;
#else
    std::memcpy(fields.codes + first, &word, sizeof word);
#endif
}

} // namespace switchyard
