// Writing a model again with its matrices in another block format.
#pragma once

#include "engine/files/gguf.h"
#include "engine/model/importance.h"
#include "engine/model/quantize_mix.h"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace switchyard {

/// Whether a tensor is multiplied with activations or looked up by row, and so worth fewer bits. All else is
/// written as F32.
bool is_matrix(const TensorView& tensor);

/// Whether a model file can be written with matrices of `type`.
bool writable(BlockType type);

struct QuantizeOptions {
    BlockType type = BlockType::Q8_0;
    /// Types by the tensor's part in the model instead of `type`; where set, it takes the place of `type`.
    const QuantizeMix* mix = nullptr;
    /// This type for every matrix; otherwise the output table (or a tied embedding table) gets a better one,
    /// since every token passes through it.
    bool pure = false;
    /// Types of roles, before all else: attention, shared experts, routed experts.
    std::optional<BlockType> attention{}, shared{}, routed{};
    const Importance* importance = nullptr; ///< weights the error by what calibration saw
    int threads = 0;                        ///< 0: as many as the machine has
};

/// A tensor whose rows could not be held by the type wanted for it.
struct QuantizeFallback {
    std::string tensor;
    BlockType wanted, used;
};

struct QuantizeReport {
    std::size_t tensors = 0, recoded = 0; ///< recoded: those whose type changed
    std::size_t bytes_before = 0, bytes_after = 0;
    std::vector<QuantizeFallback> fallbacks;
    std::string no_tokenizer{}; ///< why the result has no tokenizer; empty: it has one
};

/// Bytes of tensor data read so far and in all; false cancels.
using QuantizeProgress = std::function<bool(std::size_t done, std::size_t total)>;

/// The type that a tensor of `file` gets, and what was wanted where that could not be. Matrices take the
/// options' type; norms, biases, vectors and routers are F32.
BlockType quantized_type(const ModelFile& file, const TensorView& tensor, const QuantizeOptions& options,
                         std::vector<QuantizeFallback>* fallbacks = nullptr);

/// Writes `file` to `out` with metadata and tokenizer carried over, one piece of a tensor in memory at a
/// time. Throws Error (disk full, no permission, cancelled); then `out` does not exist, or is what it was.
QuantizeReport quantize_file(const ModelFile& file, const std::filesystem::path& out,
                             const QuantizeOptions& options, const QuantizeProgress& progress = {});

} // namespace switchyard
