// One GGUF file's header, read and checked; the bytes stay where they are.
#pragma once

#include "engine/files/gguf.h"

namespace switchyard {

struct GgufHeader {
    Metadata metadata;
    std::vector<TensorView> tensors; ///< data points into the bytes that were parsed
    std::vector<std::string> empty;  ///< names of tensors without values, which are left out
};

/// Reads the header of a whole GGUF file given as bytes; `name` (the file's) starts every message.
/// Allocates no more than a small multiple of what the header really holds. Throws Error.
GgufHeader parse_gguf(std::span<const std::byte> bytes, const std::string& name);

} // namespace switchyard
