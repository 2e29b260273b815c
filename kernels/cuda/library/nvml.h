// NVIDIA's management library, which comes with the driver: opened where it is there.
#pragma once

#include "kernels/cuda/device.h"

#include <memory>
#include <string>

namespace switchyard::cuda {

class Nvml {
  public:
    Nvml();
    ~Nvml();
    Nvml(const Nvml&) = delete;
    Nvml& operator=(const Nvml&) = delete;

    /// "580.159.03"; "" where it is not known.
    std::string driver_version() const;
    /// Of the device at `pci` ("0000:01:00.0"); nothing known where the library is missing.
    DeviceHealth health(const std::string& pci) const;
    MemoryUse memory(const std::string& pci) const;

  private:
    struct Functions;
    std::unique_ptr<Functions> functions_; ///< null: the library is not there
};

} // namespace switchyard::cuda
