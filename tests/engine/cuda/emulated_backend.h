// The CUDA backend on a device that is emulated: the engine's own code and the kernels' own sources. Or on
// the machine's own card, where SWITCHYARD_TEST_DEVICE asks for one.
#pragma once

#include "engine/backends/cuda/cuda_backend.h"
#include "engine/run/loaded_model.h"
#include "tests/kernels/cuda/test_device.h"
#include "tests/support/test_folders.h"

#include <memory>
#include <string>
#include <utility>

namespace switchyard::test {

inline std::shared_ptr<Backend> emulated_backend(cuda::EmulatedOptions options = {},
                                                 cuda::StepLaunches launches = cuda::StepLaunches::Graphs) {
    return make_cuda_backend(cuda::make_test_device(options),
                             {.threads = 1, .launches = launches, .check = false});
}

/// One of the tiny models of the reference.
inline std::shared_ptr<LoadedModel> load_reference(const std::string& family,
                                                   std::shared_ptr<Backend> backend) {
    LoadOptions options;
    options.backend = std::move(backend);
    return LoadedModel::load(reference_model(family), options);
}

} // namespace switchyard::test
