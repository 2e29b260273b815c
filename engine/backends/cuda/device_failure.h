// What a device answered, as the sentence that people read.
#pragma once

#include "engine/base/error.h"
#include "kernels/cuda/device.h"

#include <string>

namespace switchyard::cuda {

/// Nothing comes back from the device any more.
struct DeviceLost : Error {
    using Error::Error;
};

/// work(), whose DeviceError is thrown on as an Error.
template <typename Work>
auto with_device_errors_told(const Work& work) {
    try {
        return work();
    } catch (const DeviceError& error) {
        if (error.lost())
            throw DeviceLost(std::string(error.what()) +
                             ": the device is lost; restart the program to use it again");
        throw Error(error.what());
    }
}

} // namespace switchyard::cuda
