// What is used of cuBLASLt, declared by ourselves so that nothing of it is needed to build or to start: the
// numbers and layouts are its binary interface, which has been the same since its version 11.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace switchyard::cuda::cublas {

using Status = int;
inline constexpr Status kSuccess = 0;
using Handle = void*;
using Description = void*; ///< of an operation
using Layout = void*;      ///< of a matrix
using Preference = void*;

/// A way of computing, configured.
struct Algorithm {
    std::uint64_t data[8];
};
struct Choice {
    Algorithm algorithm;
    std::size_t workspace;
    Status state;
    float waves;
    int reserved[4];
};

// Kinds of sums and values.
inline constexpr int kComputeFloat = 68, kRealFloat = 0, kRealHalf = 2;
// Attributes of a description, of a preference, and of an algorithm's configuration.
inline constexpr int kTransposeFirst = 3, kTransposed = 1;
inline constexpr int kWorkspaceBytes = 1, kReductionMask = 3,
                     kAlignmentFirst = 5; ///< then of the other three
inline constexpr int kSplitCount = 2, kReduction = 3;

struct Functions {
    Status (*create)(Handle*);
    Status (*destroy)(Handle);
    std::size_t (*version)();
    Status (*make_description)(Description*, int compute, int scale);
    Status (*destroy_description)(Description);
    Status (*describe)(Description, int attribute, const void* value, std::size_t bytes);
    Status (*make_layout)(Layout*, int type, std::uint64_t rows, std::uint64_t cols, std::int64_t stride);
    Status (*destroy_layout)(Layout);
    Status (*make_preference)(Preference*);
    Status (*destroy_preference)(Preference);
    Status (*prefer)(Preference, int attribute, const void* value, std::size_t bytes);
    Status (*choose)(Handle, Description, Layout a, Layout b, Layout c, Layout d, Preference, int most,
                     Choice* choices, int* count);
    Status (*configuration)(const Algorithm*, int attribute, void* value, std::size_t bytes,
                            std::size_t* written);
    Status (*multiply)(Handle, Description, const void* alpha, const void* a, Layout, const void* b, Layout,
                       const void* beta, const void* c, Layout, void* d, Layout, const Algorithm*,
                       void* workspace, std::size_t workspace_bytes, cudaStream_t);
};

/// Opens the library and finds all of its functions; the file stays open. False: it is not there.
bool open_functions(Functions& functions);
/// Of Functions::version(): 130100 is "13.1.0".
std::string version_text(std::size_t version);

} // namespace switchyard::cuda::cublas
