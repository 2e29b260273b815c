// Matrices of the file in another block format, for the precision dial.
#pragma once

#include "engine/base/threads.h"
#include "engine/base/work_gate.h"
#include "engine/model/weights.h"

#include <algorithm>

namespace switchyard {

/// With how many threads a matrix is re-encoded, and when.
struct EncodeControl {
    int threads = 1;
    WorkGate* gate = nullptr; ///< all of the threads stay behind it; null: there is none
    std::uint64_t work = WorkGate::kAlways;
};

/// part(begin, end) over [0, count) on up to `threads` threads and no more than `control` has, this one among
/// them, all behind its gate. Throws what a part throws, and WorkGate::GivenUp.
template <typename Part>
void share_behind_gate(std::int64_t count, std::int64_t threads, const EncodeControl& control,
                       const Part& part) {
    share_ranges(count, std::min<std::int64_t>(threads, control.threads),
                 [&](std::int64_t begin, std::int64_t end) {
                     const WorkGate::Stay stay(control.gate, control.work);
                     part(begin, end);
                 });
}

/// A matrix of `source` in file layout. It is made, where it is made, behind the gate.
std::shared_ptr<const std::byte> matrix_behind_gate(const WeightSource& source, int matrix,
                                                    const std::shared_ptr<const ModelFile>& file,
                                                    const EncodeControl& control);

/// The blocks of a matrix in `type`, in file layout and aligned for any kernel. `file` keeps the source's
/// tensor mapped. Throws Error where there is no memory for them, and WorkGate::GivenUp.
std::shared_ptr<std::byte> reencode_matrix(const WeightSource& source, int matrix, BlockType type,
                                           const std::shared_ptr<const ModelFile>& file,
                                           const EncodeControl& control);

} // namespace switchyard
