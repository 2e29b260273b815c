// The CUDA backend: plans on one device.
#pragma once

#include "engine/run/backend.h"
#include "kernels/cuda/device.h"

#include <memory>

namespace switchyard {

struct CudaOptions {
    int threads = 0;              ///< of the host, for packing weights; 0: one a physical core
    bool graphs = true;           ///< steps of answers as recorded graphs
    bool offload_experts = false; ///< routed experts lie on the host even where all would fit
    bool check = true;            ///< compares the card with the CPU first
};

/// Throws Error where what the device computes differs from the CPU. Of types whose products alone differ,
/// weights are placed as others.
std::shared_ptr<Backend> make_cuda_backend(std::shared_ptr<cuda::Device> device,
                                           const CudaOptions& options = {});

} // namespace switchyard
