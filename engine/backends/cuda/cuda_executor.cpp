#include "engine/backends/cuda/cuda_executor.h"

#include "engine/backends/common/block_ledger.h"
#include "engine/backends/common/check_batch.h"
#include "engine/backends/common/step_queue.h"
#include "engine/backends/common/token_draws.h"
#include "engine/backends/cuda/device_failure.h"
#include "engine/backends/cuda/device_step.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

namespace switchyard::cuda {
namespace {

/// What a row may be told; all else of it must be at rest.
constexpr RowDial kCudaRowDials[] = {RowDial::Experts, RowDial::GateThreshold, RowDial::RoutingMass,
                                     RowDial::Pool, RowDial::OffMask};

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
    std::optional<DeviceDraws> device_draws() const override {
        const std::lock_guard lock(totals_mutex_);
        return device_draws_;
    }
    std::optional<RowLaunchTimes> row_launch_times() const override {
        const std::lock_guard lock(totals_mutex_);
        return row_launch_times_;
    }

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
    /// A step, from its launch on.
    struct Work {
        StepWishes wishes;
        StepResult result;
    };
    bool run_alone(Work& work, const WeightSet& weights, const StepStop& stop);
    void look_ahead(const Work& work, const WeightSet& weights);
    bool follow(const Work& work, const StepQueue::Behind& behind, const WeightSet& weights);
    void give_up_ahead(std::uint64_t DeviceDraws::*why);
    void count(std::uint64_t DeviceDraws::*what) {
        const std::lock_guard lock(totals_mutex_);
        ++(device_draws_.*what);
    }

    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<DevicePool> pool_;
    KvStore kv_;
    BlockLedger<KvStore> blocks_{kv_, steps_};
    std::unique_ptr<Stream> copies_ = pool_->device().make_stream(); ///< of blocks
    HostBuffer copied_{pool_->device()};

    const DeviceStepOptions options_;

    // Of the thread that computes.
    DeviceStep step_;
    Work works_[2];                       ///< what is computed, and what was launched behind it
    int now_ = 0;                         ///< which is which
    bool ahead_ = false;                  ///< the step behind was launched
    unsigned pause_ = 0, pause_left_ = 0; ///< steps without one, after some that were launched in vain
    static constexpr int kMostInARow = 32;
    int in_a_row_ = 0; ///< steps that were launched behind another
    TokenDraws draws_;
    mutable std::mutex totals_mutex_;
    DeviceDraws device_draws_;
    RowLaunchTimes row_launch_times_;
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
    try {
        return with_device_errors_told([&] { return run(batch, weights, stop); });
    } catch (...) {
        step_.drop();
        ahead_ = false;
        throw;
    }
}

/// Whether its rows do nothing but draw, and as the device can.
bool draws_on_device(const StepWishes& wishes) {
    const Batch& batch = wishes.batch();
    if (wishes.logit_rows().size() != batch.rows.size())
        return false;
    for (std::size_t r = 0; r < batch.rows.size(); ++r) {
        const DrawWish* draw = wishes.draw_of(r);
        const Sought* from = draw ? wishes.for_draw(r) : nullptr;
        if (!from || batch.rows[r].routing || !cuda::draws_on_device(*draw, *from->wish))
            return false;
    }
    return std::ranges::all_of(wishes.sought(),
                               [](const Sought& one) { return one.wish->best <= kMostBest; });
}

/// Launches the step behind the one under way, should it come before that has ended.
void CudaExecutor::look_ahead(const Work& work, const WeightSet& weights) {
    if (in_a_row_ == kMostInARow) { // the device is free between steps: others that compute on it have waited
        in_a_row_ = 0;
        return;
    }
    if (!step_.can_be_followed() || !draws_on_device(work.wishes))
        return;
    if (pause_left_ > 0) {
        --pause_left_;
        return;
    }
    constexpr std::chrono::microseconds kSoon{200}, kNap{50};
    const auto soon = std::chrono::steady_clock::now() + kSoon;
    do {
        if (const auto behind = steps_.behind()) {
            ahead_ = follow(work, *behind, weights);
            in_a_row_ = ahead_ ? in_a_row_ + 1 : 0;
            return;
        }
        if (std::chrono::steady_clock::now() < soon) // it comes in microseconds,
            std::this_thread::yield();
        else // or may not come at all
            std::this_thread::sleep_for(kNap);
    } while (!step_.ended());
}

bool CudaExecutor::follow(const Work& work, const StepQueue::Behind& behind, const WeightSet& weights) {
    const Batch& batch = behind.batch;
    const std::size_t rows = work.wishes.batch().rows.size();
    if (&behind.weights != &weights || behind.stop.requested() ||
        !std::ranges::all_of(batch.rows, [&](const BatchRow& row) {
            return row.drawn_by >= 0 && static_cast<std::size_t>(row.drawn_by) < rows;
        }))
        return false;
    Work& next = works_[1 - now_];
    next.wishes.read(batch);
    if (!draws_on_device(next.wishes))
        return false;
    next.result = {};
    return step_.follow(work.wishes, next.wishes, weights, next.result);
}

/// The step behind was launched in vain. Where that happens often, fewer are.
void CudaExecutor::give_up_ahead(std::uint64_t DeviceDraws::*why) {
    constexpr unsigned kMostPause = 63;
    step_.drop();
    ahead_ = false;
    pause_ = pause_left_ = std::min(2 * pause_ + 1, kMostPause);
    count(why);
}

/// With tokens that are known. False: it was stopped.
bool CudaExecutor::run_alone(Work& work, const WeightSet& weights, const StepStop& stop) {
    work.result = {};
    shape_routing(work.wishes.batch(), *plan_, work.result.routing);
    return step_.launch(work.wishes, weights, stop, work.result) &&
           step_.finish(work.wishes, stop, work.result);
}

StepResult CudaExecutor::run(Batch& batch, const WeightSet& weights, const StepStop& stop) {
    const bool follows = std::exchange(ahead_, false);
    now_ = 1 - now_;
    Work& work = works_[now_];
    if (!draws_.take_over(batch)) {
        step_.drop();
        work.result = {};
        work.result.cancelled = true;
        return std::move(work.result);
    }
    work.wishes.read(batch);
    bool done = true;
    if (!follows) {
        work.result = {};
        shape_routing(batch, *plan_, work.result.routing);
        done = step_.launch(work.wishes, weights, stop, work.result);
    }
    if (done) {
        look_ahead(work, weights);
        done = step_.finish(work.wishes, stop, work.result);
    }
    if (done && follows) {
        count(&DeviceDraws::steps);
        if (std::ranges::equal(step_.followed_with(), batch.rows, {}, {}, &BatchRow::token)) {
            pause_ = 0;
        } else {
            give_up_ahead(&DeviceDraws::differed);
            done = run_alone(work, weights, stop);
        }
    }
    scratch_bytes_ = step_.scratch_bytes();
    if (done) {
        const RowLogits logits = [&](std::size_t row) {
            if (ahead_) { // which wrote others in their place
                give_up_ahead(&DeviceDraws::undecided);
                run_alone(work, weights, {});
            }
            return step_.logits(row);
        };
        draws_.draw(work.wishes, logits, work.result);
        work.wishes.tell(work.result, logits);
    }
    work.result.cancelled = !done;
    const std::lock_guard lock(totals_mutex_);
    row_launch_times_ = step_.row_launch_times();
    totals_ += work.result.stages;
    return std::move(work.result);
}

} // namespace

std::unique_ptr<Executor> make_cuda_executor(std::shared_ptr<const Plan> plan,
                                             std::shared_ptr<DevicePool> pool,
                                             const DeviceStepOptions& options) {
    return std::make_unique<CudaExecutor>(std::move(plan), std::move(pool), options);
}

} // namespace switchyard::cuda
