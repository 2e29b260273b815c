#include "engine/backends/cpu/cpu_executor.h"

#include "engine/backends/cpu/compile.h"
#include "engine/backends/cpu/token_draws.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/base/threads.h"
#include "engine/files/mapped_file.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
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

/// What one step works on, and how it ended. Shared by who waits for it and the thread that computes it.
struct StepState {
    Batch batch;
    std::shared_ptr<const WeightSet> weights;
    std::stop_token stop;
    std::stop_source abandoned; ///< nobody waits any more
    StepResult result;
    std::exception_ptr failure;
    std::function<void()> on_done;
    std::atomic<bool> done{false};

    void wait_done() const { done.wait(false, std::memory_order_acquire); }
};

class CpuPendingStep : public PendingStep {
  public:
    /// `on_end`: once it has ended, on the thread that waits.
    CpuPendingStep(std::shared_ptr<StepState> state, std::function<void()> on_end)
        : state_(std::move(state)), on_end_(std::move(on_end)) {}
    ~CpuPendingStep() override {
        state_->abandoned.request_stop();
        state_->wait_done();
        on_end_();
    }
    StepResult wait() override {
        state_->wait_done();
        if (state_->failure)
            std::rethrow_exception(std::exchange(state_->failure, nullptr));
        return std::move(state_->result);
    }

  private:
    std::shared_ptr<StepState> state_;
    std::function<void()> on_end_;
};

class CpuExecutor : public Executor {
  public:
    CpuExecutor(std::shared_ptr<const Plan> plan, std::shared_ptr<ThreadPool> pool);
    ~CpuExecutor() override;

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
    std::size_t forecast_scratch(int rows, int experts) const override;

    std::unique_ptr<PendingStep> start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                       std::stop_token stop, std::function<void()> on_done) override;
    void set_observer(FeedForwardObserver* observer) override { observer_ = observer; }
    void set_product_observer(ProductObserver* observer) override { product_observer_ = observer; }

  private:
    template <typename Allocate>
    KvBlockId add_block(const Allocate& allocate);
    static void check_saved(std::span<const std::byte> saved, std::size_t expected);
    static void check_wish(const BatchRow& row, const Batch& batch);
    void check_memory(const BatchSequence& sequence, std::span<const BatchRow> rows) const;
    void check(const Batch& batch) const;
    ScratchSizes reserve(const StepShape& shape, Shared& shared) const;
    bool exact_cache(const Batch& batch) const;
    void work(const std::stop_token& stop);
    void compute(StepState& state);
    void shape_result(StepRun& run, const std::vector<std::optional<CandidateWish>>& for_draws) const;
    void add_stages(StepResult& result, double drawing);
    void hand_over(StepRun& run, StepState& state) const;
    void drain() const;
    void free_retired() noexcept;

    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<ThreadPool> pool_;
    KvStore kv_;
    /// Blocks that steps under way may still write, each with the number of steps that were started before
    /// it was released. Has room for all blocks.
    std::vector<std::pair<KvBlockId, std::uint64_t>> retired_;
    std::size_t blocks_ = 0;
    std::uint64_t started_ = 0;
    std::atomic<std::uint64_t> ended_{0};

    // Of the thread that computes.
    Shared shared_;
    std::vector<ThreadContext> threads_;
    std::vector<std::atomic<int>> counters_;
    std::vector<std::unique_ptr<Stage>> stages_;
    mutable std::mutex totals_mutex_;
    StageTable totals_;
    TokenDraws draws_;
    std::atomic<std::size_t> scratch_bytes_{0};
    FeedForwardObserver* observer_ = nullptr; ///< set between steps
    ProductObserver* product_observer_ = nullptr;

    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<std::shared_ptr<StepState>> queue_;
    std::jthread thread_; ///< from the first step on; last: it uses everything above
};

CpuExecutor::CpuExecutor(std::shared_ptr<const Plan> plan, std::shared_ptr<ThreadPool> pool)
    : plan_(std::move(plan)), pool_(std::move(pool)), kv_(plan_->kv, plan_->states),
      threads_(static_cast<std::size_t>(pool_->size())), counters_(0), draws_(plan_->vocabulary) {
    stages_ = compile_stages(*plan_, shared_);
    shared_.values.resize(plan_->values.size());
    for (std::size_t t = 0; t < threads_.size(); ++t)
        threads_[t].thread = static_cast<int>(t);
}

CpuExecutor::~CpuExecutor() {
    thread_.request_stop();
    if (thread_.joinable())
        thread_.join();
}

// The cache's blocks.

/// Waits until no step is under way.
void CpuExecutor::drain() const {
    for (std::uint64_t ended = ended_.load(std::memory_order_acquire); ended != started_;
         ended = ended_.load(std::memory_order_acquire))
        ended_.wait(ended, std::memory_order_acquire);
}

void CpuExecutor::free_retired() noexcept {
    const std::uint64_t ended = ended_.load(std::memory_order_acquire);
    std::erase_if(retired_, [&](const auto& retired) {
        if (retired.second <= ended)
            kv_.release(retired.first);
        return retired.second <= ended;
    });
}

KvBlockId CpuExecutor::allocate_kv_block(BlockType type) {
    return add_block([&] { return kv_.allocate(type); });
}

KvBlockId CpuExecutor::allocate_state() {
    return add_block([&] { return kv_.allocate_state(); });
}

template <typename Allocate>
KvBlockId CpuExecutor::add_block(const Allocate& allocate) {
    free_retired();
    retired_.reserve(blocks_ + retired_.size() + 1); // release needs no memory
    const auto block = [&] {
        try {
            return allocate();
        } catch (const Error&) {
            if (retired_.empty())
                throw;
        }
        drain(); // what was released is free only then
        free_retired();
        return allocate();
    }();
    ++blocks_;
    return block;
}

void CpuExecutor::release_kv_block(KvBlockId block) noexcept {
    --blocks_;
    retired_.emplace_back(block, started_);
    free_retired();
}

KvBlockId CpuExecutor::clone_kv_block(KvBlockId block) {
    drain();
    const KvBlockId copy = allocate_kv_block(kv_.type(block));
    std::ranges::copy(kv_.contents(block), kv_.contents(copy).begin());
    return copy;
}

std::vector<std::byte> CpuExecutor::save_kv_block(KvBlockId block) {
    drain();
    const auto contents = kv_.contents(block);
    return {contents.begin(), contents.end()};
}

void CpuExecutor::check_saved(std::span<const std::byte> saved, std::size_t expected) {
    if (saved.size() != expected)
        throw Error("a saved part of the KV cache has " + std::to_string(saved.size()) + " bytes, expected " +
                    std::to_string(expected));
}

KvBlockId CpuExecutor::load_kv_block(BlockType type, std::span<const std::byte> saved) {
    check_saved(saved, kv_.block_bytes(type));
    const KvBlockId block = allocate_kv_block(type);
    std::ranges::copy(saved, kv_.contents(block).begin());
    return block;
}

KvBlockId CpuExecutor::load_state(std::span<const std::byte> saved) {
    check_saved(saved, kv_.state_bytes());
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

std::size_t CpuExecutor::forecast_scratch(int rows, int experts) const {
    Shared shared;
    shared.values.resize(plan_->values.size());
    for (const RopeTable& rope : shared_.ropes)
        shared.ropes.emplace_back().inverse_frequencies = rope.inverse_frequencies;
    shared.only_measure();
    Batch batch;
    batch.rows.resize(static_cast<std::size_t>(rows));
    for (int r = 0; r < rows; ++r)
        batch.rows[static_cast<std::size_t>(r)] = {.position = r, .dials = {.experts = experts}};
    batch.rows.back().wish = RowWish::Logits;
    ThreadContext thread;
    thread.only_measure();
    thread.reserve(reserve(StepShape(batch, *plan_, pool_->size(), false), shared));
    return shared.bytes() + threads_.size() * thread.bytes();
}

// Steps.

void CpuExecutor::check_wish(const BatchRow& row, const Batch& batch) {
    const bool wishes = row.wish == RowWish::Candidates || row.candidates >= 0;
    if (wishes && static_cast<std::size_t>(row.candidates) >= batch.candidate_wishes.size())
        throw Error("a row of the batch wishes candidates and does not say which");
    if (row.candidates >= 0 && row.wish != RowWish::Candidates && row.wish != RowWish::Draw)
        throw Error("a row of the batch says which candidates and does not wish any");
    if (row.wish == RowWish::Draw && static_cast<std::size_t>(row.draw) >= batch.draw_wishes.size())
        throw Error("a row of the batch wishes a draw and does not say which");
}

/// That a sequence has memory for its rows, and goes on from where it stands.
void CpuExecutor::check_memory(const BatchSequence& sequence, std::span<const BatchRow> rows) const {
    const int first = rows.front().position, count = static_cast<int>(rows.size());
    if (first < 0 || sequence.blocks.size() < blocks_for(first + count))
        throw Error("a row of the batch has no block for its position");
    for (int r = 0; r < count; ++r)
        if (rows[static_cast<std::size_t>(r)].position != first + r)
            throw Error("the rows of a sequence do not stand in order");
    if (plan_->states.empty())
        return;
    if ((sequence.state == kNoState) != (first == 0))
        throw Error("a sequence of the batch does not say which states it goes on from");
    for (int before = 0; const BatchSequence::StateAfter& after : sequence.states_after) {
        if (after.rows <= before || after.rows > count)
            throw Error("a sequence of the batch keeps states of no row of its own");
        before = after.rows;
    }
}

void CpuExecutor::check(const Batch& batch) const {
    for (auto row = batch.rows.begin(); row != batch.rows.end();) {
        if (static_cast<std::size_t>(row->sequence) >= batch.sequences.size())
            throw Error("a row of the batch is of no sequence");
        const auto end = std::find_if(row, batch.rows.end(),
                                      [&](const BatchRow& other) { return other.sequence != row->sequence; });
        check_memory(batch.sequences[static_cast<std::size_t>(row->sequence)], {row, end});
        row = end;
    }
    for (const BatchRow& row : batch.rows) {
        if (row.drawn_by < 0 && (row.token < 0 || row.token >= plan_->vocabulary))
            throw Error("the token " + std::to_string(row.token) + " is outside the vocabulary of " +
                        std::to_string(plan_->vocabulary));
        check_wish(row, batch);
        if (row.dials != RowDials{.experts = row.dials.experts})
            throw Error("the CPU moves no dial of a row but its active experts");
    }
}

std::unique_ptr<PendingStep> CpuExecutor::start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                                std::stop_token stop, std::function<void()> on_done) {
    check(batch);
    free_retired();
    auto state = std::make_shared<StepState>();
    state->batch = std::move(batch);
    state->weights = std::move(weights);
    state->stop = std::move(stop);
    state->on_done = std::move(on_done);
    auto pending = std::make_unique<CpuPendingStep>(state, [this] { free_retired(); });
    try {
        if (!thread_.joinable())
            thread_ = start_thread([this](const std::stop_token& end) { work(end); });
        const std::lock_guard lock(mutex_);
        queue_.push_back(state);
    } catch (...) {
        state->done = true; // nobody computes it: its end is not waited for
        throw;
    }
    ++started_;
    wake_.notify_one();
    return pending;
}

void CpuExecutor::work(const std::stop_token& stop) {
    for (;;) {
        std::shared_ptr<StepState> state;
        {
            std::unique_lock lock(mutex_);
            if (!wake_.wait(lock, stop, [&] { return !queue_.empty(); }))
                return;
            state = std::move(queue_.front());
            queue_.pop_front();
        }
        try {
            compute(*state);
        } catch (...) {
            state->failure = std::current_exception();
        }
        state->weights.reset();
        ended_.fetch_add(1, std::memory_order_release);
        ended_.notify_all();
        if (state->on_done) // before the end is seen: who waits for that may take along what is called here
            state->on_done();
        state->done.store(true, std::memory_order_release);
        state->done.notify_all();
    }
}

void CpuExecutor::shape_result(StepRun& run,
                               const std::vector<std::optional<CandidateWish>>& for_draws) const {
    std::size_t logits = 0;
    int routing = 0, most = 0;
    for (const BatchRow& row : run.batch.rows) {
        if (row.candidates >= 0)
            run.sought.push_back(
                {logits, &run.batch.candidate_wishes[static_cast<std::size_t>(row.candidates)], {}, true});
        if (row.wish == RowWish::Draw && for_draws[static_cast<std::size_t>(row.draw)])
            run.sought.push_back({logits, &*for_draws[static_cast<std::size_t>(row.draw)], {}, false});
        logits += row.wish != RowWish::Nothing;
        if (!row.routing)
            continue;
        ++routing;
        const int active = row.dials.experts > 0 ? row.dials.experts : plan_->experts_active;
        most = std::max(most, std::min(active, plan_->experts));
    }
    const auto vocabulary = static_cast<std::size_t>(plan_->vocabulary);
    run.logits.resize(logits * vocabulary);
    const std::size_t parts = candidate_parts(vocabulary);
    run.candidate_parts.resize(run.sought.size() * parts);
    for (std::size_t i = 0; i < run.sought.size(); ++i)
        reserve_candidates(vocabulary, *run.sought[i].wish,
                           std::span(run.candidate_parts).subspan(i * parts, parts), run.sought[i].found);
    run.result.routing.shape(plan_->routes, routing, most);
}

/// What was computed, to who waits for it.
void CpuExecutor::hand_over(StepRun& run, StepState& state) const {
    state.result = std::move(run.result);
    for (StepRun::Sought& sought : run.sought)
        if (sought.told)
            state.result.candidates.push_back(std::move(sought.found));
    if (std::ranges::none_of(run.batch.rows, [](const BatchRow& row) {
            return row.wish == RowWish::Candidates || row.wish == RowWish::Draw;
        })) {
        state.result.logits = std::move(run.logits);
        return;
    }
    const auto vocabulary = static_cast<std::size_t>(plan_->vocabulary);
    auto logits = run.logits.cbegin();
    for (const BatchRow& row : run.batch.rows) {
        if (row.wish == RowWish::Nothing)
            continue;
        const auto end = logits + static_cast<std::ptrdiff_t>(vocabulary);
        if (row.wish == RowWish::Logits)
            state.result.logits.insert(state.result.logits.end(), logits, end);
        logits = end;
    }
}

void CpuExecutor::compute(StepState& state) {
    Batch& batch = state.batch;
    const bool known = draws_.fill_in(batch);
    draws_.forget(); // should this step end early
    if (!known) {
        state.result.cancelled = true;
        return;
    }
    std::vector<std::optional<CandidateWish>> for_draws;
    for (const DrawWish& wish : batch.draw_wishes)
        for_draws.push_back(RowDrawer::candidates_for(wish));
    const ScratchSizes sizes = reserve(StepShape(batch, *plan_, pool_->size(), exact_cache(batch)), shared_);
    for (ThreadContext& w : threads_)
        w.reserve(sizes);
    // No stage has more than four parallel loops, but for the head: one more for each group of rows.
    const std::size_t loops = stages_.size() * 4 + plan_->steps.size() + batch.rows.size() / kHeadGroup + 1;
    if (counters_.size() < loops)
        counters_ = std::vector<std::atomic<int>>(loops);
    for (std::atomic<int>& c : counters_)
        c.store(0, std::memory_order_relaxed);
    StepRun run(batch, *state.weights, *plan_, kv_, shared_, pool_->barrier(), counters_, state.stop,
                state.abandoned.get_token());
    run.observer = observer_;
    run.product_observer = product_observer_;
    shape_result(run, for_draws);
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
    check_files(*state.weights);
    const auto computed = StageMeter::Clock::now();
    if (!run.result.cancelled)
        draws_.draw(run, *pool_);
    add_stages(run.result, std::chrono::duration<double>(StageMeter::Clock::now() - computed).count());
    hand_over(run, state);
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
