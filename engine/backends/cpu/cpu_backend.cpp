// The CPU backend: places weights in panels (or leaves them as they are, for the exact path) and compiles
// plans to stages.
#include "engine/backends/cpu/stages.h"

#include "engine/base/error.h"
#include "engine/base/give_back.h"
#include "engine/base/pause.h"
#include "engine/files/mapped_file.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

using namespace cpu;

std::shared_ptr<std::byte> weight_memory(std::size_t bytes) {
    AlignedMemory memory = allocate_aligned((bytes + 63) / 64 * 64);
    if (!memory)
        throw Error("a weight needs " + std::to_string(bytes >> 20) +
                    " MiB of memory, which this machine does not have free");
    return memory;
}

// Steps in, stages out.
class Compiler {
  public:
    Compiler(const Plan& plan, Shared& shared) : plan_(plan), shared_(shared) {}

    std::vector<std::unique_ptr<Stage>> compile() {
        stages_.push_back(nullptr); // the rope tables, once it is known which there are
        for (const Step& step : plan_.steps) {
            layer_ = step.layer;
            std::visit([this](const auto& s) { add(s); }, step.operation);
        }
        flush();
        stages_.front() = std::make_unique<RopeTableStage>(shared_.ropes.size());
        return std::move(stages_);
    }

  private:
    // A norm of whole rows waits for the steps that read its result; head norms wait for the attention.
    void add(const NormStep& s) {
        flush();
        if (s.in == s.out)
            row_steps_.add(s);
        else
            norms_.push_back(s);
    }
    void add(const EmbedStep& s) { stages_.push_back(std::make_unique<EmbedStage>(s)); }
    void add(const ProjectStep& s) {
        if (feed_forward_)
            flush();
        if (projection_ && projection_->input() != source(s.in))
            flush();
        if (!projection_)
            projection_ = std::make_unique<ProjectionStage>(source(s.in), norm_of(s.in));
        projection_->add(s);
    }
    void add(const RopeStep& s) {
        flush();
        row_steps_.add(s, rope_table(s));
    }
    void add(const AttentionStep& s) {
        flush();
        stages_.push_back(std::make_unique<AttentionStage>(layer_, s, std::exchange(row_steps_, {})));
    }
    void add(const LatentAttentionStep& s) {
        flush();
        stages_.push_back(std::make_unique<LatentAttentionStage>(layer_, s, std::exchange(row_steps_, {})));
    }
    void add(const RouteStep& s) { feed_forward(s.in, kNoValue).add(s); }
    void add(const ExpertsStep& s) { feed_forward(s.in, s.out).add(s); }
    void add(const FeedForwardStep& s) { feed_forward(s.in, s.out).add(s); }
    void add(const HeadStep& s) {
        flush();
        stages_.push_back(std::make_unique<HeadStage>(with_input(s, source(s.in)), norm_of(s.in)));
    }

    FeedForwardStage& feed_forward(ValueId in, ValueId out) {
        if (projection_)
            flush();
        if (!feed_forward_)
            feed_forward_ = std::make_unique<FeedForwardStage>(source(in), out, norm_of(in), dense_blocks_);
        if (out != kNoValue)
            feed_forward_->set_output(out);
        return *feed_forward_;
    }
    static HeadStep with_input(HeadStep s, ValueId in) {
        s.in = in;
        return s;
    }
    std::optional<NormStep> norm_of(ValueId v) const {
        for (auto n = norms_.rbegin(); n != norms_.rend(); ++n)
            if (n->out == v)
                return *n;
        return std::nullopt;
    }
    ValueId source(ValueId v) const {
        const auto norm = norm_of(v);
        return norm ? norm->in : v;
    }
    std::size_t rope_table(const RopeStep& s) {
        for (std::size_t i = 0; i < shared_.ropes.size(); ++i)
            if (shared_.ropes[i].inverse_frequencies == s.inverse_frequencies &&
                shared_.ropes[i].magnitude == s.magnitude)
                return i;
        RopeTable& table = shared_.ropes.emplace_back();
        table.inverse_frequencies = s.inverse_frequencies;
        table.magnitude = s.magnitude;
        return shared_.ropes.size() - 1;
    }
    void flush() {
        if (projection_)
            stages_.push_back(std::move(projection_));
        if (feed_forward_) {
            dense_blocks_ += feed_forward_->dense();
            stages_.push_back(std::move(feed_forward_));
        }
    }

    const Plan& plan_;
    Shared& shared_;
    std::vector<std::unique_ptr<Stage>> stages_;
    int layer_ = kNoLayer; ///< of the step at hand
    std::vector<NormStep> norms_;
    RowSteps row_steps_;
    std::unique_ptr<ProjectionStage> projection_;
    std::unique_ptr<FeedForwardStage> feed_forward_;
    int dense_blocks_ = 0;
};

class CpuExecutor : public Executor {
  public:
    CpuExecutor(std::shared_ptr<const Plan> plan, std::shared_ptr<ThreadPool> pool)
        : plan_(std::move(plan)), pool_(std::move(pool)), kv_(plan_->kv),
          workers_(static_cast<std::size_t>(pool_->size())), counters_(0) {
        stages_ = Compiler(*plan_, shared_).compile();
        shared_.values.resize(plan_->values.size());
        for (std::size_t t = 0; t < workers_.size(); ++t)
            workers_[t].thread = static_cast<int>(t);
    }

    KvBlockId allocate_kv_block(BlockType type) override { return kv_.allocate(type); }
    void release_kv_block(KvBlockId block) override { kv_.release(block); }
    KvBlockId clone_kv_block(KvBlockId block) override { return kv_.clone(block); }
    std::size_t kv_block_bytes(BlockType type) const override { return kv_.block_bytes(type); }
    std::size_t kv_bytes() const override { return kv_.bytes(); }
    std::size_t scratch_bytes() const override {
        std::size_t sum = shared_.bytes();
        for (const Worker& w : workers_)
            sum += w.bytes();
        return sum;
    }
    std::size_t forecast_scratch(int rows, int experts) const override;

    // The worker thread of the engine is itself one of the pool's threads: the step is computed in wait().
    void start(Batch batch, std::shared_ptr<const WeightSet> weights, std::stop_token stop) override {
        batch_ = std::move(batch);
        weights_ = std::move(weights);
        stop_ = std::move(stop);
    }
    StepResult wait() override;
    void set_observer(FeedForwardObserver* observer) override { observer_ = observer; }
    void set_product_observer(ProductObserver* observer) override { product_observer_ = observer; }

  private:
    void reserve(const Batch& batch, Shared& shared) const;

    std::shared_ptr<const Plan> plan_;
    std::shared_ptr<ThreadPool> pool_;
    KvStore kv_;
    Shared shared_;
    std::vector<Worker> workers_;
    std::vector<std::atomic<int>> counters_;
    std::vector<std::unique_ptr<Stage>> stages_;
    Batch batch_;
    std::shared_ptr<const WeightSet> weights_;
    std::stop_token stop_;
    FeedForwardObserver* observer_ = nullptr;
    ProductObserver* product_observer_ = nullptr;
};

void CpuExecutor::reserve(const Batch& batch, Shared& shared) const {
    for (std::size_t v = 0; v < shared.values.size(); ++v)
        shared.values[v].get<float>(batch.rows.size() * static_cast<std::size_t>(plan_->values[v]));
    for (const auto& stage : stages_)
        stage->reserve(batch, shared);
}

std::size_t CpuExecutor::forecast_scratch(int rows, int experts) const {
    Shared shared;
    shared.values.resize(plan_->values.size());
    for (const RopeTable& rope : shared_.ropes)
        shared.ropes.emplace_back().inverse_frequencies = rope.inverse_frequencies;
    shared.only_measure();
    Batch batch;
    batch.rows.resize(static_cast<std::size_t>(rows));
    for (BatchRow& row : batch.rows)
        row.experts = experts;
    reserve(batch, shared);
    return shared.bytes();
}

/// Throws Error where weights lie in a file that was cut: what was computed with them is nothing.
void check_files(const WeightSet& weights) {
    if (!any_mapped_file_was_cut())
        return;
    for (const auto& weight : weights.weights)
        for (const Slice& slice : weight->slices)
            if (slice.place.mapped())
                check_mapped(slice.data);
}

StepResult CpuExecutor::wait() {
    reserve(batch_, shared_);
    // No stage has more than four parallel loops, but for the head: one more for each group of 32 rows.
    const std::size_t loops = stages_.size() * 4 + plan_->steps.size() + batch_.rows.size() / 32 + 1;
    if (counters_.size() < loops)
        counters_ = std::vector<std::atomic<int>>(loops);
    for (std::atomic<int>& c : counters_)
        c.store(0, std::memory_order_relaxed);
    std::size_t wanted = 0;
    for (const BatchRow& r : batch_.rows) {
        if (r.token < 0 || r.token >= plan_->vocabulary)
            throw Error("the token " + std::to_string(r.token) + " is outside the vocabulary of " +
                        std::to_string(plan_->vocabulary));
        wanted += r.wants_logits;
    }
    StepRun run(batch_, *weights_, *plan_, kv_, shared_, pool_->barrier(), counters_, stop_);
    run.observer = observer_;
    run.product_observer = product_observer_;
    run.result.logits.resize(wanted * static_cast<std::size_t>(plan_->vocabulary));
    run.result.routes.assign(static_cast<std::size_t>(plan_->routes),
                             std::vector<std::vector<RouteChoice>>(wanted));
    pool_->run([&](int thread) {
        Worker& w = workers_[static_cast<std::size_t>(thread)];
        w.loops = 0;
        w.observer = product_observer_;
        for (const auto& stage : stages_)
            stage->run(run, w);
    });
    run.result.cancelled = run.cancelled();
    check_files(*weights_);
    weights_.reset();
    return std::move(run.result);
}

class CpuBackend : public Backend {
  public:
    explicit CpuBackend(const BackendOptions& options)
        : exact_(options.exact),
          pool_(std::make_shared<ThreadPool>(options.threads > 0 ? options.threads : available_cores())) {}

    std::string name() const override { return "cpu"; }
    std::string description() const override {
        return "CPU, " + std::string(table().name) + ", " + std::to_string(threads()) +
               (threads() == 1 ? " thread" : " threads") + (exact_ ? ", exact" : "");
    }
    bool exact() const override { return exact_; }
    int threads() const override { return pool_->size(); }

    Slice place(const WeightSource& source, int matrix,
                const std::shared_ptr<const ModelFile>& file) const override;
    std::optional<Slice> encode(const WeightSource& source, int matrix, BlockType type,
                                const std::shared_ptr<const ModelFile>& file,
                                const EncodeControl& control) const override;
    PlacedSize placed_size(const WeightSource& source, BlockType type) const override;
    std::unique_ptr<Executor> compile(std::shared_ptr<const Plan> plan) override {
        return std::make_unique<CpuExecutor>(std::move(plan), pool_);
    }

  private:
    Slice lay_out(const WeightSource& source, BlockType type, std::shared_ptr<const std::byte> blocks,
                  MemoryPlace place) const;

    bool exact_;
    std::shared_ptr<ThreadPool> pool_;
};

PlacedSize CpuBackend::placed_size(const WeightSource& source, BlockType type) const {
    const WeightUse use = source.use;
    const std::int64_t rows = source.tensor->rows(), cols = source.tensor->cols();
    if (use == WeightUse::Vector)
        return {static_cast<std::size_t>(rows * cols) * sizeof(float), false};
    if (use == WeightUse::Table || exact_ || streamed(type))
        return {static_cast<std::size_t>(rows) * row_bytes(type, cols), true};
    return {packed_bytes(type, rows, cols), false};
}

Slice CpuBackend::place(const WeightSource& source, int matrix,
                        const std::shared_ptr<const ModelFile>& file) const {
    const MemoryPlace place{source.tensor->make ? MemoryPlace::Kind::Host : MemoryPlace::Kind::Mapped};
    return lay_out(source, source.tensor->type, source.tensor->matrix(matrix, file), place);
}

std::optional<Slice> CpuBackend::encode(const WeightSource& source, int matrix, BlockType type,
                                        const std::shared_ptr<const ModelFile>& file,
                                        const EncodeControl& control) const {
    auto blocks = reencode_matrix(source, matrix, type, file, control);
    if (!blocks)
        return std::nullopt;
    Slice slice = lay_out(source, type, blocks, {});
    if (blocks.use_count() == 1) // packed: the slice is no part of it
        give_back_pages(blocks.get(), static_cast<std::size_t>(slice.rows) * row_bytes(type, slice.cols),
                        pause_point);
    return slice;
}

/// A slice in this backend's layout from a matrix's blocks in file layout, which lie at `place`. Where that
/// layout serves as it is, the slice is those blocks.
Slice CpuBackend::lay_out(const WeightSource& source, BlockType type, std::shared_ptr<const std::byte> blocks,
                          MemoryPlace place) const {
    const WeightUse use = source.use;
    const std::int64_t rows = source.tensor->rows(), cols = source.tensor->cols();
    const PlacedSize size = placed_size(source, type);
    Slice slice;
    slice.rows = rows;
    slice.cols = cols;
    slice.bytes = size.bytes;
    if (use == WeightUse::Vector) {
        auto data = weight_memory(size.bytes);
        auto* values = reinterpret_cast<float*>(data.get());
        for (std::int64_t r = 0; r < rows; ++r)
            decode_row(type, blocks.get() + static_cast<std::size_t>(r) * row_bytes(type, cols),
                       {values + r * cols, static_cast<std::size_t>(cols)});
        slice.data = data.get();
        slice.owner = std::move(data);
        return slice;
    }
    slice.type = type;
    set_layout(slice, use == WeightUse::Table || exact_ ? SliceLayout::Rows : SliceLayout::Panels);
    if (size.mapped) {
        slice.data = blocks.get();
        slice.place = place;
        slice.owner = std::move(blocks);
        return slice;
    }
    auto data = weight_memory(slice.bytes);
    constexpr std::int64_t kPackedAtOnce = 4; // some 0.4 ms
    for (std::int64_t p = 0; p < panels(rows); p += kPackedAtOnce) {
        pack_panels(type, rows, cols, blocks.get(), data.get(), p, std::min(p + kPackedAtOnce, panels(rows)));
        pause_point();
    }
    slice.data = data.get();
    slice.owner = std::move(data);
    return slice;
}

} // namespace

std::shared_ptr<Backend> make_cpu_backend(const BackendOptions& options) {
    return std::make_shared<CpuBackend>(options);
}

} // namespace switchyard
