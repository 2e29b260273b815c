// Writing GGUF version 3 files, tensor by tensor, so that a model never has to be in memory whole.
#pragma once

#include "engine/files/gguf.h"

#include <cstdio>

namespace switchyard {

/// Usage: construct with metadata and the list of tensors (their data pointers are ignored), then append()
/// each tensor's bytes in that order, then finish(). Writes to "<path>.part" and renames at finish(): a half
/// file never has the final name. The destructor removes an unfinished part. Throws Error (disk full, no
/// permission) naming the file.
class GgufWriter {
  public:
    GgufWriter(std::filesystem::path path, const Metadata& metadata, std::vector<TensorView> tensors);
    ~GgufWriter();
    GgufWriter(const GgufWriter&) = delete;
    GgufWriter& operator=(const GgufWriter&) = delete;

    /// Bytes of the current tensor; may come in pieces. Moves to the next tensor when the current one is
    /// whole.
    void append(std::span<const std::byte> bytes);
    void finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace switchyard
