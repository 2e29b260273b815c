// Dense products of the emulated device.
#pragma once

#include "kernels/cuda/device.h"

namespace switchyard::cuda::emulation {

/// In plain C++; each sum from the left.
void multiply_dense(const DenseProduct& product);

} // namespace switchyard::cuda::emulation
