#include "kernels/cuda/library/cuda_device.h"

#include "kernels/cuda/library/cublas.h"
#include "kernels/cuda/library/cuda_stream.h"
#include "kernels/cuda/library/prepare.h"
#include "kernels/cuda/library/residence.h"

#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace switchyard::cuda {

namespace {

/// The driver hands memory out in pieces of this; what is smaller shares one.
constexpr std::size_t kPiece = std::size_t{2} << 20;

/// A card is one for the whole process, as its context is: models that opened it each for themselves take
/// turns.
std::shared_ptr<std::mutex> steps_of(int card) {
    static std::mutex mutex;
    static std::map<int, std::shared_ptr<std::mutex>> steps;
    const std::lock_guard lock(mutex);
    auto& own = steps[card];
    if (!own)
        own = std::make_shared<std::mutex>();
    return own;
}

class CudaDevice : public Device {
  public:
    CudaDevice(const DeviceInfo& info, std::shared_ptr<const Nvml> nvml)
        : Device(steps_of(info.index)), info_(info), nvml_(std::move(nvml)),
          context_(std::make_shared<CudaContext>()) {
        context_->index = info.index;
        context_->dependent_launches = info.compute >= 90;
        context_->enter();
        context_->check(cudaFree(nullptr), "the device cannot be used"); // makes its context
        prepare_kernels(
            [this](int error, const char* name) { context_->check(static_cast<cudaError_t>(error), name); });
        residence_.emplace(*context_);
    }

    const DeviceInfo& info() const override { return info_; }

    MemoryUse memory() override {
        context_->enter();
        MemoryUse use;
        context_->check(cudaMemGetInfo(&use.free, &use.total), "the device does not tell its memory");
        const std::lock_guard lock(mutex_);
        use.taken = taken_;
        return use;
    }

    DeviceHealth health() override { return nvml_->health(info_.pci); }

    std::byte* allocate(std::size_t bytes) override {
        context_->enter();
        if (bytes == 0)
            bytes = 1;
        // Whole pieces, so that what is counted is what the driver takes.
        const std::size_t whole = (bytes + kPiece - 1) / kPiece * kPiece;
        const std::size_t asked = bytes > kPiece / 2 ? whole : bytes;
        void* memory = nullptr;
        if (!given(cudaMalloc(&memory, asked), "memory cannot be had"))
            return nullptr;
        const std::lock_guard lock(mutex_);
        sizes_[memory] = asked;
        taken_ += asked;
        return static_cast<std::byte*>(memory);
    }

    void release(std::byte* memory) noexcept override {
        if (!memory)
            return;
        {
            const std::lock_guard lock(mutex_);
            if (const auto found = sizes_.find(memory); found != sizes_.end()) {
                taken_ -= found->second;
                sizes_.erase(found);
            }
        }
        if (entered())
            cudaFree(memory);
    }

    std::byte* allocate_host(std::size_t bytes) override {
        context_->enter();
        void* memory = nullptr;
        if (!given(cudaHostAlloc(&memory, bytes == 0 ? 1 : bytes, cudaHostAllocPortable),
                   "host memory cannot be had"))
            return nullptr;
        return static_cast<std::byte*>(memory);
    }

    void release_host(std::byte* memory) noexcept override {
        if (memory && entered())
            cudaFreeHost(memory);
    }

    std::unique_ptr<Stream> make_stream(StreamUse use) override {
        return std::make_unique<CudaStream>(context_, use);
    }
    std::unique_ptr<Event> make_event() override { return std::make_unique<CudaEvent>(context_); }
    int resident_blocks(Kernel kernel, std::size_t more_shared) override {
        return residence_->blocks(kernel, more_shared);
    }
    DenseProducts* dense_products() override {
        std::call_once(products_looked_for_, [this] { products_ = open_cublas(context_); });
        return products_.get();
    }

  private:
    /// Whether the memory was there; throws DeviceError at any other failure.
    bool given(cudaError_t error, const char* what) {
        if (error == cudaErrorMemoryAllocation) {
            cudaGetLastError(); // it passes
            return false;
        }
        context_->check(error, what);
        return true;
    }
    bool entered() noexcept {
        try {
            context_->enter();
            return true;
        } catch (const DeviceError&) {
            return false; // a lost device has given up its memory
        }
    }

    DeviceInfo info_;
    std::shared_ptr<const Nvml> nvml_;
    std::shared_ptr<CudaContext> context_;
    std::optional<Residence> residence_;
    std::mutex mutex_;
    std::map<void*, std::size_t> sizes_; ///< of what was allocated
    std::size_t taken_ = 0;
    std::once_flag products_looked_for_;
    std::unique_ptr<DenseProducts> products_;
};

} // namespace

std::unique_ptr<Device> open_cuda_device(const DeviceInfo& info, std::shared_ptr<const Nvml> nvml) {
    return std::make_unique<CudaDevice>(info, std::move(nvml));
}

} // namespace switchyard::cuda
