// Weights that are no numbers.
#pragma once

#include "engine/files/gguf.h"

#include <span>
#include <stop_token>

namespace switchyard {

/// Throws Error naming the file and `tensor` where one of its `values` is NaN or infinite.
void check_finite(const ModelFile& file, const TensorView& tensor, std::span<const float> values);

/// The same for every tensor of a model, on `threads` threads.
void check_finite(const ModelFile& file, int threads, std::stop_token stop = {});

} // namespace switchyard
