// What a device answered, as the sentence that people read.
#pragma once

#include "engine/base/error.h"
#include "kernels/cuda/device.h"

#include <string>

namespace switchyard::cuda {

/// work(), whose DeviceError is thrown on as an Error.
template <typename Work>
auto with_device_errors_told(const Work& work) {
    try {
        return work();
    } catch (const DeviceError& error) {
        throw Error(std::string(error.what()) +
                    (error.lost() ? ": the device is lost; restart the program to use it again" : ""));
    }
}

} // namespace switchyard::cuda
