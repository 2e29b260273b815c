// Matrices of the file in another block format, for the precision dial.
#pragma once

#include "engine/model/weights.h"

#include <functional>

namespace switchyard {

/// What a matrix is re-encoded with, and when to give up.
struct EncodeControl {
    int threads = 1;
    /// Asked before each row, from any of the threads; may wait. False: give up.
    std::function<bool()> go_on = [] { return true; };
};

/// The blocks of a matrix in `type`, in file layout and aligned for any kernel; null where `control` gave up.
/// `file` keeps the source's tensor mapped. Throws Error where there is no memory for them.
std::shared_ptr<std::byte> reencode_matrix(const WeightSource& source, int matrix, BlockType type,
                                           const std::shared_ptr<const ModelFile>& file,
                                           const EncodeControl& control);

} // namespace switchyard
