// The CUDA library: a file of its own, opened where there is one. Whatever is missing of it, of the driver or
// of a card is told in a sentence, and the program goes on without.
#pragma once

#include "kernels/cuda/device.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace switchyard {

namespace cuda {
class DeviceList;
}

/// Why no card can be used.
enum class DeviceTrouble : std::uint8_t {
    None,
    NoLibrary,    ///< not part of this build
    OtherLibrary, ///< of another build, or damaged
    NoDriver,
    OldDriver,
    NoDevice,
    UnfitDevice, ///< there are only some that the kernels do not run on
    Failed       ///< CUDA says something else
};

/// Why there is no cuda:index where there are `count`, as a clause.
std::string no_such_card(int index, int count);

class DeviceLibrary {
  public:
    /// Looks beside the program and in ../lib/switchyard; SWITCHYARD_CUDA_LIBRARY names another file. Looks
    /// anew at every call; what it opened stays open as long as the program runs.
    static std::shared_ptr<const DeviceLibrary> find();
    /// The same with a file. Opens nothing where `file` is empty.
    static std::shared_ptr<const DeviceLibrary> open(const std::filesystem::path& file);
    ~DeviceLibrary();
    DeviceLibrary(const DeviceLibrary&) = delete;
    DeviceLibrary& operator=(const DeviceLibrary&) = delete;

    DeviceTrouble trouble() const { return trouble_; }
    /// It in a clause of one line; "" where a card can be used: "there is no NVIDIA driver on this machine".
    const std::string& reason() const { return reason_; }

    /// Differs between builds of the library and of the program.
    const std::string& build() const { return build_; }
    int count() const;
    /// PRECOND of what follows: index < count().
    const cuda::DeviceInfo& info(int index) const;
    /// Why this one cannot be used, as a clause; "": it can.
    std::string unusable(int index) const;
    cuda::MemoryUse memory(int index) const; ///< zeros where only an open device could tell
    cuda::DeviceHealth health(int index) const;
    /// The largest that can be used. PRECOND: reason() is empty.
    int best() const;
    /// Throws Error. The device keeps the library.
    std::unique_ptr<cuda::Device> open_device(int index) const;

  private:
    DeviceLibrary() = default;
    void load(const std::filesystem::path& file);
    void set_trouble(DeviceTrouble trouble, std::string reason);

    std::unique_ptr<const cuda::DeviceList> devices_; ///< null: none
    DeviceTrouble trouble_ = DeviceTrouble::None;
    std::string reason_, build_;
};

} // namespace switchyard
