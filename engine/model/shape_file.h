// A shape as a model file: the ordinary configuration and plan are made from it, without a file.
#pragma once

#include "engine/model/shapes.h"

#include <memory>
#include <optional>

namespace switchyard {

/// Metadata and tensors that a file of this model would have; tensors have no contents. `type`: of its
/// matrices, with the usual fallbacks where a row length forbids it; nullopt: as published. Norms, biases and
/// routers are F32, as converters leave them.
std::shared_ptr<const ModelFile> describe_shape(const Shape& shape, std::optional<BlockType> type);

/// The same with random contents. All matrices of a type are windows on one stretch of random blocks, so
/// only that stretch takes memory: ModelFile::memory_bytes(). Throws Error where there is no memory for it,
/// or where a type can only be read.
std::shared_ptr<const ModelFile> fill_shape(const Shape& shape, std::optional<BlockType> type);

/// The memory that fill_shape() takes for the contents of `shape`, a file of describe_shape().
std::uint64_t contents_bytes(const ModelFile& shape);

} // namespace switchyard
