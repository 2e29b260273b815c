#include "engine/backends/cuda/cuda_executor.h"

#include "engine/backends/common/block_ledger.h"
#include "engine/backends/common/check_batch.h"
#include "engine/backends/common/step_queue.h"
#include "engine/backends/common/token_draws.h"
#include "engine/backends/cuda/device_failure.h"
#include "engine/backends/cuda/device_step.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace switchyard::cuda {
namespace {

/// What a row may be told; all else of it must be at rest.
constexpr RowDial kCudaRowDials[] = {RowDial::Experts};

class CudaExecutor : public Executor {
  public:
    CudaExecutor(std::shared_ptr<const Plan> plan, std::shared_ptr<DevicePool> pool,
                 const DeviceStepOptions& options)
        : plan_(std::move(plan)), pool_(std::move(pool)), kv_(*plan_, pool_), options_(options),
          step_(*plan_, pool_, kv_, options), draws_(plan_->vocabulary) {}

    KvBlockId allocate_kv_block(BlockType type) override {
        return blocks_.add([&] { return kv_.allocate(type); });
    }
    KvBlockId allocate_state() override {
        return blocks_.add([&] { return kv_.allocate_state(); });
    }
    void release_kv_block(KvBlockId block) noexcept override { blocks_.release(block); }
    KvBlockId clone_kv_block(KvBlockId block) override;
    std::vector<std::byte> save_kv_block(KvBlockId block) override;
    KvBlockId load_kv_block(BlockType type, std::span<const std::byte> saved) override {
        check_saved_block(saved, kv_.block_bytes(type));
        return fill(allocate_kv_block(type), saved);
    }
    KvBlockId load_state(std::span<const std::byte> saved) override {
        check_saved_block(saved, kv_.state_bytes());
        return fill(allocate_state(), saved);
    }
    std::size_t kv_block_bytes(BlockType type) const override { return kv_.block_bytes(type); }
    std::size_t state_bytes() const override { return kv_.state_bytes(); }
    std::size_t kv_bytes() const override { return kv_.bytes(); }
    std::size_t kv_capacity() const override;
    std::size_t scratch_bytes() const override { return scratch_bytes_; }
    StageTable stage_totals() const override {
        const std::lock_guard lock(totals_mutex_);
        return totals_;
    }
    std::size_t forecast_scratch(int rows, int context, int experts) const override {
        return DeviceStep(*plan_, pool_, kv_, options_).forecast(rows, context, experts);
    }
    /// A round trip to the host costs more than a row that is computed in vain.
    int steps_in_flight() const override { return 2; }
    int prompt_rows() const override { return step_.prompt_rows(); }
    int decompressed_rows() const override { return step_.decompressed_rows(); }
    std::string prompt_library() const override { return step_.prompt_library(); }
    void prepare() override {
        with_device_errors_told([this] { step_.prepare(); });
    }
    std::optional<ExpertCacheUse> expert_cache() const override { return step_.expert_cache(); }

    std::unique_ptr<PendingStep> start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                       std::stop_token stop, std::function<void()> on_done) override {
        check_batch(batch, *plan_, {"the CUDA backend", kCudaRowDials});
        blocks_.free_ended();
        return steps_.start(std::move(batch), std::move(weights), std::move(stop), std::move(on_done));
    }

  private:
    KvBlockId fill(KvBlockId block, std::span<const std::byte> saved);
    StepResult compute(Batch& batch, const WeightSet& weights, const StepStop& stop);
    StepResult run(Batch& batch, const WeightSet& weights, const StepStop& stop);

    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<DevicePool> pool_;
    KvStore kv_;
    BlockLedger<KvStore> blocks_{kv_, steps_};
    std::unique_ptr<Stream> copies_ = pool_->device().make_stream(); ///< of blocks
    HostBuffer copied_{pool_->device()};

    const DeviceStepOptions options_;

    // Of the thread that computes.
    DeviceStep step_;
    StepWishes wishes_;
    TokenDraws draws_;
    mutable std::mutex totals_mutex_;
    StageTable totals_;
    std::atomic<std::size_t> scratch_bytes_{0};

    StepQueue steps_{[this](Batch& batch, const WeightSet& weights, const StepStop& stop) {
                         return compute(batch, weights, stop);
                     },
                     [this] { blocks_.free_ended(); }}; ///< last: its thread uses everything above
};

KvBlockId CudaExecutor::clone_kv_block(KvBlockId block) {
    steps_.drain();
    const KvBlockId copy = allocate_kv_block(kv_.type(block));
    copies_->copy_within(kv_.ref(copy).data, kv_.ref(block).data, kv_.bytes_of(block));
    copies_->synchronise();
    return copy;
}

std::vector<std::byte> CudaExecutor::save_kv_block(KvBlockId block) {
    steps_.drain();
    const std::size_t bytes = kv_.bytes_of(block);
    const std::byte* host = copied_.reserve(bytes);
    copies_->copy_to_host(copied_.data(), kv_.ref(block).data, bytes);
    copies_->synchronise();
    return {host, host + bytes};
}

KvBlockId CudaExecutor::fill(KvBlockId block, std::span<const std::byte> saved) {
    std::ranges::copy(saved, copied_.reserve(saved.size()));
    copies_->copy_to_device(kv_.ref(block).data, copied_.data(), saved.size());
    copies_->synchronise();
    return block;
}

/// What is free now but for a reserve, and what the cache has.
std::size_t CudaExecutor::kv_capacity() const {
    constexpr std::size_t kReserve = std::size_t{512} << 20;
    const std::size_t free = pool_->device().memory().free + (pool_->held_bytes() - pool_->used_bytes());
    return kv_.bytes() + (free > 2 * kReserve ? free - kReserve : free / 2);
}

StepResult CudaExecutor::compute(Batch& batch, const WeightSet& weights, const StepStop& stop) {
    return with_device_errors_told([&] { return run(batch, weights, stop); });
}

StepResult CudaExecutor::run(Batch& batch, const WeightSet& weights, const StepStop& stop) {
    StepResult result;
    if (!draws_.take_over(batch)) {
        result.cancelled = true;
        return result;
    }
    wishes_.read(batch);
    shape_routing(batch, *plan_, result.routing);
    result.cancelled = !step_.run(wishes_, weights, stop, result);
    scratch_bytes_ = step_.scratch_bytes();
    if (!result.cancelled) {
        const RowLogits logits = [this](std::size_t row) { return step_.logits(row); };
        draws_.draw(wishes_, logits, result);
        wishes_.tell(result, logits);
    }
    const std::lock_guard lock(totals_mutex_);
    totals_ += result.stages;
    return result;
}

} // namespace

std::unique_ptr<Executor> make_cuda_executor(std::shared_ptr<const Plan> plan,
                                             std::shared_ptr<DevicePool> pool,
                                             const DeviceStepOptions& options) {
    return std::make_unique<CudaExecutor>(std::move(plan), std::move(pool), options);
}

} // namespace switchyard::cuda
