// Weights as tables of slices (one a matrix, one an expert): re-encoding, repacking and offload work by
// slice.
#pragma once

#include "engine/files/gguf.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace switchyard {

using WeightId = int;
inline constexpr WeightId kNoWeight = -1;
inline constexpr int kNoLayer = -1; ///< before the first layer, or behind the last

enum class WeightRole : std::uint8_t {
    Embedding,
    Attention,
    FeedForward,
    SharedExpert,
    RoutedExpert,
    Router,
    Norm,
    Output
};

/// How a backend uses a weight, and so which layout it wants.
enum class WeightUse : std::uint8_t {
    Matrix, ///< multiplied with activations
    Table,  ///< rows are looked up
    Vector  ///< norm gains, biases, factors: kept as F32
};

/// Where a weight comes from in the mapped file. Its slices are the tensor's matrices.
struct WeightSource {
    std::string name; ///< the tensor's
    WeightRole role;
    WeightUse use;
    const TensorView* tensor;
    int layer = kNoLayer;
    /// The precision dial re-encodes matrices and tables of these.
    bool recodable() const { return use == WeightUse::Matrix && role != WeightRole::Router; }
};

enum class SliceLayout : std::uint8_t {
    Rows,  ///< as in the file, computed with exactly
    Panels ///< as the backend's kernels want it
};

/// One matrix [rows, cols] somewhere in memory. Copying shares the memory.
struct Slice {
    BlockType type = BlockType::F32;
    SliceLayout layout = SliceLayout::Rows;
    std::int64_t rows = 0, cols = 0;
    const std::byte* data = nullptr;
    std::size_t bytes = 0;
    bool mapped = false;               ///< lies in the mapped file: costs no memory of our own
    std::uint32_t generation = 0;      ///< 0: the file's own bits
    std::shared_ptr<const void> owner; ///< keeps data alive
};

struct Weight {
    std::vector<Slice> slices;
};

/// An immutable, versioned table of all weights; index is WeightId. Held by shared_ptr: a step keeps the one
/// it began with.
struct WeightSet {
    std::vector<Weight> weights;
    std::uint64_t version = 0;

    std::size_t bytes() const;     ///< owned and mapped
    std::size_t own_bytes() const; ///< memory of our own: what is mapped is the system's cache
};

} // namespace switchyard
