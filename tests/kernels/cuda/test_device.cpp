#include "tests/kernels/cuda/test_device.h"

namespace switchyard::cuda {

bool on_card() { return false; }

std::unique_ptr<Device> make_test_device(const EmulatedOptions& options) {
    return make_emulated_device(options);
}

} // namespace switchyard::cuda
