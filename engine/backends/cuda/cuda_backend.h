// The CUDA backend: plans on one device.
#pragma once

#include "engine/backends/cuda/step_launches.h"
#include "engine/run/backend.h"
#include "kernels/cuda/device.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace switchyard {

struct CudaOptions {
    int threads = 0; ///< of the host, for packing weights; 0: one a physical core
    cuda::StepLaunches launches = cuda::StepLaunches::Measured;
    bool offload_experts = false;        ///< routed experts lie on the host even where all would fit
    std::size_t expert_cache = SIZE_MAX; ///< bytes at most of the device's memory for those in use
    double step_budget = 0; ///< multiply-adds of a prompt between looks for a stop; 0: by the card
    bool check = true;      ///< compares the card with the CPU first
    /// What was found of cards is kept in this file; empty: the next backend asks again.
    std::filesystem::path card_checks = {};
    std::string build = {}; ///< another one is asked again: DeviceLibrary::build()
};

/// Throws Error where what the device computes differs from the CPU. A type of weights is compared before its
/// first use; where its products alone differ, weights are placed as others.
std::shared_ptr<Backend> make_cuda_backend(std::shared_ptr<cuda::Device> device,
                                           const CudaOptions& options = {});

} // namespace switchyard
