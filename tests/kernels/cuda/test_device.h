// The device that kernel tests run on: the emulated one, or the machine's own card where
// SWITCHYARD_TEST_DEVICE says "cuda" or "cuda:N". And short ways to its memory.
#pragma once

#include "kernels/cuda/emulation/emulated_device.h"
#include "kernels/cuda/kernel_list.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace switchyard::cuda {

/// `options` are the emulated device's, with the fault that SWITCHYARD_PLANTED_FAULT names. Memory of either
/// holds 0xff where nobody wrote. Throws std::runtime_error with the reason where there is no card and one is
/// asked for.
std::unique_ptr<Device> make_test_device(const EmulatedOptions& options = {});
/// Whether that is a card: what only the emulated device can do is skipped there.
bool on_card();

/// How launches of several kernels go to a stream, each as a dependent one.
struct TestLaunches {
    Stream& stream;
    DenseProducts* products = nullptr;
    template <Kernel kKernel>
    void operator()(GridSize grid, const typename KernelTraits<kKernel>::Params& params) const {
        launch<kKernel>(stream, grid, params, true);
    }
    void multiply(const DenseProduct& product) const { products->multiply(stream, product); }
};

/// Memory of the device with `values` in it; at least one value's.
template <typename T>
T* upload(Device& device, Stream& stream, const std::vector<T>& values) {
    const std::size_t bytes = values.size() * sizeof(T);
    std::byte* memory = device.allocate(bytes > 0 ? bytes : sizeof(T));
    stream.copy_to_device(memory, reinterpret_cast<const std::byte*>(values.data()), bytes);
    stream.synchronise();
    return reinterpret_cast<T*>(memory);
}
template <typename T>
std::vector<T> download(Stream& stream, const T* memory, std::size_t count) {
    std::vector<T> values(count);
    stream.copy_to_host(reinterpret_cast<std::byte*>(values.data()),
                        reinterpret_cast<const std::byte*>(memory), count * sizeof(T));
    stream.synchronise();
    return values;
}

} // namespace switchyard::cuda
