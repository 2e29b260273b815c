// Carrying tensors of one model file to another, in their type or a new one.
#pragma once

#include "engine/files/gguf.h"
#include "engine/files/gguf_writer.h"
#include "engine/model/importance.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

namespace switchyard {

/// Bytes of a tensor's rows in `type`.
std::size_t stored_bytes(const TensorView& tensor, BlockType type);

struct CopyOptions {
    int threads = 0;                        ///< 0: as many as the machine has
    const Importance* importance = nullptr; ///< weights the error by what calibration saw
    /// Bytes read so far, and of all; false cancels.
    std::function<bool(std::size_t done, std::size_t total)> progress = {};
    std::size_t total = 0;
};

/// Carries one tensor over after the other, piece by piece.
class TensorCopier {
  public:
    /// These must outlive it.
    TensorCopier(const ModelFile& file, GgufWriter& writer, CopyOptions options);

    /// Throws Error (a value that is no number, a full disk, cancelled).
    void copy(const TensorView& from, BlockType to);

  private:
    void copy_matrix(const TensorView& from, std::int64_t matrix, BlockType to);
    /// Re-encodes `rows` rows from `in` to `out` on several threads; without `out` they are only looked at.
    void recode_rows(const TensorView& from, BlockType to, std::int64_t rows, const std::byte* in,
                     std::byte* out, const float* importance) const;

    const ModelFile& file_;
    GgufWriter& writer_;
    CopyOptions options_;
    std::size_t done_ = 0;
    std::vector<std::byte> buffer_;
};

} // namespace switchyard
