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

/// Where memory lies.
struct MemoryPlace {
    enum class Kind : std::uint8_t {
        Host,   ///< memory of our own
        Mapped, ///< the file's pages: the system's cache, none of our own
        Pinned, ///< memory of the host that a device reads
        Device  ///< the memory of device `device`
    };
    Kind kind = Kind::Host;
    int device = 0;

    bool mapped() const { return kind == Kind::Mapped; }
    bool operator==(const MemoryPlace&) const = default;
};

/// One matrix [rows, cols] somewhere in memory. Copying shares the memory.
struct Slice {
    BlockType type = BlockType::F32;
    std::uint8_t layout = 0; ///< how the blocks lie: numbers of the backend that placed it
    std::int64_t rows = 0, cols = 0;
    const std::byte* data = nullptr; ///< an address of `place`: read it only where that is the host
    std::size_t bytes = 0;
    MemoryPlace place;
    std::uint32_t generation = 0;      ///< 0: the file's own bits
    std::shared_ptr<const void> owner; ///< keeps data alive
};

struct Weight {
    std::vector<Slice> slices;
};

struct SliceId {
    WeightId weight = kNoWeight;
    int matrix = 0;

    bool operator==(const SliceId&) const = default;
};

/// An immutable, versioned table of all weights; index is WeightId. Held by shared_ptr: a step keeps the one
/// it began with. A new version shares every weight that is the same in it.
struct WeightSet {
    std::vector<std::shared_ptr<const Weight>> weights;
    std::uint64_t version = 0;
    std::vector<SliceId> changed; ///< against the version before, in order; the first has none

    const Weight& operator[](WeightId id) const { return *weights[static_cast<std::size_t>(id)]; }
    const Slice& slice(WeightId id, std::size_t matrix = 0) const { return (*this)[id].slices[matrix]; }
    std::size_t bytes() const; ///< owned and mapped
    /// Memory of our own where it is computed: what is mapped is the system's cache, and what is pinned is
    /// beside a device's.
    std::size_t own_bytes() const;
};

} // namespace switchyard
