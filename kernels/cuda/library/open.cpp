// The library's one door.
#include "kernels/cuda/device_text.h"
#include "kernels/cuda/library/cuda_device.h"
#include "kernels/cuda/library/cuda_error.h"
#include "kernels/cuda/library_interface.h"

#include <cstring>
#include <utility>
#include <vector>

namespace switchyard::cuda {

namespace {

DeviceInfo describe_device(int index, const Nvml& nvml) {
    cudaDeviceProp properties = {};
    check(cudaGetDeviceProperties(&properties, index), "a device does not tell what it is");
    DeviceInfo info;
    info.index = index;
    info.name = properties.name;
    info.compute = 10 * properties.major + properties.minor;
    info.multiprocessors = properties.multiProcessorCount;
    info.memory_bytes = properties.totalGlobalMem;
    info.l2_bytes = static_cast<std::size_t>(properties.l2CacheSize);
    info.shared_bytes = properties.sharedMemPerBlockOptin;
    cudaDriverGetVersion(&info.driver);
    info.runtime = CUDART_VERSION;
    info.driver_version = nvml.driver_version();
    char pci[32] = {};
    if (cudaDeviceGetPCIBusId(pci, sizeof pci, index) == cudaSuccess)
        info.pci = pci;
    for (const char byte : properties.uuid.bytes)
        for (const int shift : {4, 0})
            info.uuid += "0123456789abcdef"[static_cast<unsigned char>(byte) >> shift & 0xf];
    return info;
}

class CudaDeviceList : public DeviceList {
  public:
    explicit CudaDeviceList(int count) : nvml_(std::make_shared<const Nvml>()) {
        for (int i = 0; i < count; ++i)
            infos_.push_back(describe_device(i, *nvml_));
    }
    int count() const override { return static_cast<int>(infos_.size()); }
    const DeviceInfo& info(int index) const override { return infos_.at(static_cast<std::size_t>(index)); }
    std::string unusable(int index) const override {
        // Machine code of an older card of its generation, or intermediate code of any older one, runs.
        const int compute = info(index).compute;
        return compute >= SWITCHYARD_LEAST_COMPUTE
                   ? ""
                   : "has compute capability " + capability_text(compute) + ", and this build needs " +
                         capability_text(SWITCHYARD_LEAST_COMPUTE) + " or more";
    }
    MemoryUse memory(int index) const override { return nvml_->memory(info(index).pci); }
    DeviceHealth health(int index) const override { return nvml_->health(info(index).pci); }
    std::unique_ptr<Device> open(int index) const override { return open_cuda_device(info(index), nvml_); }

  private:
    std::shared_ptr<const Nvml> nvml_;
    std::vector<DeviceInfo> infos_;
};

void note_error(LibraryAnswer& answer, int error, const std::string& text) {
    answer.error = error;
    std::strncpy(answer.error_text, text.c_str(), sizeof answer.error_text - 1);
}

} // namespace

} // namespace switchyard::cuda

extern "C" __attribute__((visibility("default"))) switchyard::cuda::DeviceList*
switchyard_cuda_open(std::int32_t abi, switchyard::cuda::LibraryAnswer* answer) {
    using namespace switchyard::cuda;
    answer->abi = library_abi();
    answer->runtime = CUDART_VERSION;
    if (abi != answer->abi)
        return nullptr;
    cudaDriverGetVersion(&answer->driver);
    int count = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error == cudaSuccess && count == 0)
        error = cudaErrorNoDevice;
    if (error != cudaSuccess) {
        cudaGetLastError();
        note_error(*answer, error, describe(error));
        return nullptr;
    }
    try {
        return new CudaDeviceList(count);
    } catch (const std::exception& problem) {
        note_error(*answer, cudaErrorUnknown, problem.what());
        return nullptr;
    }
}
