// A CUDA library for tests. What it answers stands in SWITCHYARD_FAKE_CARDS: "error NUMBER DRIVER TEXT" as
// CUDA would, or "cards" and a word a card: NAME/COMPUTE/GIBIBYTES. Such a card is an emulated device.
#include "kernels/cuda/emulation/emulated_device.h"
#include "kernels/cuda/library_interface.h"

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <vector>

namespace switchyard::cuda {
namespace {

class FakeCards : public DeviceList {
  public:
    explicit FakeCards(std::istream& words) {
        for (std::string word; words >> word;) {
            std::istringstream parts(word);
            DeviceInfo info;
            std::size_t gibibytes = 0;
            char slash = 0;
            std::getline(parts, info.name, '/');
            parts >> info.compute >> slash >> gibibytes;
            info.index = count();
            info.memory_bytes = gibibytes << 30;
            info.multiprocessors = 4;
            info.driver = info.runtime = 13000;
            info.driver_version = "580.0";
            info.pci = "0000:0" + std::to_string(count()) + ":00.0";
            infos_.push_back(info);
        }
    }
    int count() const override { return static_cast<int>(infos_.size()); }
    const DeviceInfo& info(int index) const override { return infos_.at(static_cast<std::size_t>(index)); }
    std::string unusable(int index) const override {
        return info(index).compute >= 75 ? "" : "is too old\nand more";
    }
    MemoryUse memory(int index) const override {
        return {info(index).memory_bytes / 2, info(index).memory_bytes};
    }
    DeviceHealth health(int index) const override {
        DeviceHealth health;
        health.celsius = 40 + index;
        health.watts = 75.5;
        return health;
    }
    std::unique_ptr<Device> open(int index) const override {
        if (info(index).name == "Broken")
            throw DeviceError("out of memory (cudaErrorMemoryAllocation)\nsecond line", false);
        EmulatedOptions options;
        options.memory_bytes = info(index).memory_bytes > 0 ? info(index).memory_bytes : 64 << 10;
        options.compute = info(index).compute;
        return make_emulated_device(options);
    }

  private:
    std::vector<DeviceInfo> infos_;
};

} // namespace
} // namespace switchyard::cuda

extern "C" __attribute__((visibility("default"))) switchyard::cuda::DeviceList*
switchyard_cuda_open(std::int32_t abi, switchyard::cuda::LibraryAnswer* answer) {
    using namespace switchyard::cuda;
    answer->abi = library_abi();
    answer->runtime = 13000;
    const char* told = std::getenv("SWITCHYARD_FAKE_CARDS");
    std::istringstream words(told ? told : "cards");
    std::string kind;
    words >> kind;
    if (abi != answer->abi)
        return nullptr;
    if (kind == "cards") {
        answer->driver = 13000;
        return new FakeCards(words);
    }
    std::string text;
    words >> answer->error >> answer->driver;
    std::getline(words >> std::ws, text);
    std::memset(answer->error_text, 'x', sizeof answer->error_text); // no end
    if (text.size() < sizeof answer->error_text)
        std::strcpy(answer->error_text, text.c_str());
    return nullptr;
}
