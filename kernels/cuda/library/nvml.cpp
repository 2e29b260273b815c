#include "kernels/cuda/library/nvml.h"

#include <dlfcn.h>

namespace switchyard::cuda {

namespace {

using Handle = void*;
struct NvmlMemory {
    unsigned long long total, free, used;
};
// As the library numbers them.
constexpr int kSuccess = 0, kGpuTemperature = 0, kMultiprocessorClock = 1, kMemoryClock = 2;

} // namespace

struct Nvml::Functions {
    int (*init)();
    int (*shutdown)();
    int (*driver_version)(char* text, unsigned bytes);
    int (*by_pci)(const char* pci, Handle* device);
    int (*temperature)(Handle device, int sensor, unsigned* celsius);
    int (*power)(Handle device, unsigned* milliwatts);
    int (*power_limit)(Handle device, unsigned* milliwatts);
    int (*clock)(Handle device, int type, unsigned* mhz);
    int (*memory)(Handle device, NvmlMemory* memory);
    void* library;

    template <typename F>
    bool find(F& function, const char* name) {
        function = reinterpret_cast<F>(dlsym(library, name));
        return function != nullptr;
    }
    bool find_all() {
        return find(init, "nvmlInit_v2") && find(shutdown, "nvmlShutdown") &&
               find(driver_version, "nvmlSystemGetDriverVersion") &&
               find(by_pci, "nvmlDeviceGetHandleByPciBusId_v2") &&
               find(temperature, "nvmlDeviceGetTemperature") && find(power, "nvmlDeviceGetPowerUsage") &&
               find(power_limit, "nvmlDeviceGetEnforcedPowerLimit") &&
               find(clock, "nvmlDeviceGetClockInfo") && find(memory, "nvmlDeviceGetMemoryInfo");
    }
};

Nvml::Nvml() {
    auto functions = std::make_unique<Functions>();
    functions->library = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!functions->library)
        return;
    if (functions->find_all() && functions->init() == kSuccess)
        functions_ = std::move(functions);
    else
        dlclose(functions->library);
}

Nvml::~Nvml() {
    if (functions_)
        functions_->shutdown(); // the library stays: its threads may
}

std::string Nvml::driver_version() const {
    char text[81] = {};
    return functions_ && functions_->driver_version(text, sizeof text - 1) == kSuccess ? text : "";
}

DeviceHealth Nvml::health(const std::string& pci) const {
    DeviceHealth health;
    Handle device = nullptr;
    if (!functions_ || functions_->by_pci(pci.c_str(), &device) != kSuccess)
        return health;
    unsigned value = 0;
    if (functions_->temperature(device, kGpuTemperature, &value) == kSuccess)
        health.celsius = static_cast<int>(value);
    if (functions_->power(device, &value) == kSuccess)
        health.watts = value * 1e-3;
    if (functions_->power_limit(device, &value) == kSuccess)
        health.watts_limit = value * 1e-3;
    if (functions_->clock(device, kMultiprocessorClock, &value) == kSuccess)
        health.clock_mhz = static_cast<int>(value);
    if (functions_->clock(device, kMemoryClock, &value) == kSuccess)
        health.memory_clock_mhz = static_cast<int>(value);
    return health;
}

MemoryUse Nvml::memory(const std::string& pci) const {
    Handle device = nullptr;
    NvmlMemory memory = {};
    if (!functions_ || functions_->by_pci(pci.c_str(), &device) != kSuccess ||
        functions_->memory(device, &memory) != kSuccess)
        return {};
    return {static_cast<std::size_t>(memory.free), static_cast<std::size_t>(memory.total)};
}

} // namespace switchyard::cuda
