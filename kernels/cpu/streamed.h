// Types whose products read the file's own blocks: 8 rows x 256 columns at a time become signed 8-bit
// integers with a scale per 16 columns, which the tile of integers takes. No copy of the file is made.
#pragma once

#include "kernels/blocks.h"
#include "kernels/cpu/kernels.h"

#include <cstddef>
#include <cstdint>

namespace switchyard::cpu {

/// A block's scales: value i = d * scale[i / 16] * q[i]. They belong to a block's integer sums, which have
/// room for them: 32 columns x 62 (the largest entry, IQ3_XXS) x 31 x 2^15 is below 2^31.
struct StreamedScales {
    float d;
    std::int8_t scale[16];
};
void read_scales(const BlockIQ3_S& b, StreamedScales& out);
void read_scales(const BlockIQ3_XXS& b, StreamedScales& out);
void read_scales(const BlockIQ2_S& b, StreamedScales& out);
void read_scales(const BlockIQ2_XS& b, StreamedScales& out);
void read_scales(const BlockIQ2_XXS& b, StreamedScales& out);
void read_scales(const BlockIQ1_M& b, StreamedScales& out);
void read_scales(const BlockIQ1_S& b, StreamedScales& out);
void read_scales(const BlockTQ2_0& b, StreamedScales& out);
void read_scales(const BlockTQ1_0& b, StreamedScales& out);
void read_scales(const BlockQ8_K& b, StreamedScales& out);

/// Columns [32 sub, 32 sub + 32) of a block as integers, and the block's scales: the scalar twin.
using StreamedColumns = void (*)(const std::byte* block, int sub, std::int8_t (&q)[32],
                                 StreamedScales& scales);

/// That of `type`; null where products read panels instead.
StreamedColumns streamed_columns(BlockType type);

/// 256 columns of 8 rows, decoded. Groups of columns as in panels.h.
struct StreamedPanel {
    float d[kPanelRows];
    struct Sub {
        std::int8_t q[8][kPanelRows][4];
        std::int8_t scale[2][kPanelRows];
    } sub[8];
};

} // namespace switchyard::cpu
