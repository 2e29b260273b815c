#include "engine/backends/cpu/cpu_executor.h"

#include "engine/backends/common/block_ledger.h"
#include "engine/backends/common/check_batch.h"
#include "engine/backends/common/step_queue.h"
#include "engine/backends/common/token_draws.h"
#include "engine/backends/cpu/compile.h"
#include "engine/backends/cpu/kv_attention.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/files/mapped_file.h"

#include <algorithm>
#include <mutex>
#include <utility>

namespace switchyard::cpu {
namespace {

/// Throws Error where weights lie in a file that was cut: what was computed with them is nothing.
void check_files(const WeightSet& weights) {
    if (!any_mapped_file_was_cut())
        return;
    for (const auto& weight : weights.weights)
        for (const Slice& slice : weight->slices)
            if (slice.place.mapped())
                check_mapped(slice.data);
}

/// What a row may be told; all else of it must be at rest.
constexpr RowDial kCpuRowDials[] = {RowDial::Experts, RowDial::GateThreshold, RowDial::RoutingMass,
                                    RowDial::Pool,    RowDial::OffMask,       RowDial::ActivationBits};

class CpuExecutor : public Executor {
  public:
    CpuExecutor(std::shared_ptr<const Plan> plan, std::shared_ptr<ThreadPool> pool);

    KvBlockId allocate_kv_block(BlockType type) override;
    void release_kv_block(KvBlockId block) noexcept override;
    KvBlockId clone_kv_block(KvBlockId block) override;
    std::vector<std::byte> save_kv_block(KvBlockId block) override;
    KvBlockId load_kv_block(BlockType type, std::span<const std::byte> saved) override;
    KvBlockId allocate_state() override;
    KvBlockId load_state(std::span<const std::byte> saved) override;
    std::size_t kv_block_bytes(BlockType type) const override { return kv_.block_bytes(type); }
    std::size_t state_bytes() const override { return kv_.state_bytes(); }
    std::size_t kv_bytes() const override { return kv_.bytes(); }
    std::size_t kv_capacity() const override;
    std::size_t scratch_bytes() const override { return scratch_bytes_; }
    StageTable stage_totals() const override;
    std::size_t forecast_scratch(int rows, int context, int experts) const override;

    /// By measurement on two threads four rows take 1.2 times as long as one; with experts each row reads
    /// others, so that four of 8 of 128 read 3.6 times the weights of one.
    int draft_rows() const override { return plan_->experts > 0 ? 0 : 3; }

    std::unique_ptr<PendingStep> start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                       std::stop_token stop, std::function<void()> on_done) override;
    void set_observer(FeedForwardObserver* observer) override { observer_ = observer; }
    void set_product_observer(ProductObserver* observer) override { product_observer_ = observer; }

  private:
    ScratchSizes reserve(const StepShape& shape, Shared& shared) const;
    bool exact_cache(const Batch& batch) const;
    StepResult compute(Batch& batch, const WeightSet& weights, const StepStop& stop);
    void make_room(StepRun& run) const;
    void add_stages(StepResult& result, double drawing);

    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<ThreadPool> pool_;
    KvStore kv_;
    BlockLedger<KvStore> blocks_{kv_, steps_};

    // Of the thread that computes.
    Shared shared_;
    std::vector<ThreadContext> threads_;
    std::vector<std::atomic<int>> counters_;
    std::vector<std::unique_ptr<Stage>> stages_;
    mutable std::mutex totals_mutex_;
    StageTable totals_;
    StepWishes wishes_;
    TokenDraws draws_;
    std::atomic<std::size_t> scratch_bytes_{0};
    FeedForwardObserver* observer_ = nullptr; ///< set between steps
    ProductObserver* product_observer_ = nullptr;

    StepQueue steps_{[this](Batch& batch, const WeightSet& weights, const StepStop& stop) {
                         return compute(batch, weights, stop);
                     },
                     [this] { blocks_.free_ended(); }}; ///< last: its thread uses everything above
};

CpuExecutor::CpuExecutor(std::shared_ptr<const Plan> plan, std::shared_ptr<ThreadPool> pool)
    : plan_(std::move(plan)), pool_(std::move(pool)), kv_(plan_->kv, plan_->states),
      threads_(static_cast<std::size_t>(pool_->size())), counters_(0),
      draws_(plan_->vocabulary, pool_->size(), [this](const auto& work) { pool_->run(work); }) {
    stages_ = compile_stages(*plan_, shared_);
    shared_.values.resize(plan_->values.size());
    shared_.feed_forward.resize(threads_.size());
    for (std::size_t t = 0; t < threads_.size(); ++t)
        threads_[t].thread = static_cast<int>(t);
}

// The cache's blocks.

KvBlockId CpuExecutor::allocate_kv_block(BlockType type) {
    return blocks_.add([&] { return kv_.allocate(type); });
}

KvBlockId CpuExecutor::allocate_state() {
    return blocks_.add([&] { return kv_.allocate_state(); });
}

void CpuExecutor::release_kv_block(KvBlockId block) noexcept { blocks_.release(block); }

KvBlockId CpuExecutor::clone_kv_block(KvBlockId block) {
    steps_.drain();
    const KvBlockId copy = allocate_kv_block(kv_.type(block));
    std::ranges::copy(kv_.contents(block), kv_.contents(copy).begin());
    return copy;
}

std::vector<std::byte> CpuExecutor::save_kv_block(KvBlockId block) {
    steps_.drain();
    const auto contents = kv_.contents(block);
    return {contents.begin(), contents.end()};
}

KvBlockId CpuExecutor::load_kv_block(BlockType type, std::span<const std::byte> saved) {
    check_saved_block(saved, kv_.block_bytes(type));
    const KvBlockId block = allocate_kv_block(type);
    std::ranges::copy(saved, kv_.contents(block).begin());
    return block;
}

KvBlockId CpuExecutor::load_state(std::span<const std::byte> saved) {
    check_saved_block(saved, kv_.state_bytes());
    const KvBlockId block = allocate_state();
    std::ranges::copy(saved, kv_.contents(block).begin());
    return block;
}

std::size_t CpuExecutor::kv_capacity() const {
    constexpr std::size_t kLeast = std::size_t{256} << 20, kUnknown = std::size_t{2} << 30;
    const std::uint64_t available = system_memory().available;
    return available == 0 ? kUnknown : std::max<std::size_t>(available / 2, kLeast);
}

// Scratch.

/// What all threads share; what each needs for itself is returned.
ScratchSizes CpuExecutor::reserve(const StepShape& shape, Shared& shared) const {
    for (std::size_t v = 0; v < shared.values.size(); ++v)
        shared.values[v].reserve<float>(shape.batch.rows.size() * static_cast<std::size_t>(plan_->values[v]));
    ScratchSizes sizes;
    for (const auto& stage : stages_)
        stage->reserve(shape, shared, sizes);
    return sizes;
}

bool CpuExecutor::exact_cache(const Batch& batch) const {
    return std::ranges::any_of(batch.sequences, [&](const BatchSequence& sequence) {
        return !sequence.blocks.empty() && kv_.type(sequence.blocks[0]) == BlockType::F32;
    });
}

std::size_t CpuExecutor::forecast_scratch(int rows, int context, int experts) const {
    Shared shared;
    shared.values.resize(plan_->values.size());
    shared.feed_forward.resize(threads_.size());
    shared.choices.resize(shared_.choices.size());
    for (const RopeTable& rope : shared_.ropes)
        shared.ropes.emplace_back().inverse_frequencies = rope.inverse_frequencies;
    shared.only_measure();
    Batch batch;
    batch.rows.resize(static_cast<std::size_t>(rows));
    for (int r = 0; r < rows; ++r)
        batch.rows[static_cast<std::size_t>(r)] = {.position = context - rows + r,
                                                   .dials = {.experts = experts}};
    batch.rows.back().wish = RowWish::Logits;
    ThreadContext thread;
    thread.only_measure();
    thread.reserve(reserve(StepShape(batch, *plan_, pool_->size(), false), shared));
    // Few rows take more room each, for threads share their context and their weights: those of an answer,
    // with its drafts, and of a few answers.
    for (const int few : {StepShape::kStreamedRows, 1 + draft_rows(), 1}) {
        if (few >= rows)
            continue;
        batch.rows.erase(batch.rows.begin(), batch.rows.end() - few);
        thread.reserve(reserve(StepShape(batch, *plan_, pool_->size(), false), shared));
    }
    return shared.bytes() + threads_.size() * thread.bytes();
}

// Steps.

std::unique_ptr<PendingStep> CpuExecutor::start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                                std::stop_token stop, std::function<void()> on_done) {
    check_batch(batch, *plan_, {"the CPU", kCpuRowDials});
    blocks_.free_ended();
    return steps_.start(std::move(batch), std::move(weights), std::move(stop), std::move(on_done));
}

/// For what the step will find of its rows' logits, and tell of their experts.
void CpuExecutor::make_room(StepRun& run) const {
    const auto vocabulary = static_cast<std::size_t>(plan_->vocabulary);
    run.logits.resize(wishes_.logit_rows().size() * vocabulary);
    const std::size_t parts = candidate_parts(vocabulary);
    const std::span<Sought> sought = run.wishes.sought();
    run.candidate_parts.resize(sought.size() * parts);
    for (std::size_t i = 0; i < sought.size(); ++i)
        reserve_candidates(vocabulary, *sought[i].wish,
                           std::span(run.candidate_parts).subspan(i * parts, parts), sought[i].found);
    shape_routing(run.batch, *plan_, run.result.routing);
}

StepResult CpuExecutor::compute(Batch& batch, const WeightSet& weights, const StepStop& stop) {
    if (!draws_.take_over(batch)) {
        StepResult result;
        result.cancelled = true;
        return result;
    }
    wishes_.read(batch);
    const StepShape shape(batch, *plan_, pool_->size(), exact_cache(batch));
    const ScratchSizes sizes = reserve(shape, shared_);
    for (ThreadContext& w : threads_)
        w.reserve(sizes);
    // No stage has more than five parallel loops, but for the head: one more for each group of rows.
    const std::size_t loops = stages_.size() * 5 + plan_->steps.size() + batch.rows.size() / kHeadGroup + 1;
    if (counters_.size() < loops)
        counters_ = std::vector<std::atomic<int>>(loops);
    for (std::atomic<int>& c : counters_)
        c.store(0, std::memory_order_relaxed);
    StepRun run(wishes_, shape, weights, *plan_, kv_, shared_, pool_->barrier(), counters_, stop);
    run.observer = observer_;
    run.product_observer = product_observer_;
    make_room(run);
    pool_->run([&](int thread) {
        ThreadContext& w = threads_[static_cast<std::size_t>(thread)];
        w.loops = 0;
        w.step = &run;
        w.observer = product_observer_;
        w.meter.begin();
        for (const auto& stage : stages_)
            stage->run(run, w);
        w.meter.end();
        w.step = nullptr;
    });
    std::size_t scratch = shared_.bytes();
    for (const ThreadContext& w : threads_)
        scratch += w.bytes();
    scratch_bytes_ = scratch;
    run.result.cancelled = run.cancelled();
    check_files(weights);
    const auto computed = StageMeter::Clock::now();
    if (!run.result.cancelled)
        draws_.draw(
            wishes_, [&run](std::size_t row) { return run.logits_of(row); }, run.result);
    add_stages(run.result, std::chrono::duration<double>(StageMeter::Clock::now() - computed).count());
    wishes_.tell(run.result, std::move(run.logits));
    return std::move(run.result);
}

/// What the threads did, and how long they drew.
void CpuExecutor::add_stages(StepResult& result, double drawing) {
    for (const ThreadContext& w : threads_)
        result.stages += w.meter.table();
    for (StageUse& use : result.stages.uses)
        use.seconds /= static_cast<double>(threads_.size());
    result.stages.of(StageKind::Sampling).seconds += drawing;
    const std::lock_guard lock(totals_mutex_);
    totals_ += result.stages;
}

StageTable CpuExecutor::stage_totals() const {
    const std::lock_guard lock(totals_mutex_);
    return totals_;
}

} // namespace

std::unique_ptr<Executor> make_cpu_executor(std::shared_ptr<const Plan> plan,
                                            std::shared_ptr<ThreadPool> pool) {
    return std::make_unique<CpuExecutor>(std::move(plan), std::move(pool));
}

} // namespace switchyard::cpu
