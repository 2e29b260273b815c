#include "tests/kernels/cuda/test_device.h"

#include "engine/backends/choose_backend.h"
#include "engine/backends/cuda/device_library.h"

#include <cstdlib>
#include <string>
#include <utility>

namespace switchyard::cuda {

namespace {

/// A card whose memory holds 0xff where nobody wrote, as the emulated device's does.
class PoisonedCard : public Device {
  public:
    explicit PoisonedCard(std::unique_ptr<Device> card)
        : card_(std::move(card)), stream_(card_->make_stream()) {}
    const DeviceInfo& info() const override { return card_->info(); }
    MemoryUse memory() override { return card_->memory(); }
    DeviceHealth health() override { return card_->health(); }
    std::byte* allocate(std::size_t bytes) override {
        std::byte* memory = card_->allocate(bytes);
        if (memory && bytes > 0) {
            stream_->fill(memory, 0xff, bytes);
            stream_->synchronise();
        }
        return memory;
    }
    void release(std::byte* memory) noexcept override { card_->release(memory); }
    std::byte* allocate_host(std::size_t bytes) override { return card_->allocate_host(bytes); }
    void release_host(std::byte* memory) noexcept override { card_->release_host(memory); }
    std::unique_ptr<Stream> make_stream(StreamUse use) override { return card_->make_stream(use); }
    std::unique_ptr<Event> make_event() override { return card_->make_event(); }
    DenseProducts* dense_products() override { return card_->dense_products(); }
    int resident_blocks(Kernel kernel, std::size_t more_shared) override {
        return card_->resident_blocks(kernel, more_shared);
    }

  private:
    std::unique_ptr<Device> card_;
    std::unique_ptr<Stream> stream_;
};

std::string wanted_device() {
    const char* wanted = std::getenv("SWITCHYARD_TEST_DEVICE");
    return wanted ? wanted : "";
}

} // namespace

bool on_card() { return wanted_device().starts_with("cuda"); }

std::unique_ptr<Device> make_test_device(const EmulatedOptions& options) {
    if (!on_card()) {
        EmulatedOptions own = options;
        if (const char* fault = std::getenv("SWITCHYARD_PLANTED_FAULT"))
            own.fault = parse_fault(fault);
        return make_emulated_device(own);
    }
    const auto library = DeviceLibrary::find();
    const int index = parse_device(wanted_device()).index;
    return std::make_unique<PoisonedCard>(library->open_device(index >= 0 ? index : library->best()));
}

} // namespace switchyard::cuda
