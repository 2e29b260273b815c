// The CUDA backend on a device that is emulated: the engine's own code and the kernels' own sources.
#pragma once

#include "engine/backends/cuda/cuda_backend.h"
#include "engine/run/loaded_model.h"
#include "kernels/cuda/emulation/emulated_device.h"

#include <memory>
#include <string>
#include <utility>

namespace switchyard::test {

inline std::shared_ptr<Backend> emulated_backend(cuda::EmulatedOptions options = {}, bool graphs = true) {
    return make_cuda_backend(cuda::make_emulated_device(std::move(options)),
                             {.threads = 1, .graphs = graphs});
}

/// One of the tiny models of the reference.
inline std::shared_ptr<LoadedModel> load_reference(const std::string& family,
                                                   std::shared_ptr<Backend> backend) {
    LoadOptions options;
    options.backend = std::move(backend);
    return LoadedModel::load(SWITCHYARD_TEST_WORK "/reference/models/" + family + "/model-f32.gguf", options);
}

} // namespace switchyard::test
