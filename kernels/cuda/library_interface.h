// What the CUDA library answers when it is opened. It is a file of its own, found at run time, and may be of
// another build than the program: until both have compared their numbers, only plain C passes between them.
#pragma once

#include "kernels/cuda/device.h"
#include "kernels/cuda/kernel_list.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace switchyard::cuda {

/// The devices of a machine. Looking takes none of their memory.
class DeviceList {
  public:
    virtual ~DeviceList() = default;
    virtual int count() const = 0;
    virtual const DeviceInfo& info(int index) const = 0;
    /// Why the library's kernels do not run on it: one line. "": they do.
    virtual std::string unusable(int index) const = 0;
    /// {0, 0} where only a device that is open could tell.
    virtual MemoryUse memory(int index) const = 0;
    virtual DeviceHealth health(int index) const = 0;
    /// Throws DeviceError.
    virtual std::unique_ptr<Device> open(int index) const = 0;
};

/// The first answer. It keeps its layout for ever.
struct LibraryAnswer {
    std::int32_t abi = 0;                 ///< of the library
    std::int32_t error = 0;               ///< CUDA's number; 0: there are devices
    std::int32_t driver = 0, runtime = 0; ///< newest CUDA that the driver knows (0: no driver); CUDA it needs
    char error_text[128] = {};            ///< CUDA's name and sentence of it
};

/// Fills `answer`, and gives the devices where the caller's number is the library's own and there are some;
/// else nullptr. Never throws, prints nothing.
using OpenCudaLibrary = DeviceList* (*)(std::int32_t abi, LibraryAnswer* answer);
inline constexpr const char* kOpenCudaLibrary = "switchyard_cuda_open";
inline constexpr const char* kCudaLibraryFile = "libswitchyard_cuda.so";

/// A number that differs wherever library and program would not understand each other: it is made of the
/// kernels' names and the sizes of what passes between both.
constexpr std::int32_t library_abi() {
    std::uint32_t hash = 2166136261u; // FNV-1a
    const auto add = [&hash](std::string_view bytes) {
        for (const char c : bytes)
            hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    };
    const auto add_number = [&hash](std::size_t number) {
        for (int i = 0; i < 4; ++i)
            hash = (hash ^ static_cast<std::uint32_t>(number >> (8 * i) & 0xffu)) * 16777619u;
    };
    add(__VERSION__);
    add_number(sizeof(DeviceInfo) + 1000 * sizeof(Launch) + 100000 * sizeof(DeviceHealth));
#define SWITCHYARD_ADD(name, function, Params, Shared, threads, blocks)                                      \
    add(#name);                                                                                              \
    add_number(sizeof(Params));
    SWITCHYARD_CUDA_KERNELS(SWITCHYARD_ADD)
#undef SWITCHYARD_ADD
    return static_cast<std::int32_t>(hash & 0x7fffffffu);
}

} // namespace switchyard::cuda
