// One step under way: what all threads share, and what each has for itself.
#pragma once

#include "engine/backends/cpu/kv_store.h"
#include "engine/backends/cpu/product.h"
#include "engine/backends/cpu/thread_pool.h"
#include "engine/base/aligned.h"
#include "engine/run/backend.h"

#include <atomic>
#include <deque>
#include <memory>
#include <vector>

namespace switchyard::cpu {

/// Memory that grows and is never cleared; 64-byte aligned.
class Buffer {
  public:
    /// At least `count` values of T; contents are lost when it grows. Throws Error.
    template <typename T>
    T* get(std::size_t count) {
        return reinterpret_cast<T*>(reserve(count * sizeof(T)));
    }
    template <typename T>
    T* data() const {
        return reinterpret_cast<T*>(data_.get());
    }
    std::size_t bytes() const { return bytes_; }
    /// From now on, get() notes the size and gives no memory.
    void only_measure() { measuring_ = true; }

  private:
    std::byte* reserve(std::size_t bytes);
    AlignedMemory data_;
    std::size_t bytes_ = 0;
    bool measuring_ = false;
};

/// A thread's own scratch.
struct Worker {
    int thread = 0;
    int loops = 0; ///< parallel loops passed in this step: all threads pass the same ones in the same order
    Buffer f32, i16, scratch, state, queries, latent;
    std::vector<float> decoded;
    ProductObserver* observer = nullptr; ///< of the step under way
    std::size_t bytes() const {
        return f32.bytes() + i16.bytes() + scratch.bytes() + state.bytes() + queries.bytes() + latent.bytes();
    }
    /// y[t] = W x[t] for `rows` rows of floats, quantized first where W wants that; strides in floats.
    void project(const Slice& weight, const float* x, std::int64_t x_stride, int rows, float* y,
                 std::int64_t y_stride);
};

/// cos and sin of a rope's frequencies for the rows of a batch: [rows][dims/2] each.
struct RopeTable {
    std::vector<float> inverse_frequencies;
    float magnitude = 1.0f;
    Buffer cosines, sines;
};

/// Buffers that outlive a step, so that a token allocates nothing.
struct Shared {
    std::deque<Buffer> values; ///< one a ValueId
    Buffer normed, quantized;  ///< a stage's input, prepared by all threads for all rows
    Buffer hidden, hidden_i16; ///< feed-forward blocks, [pairs of row and expert][width]
    Buffer router_logits;
    std::deque<RopeTable> ropes;
    std::size_t bytes() const;
    void only_measure(); ///< all its buffers
};

/// A feed-forward block at work on some rows of the batch.
struct FeedForwardUnit {
    const Slice *gate, *up, *down;
    const float *gate_bias, *up_bias, *down_bias; ///< [width], [width], [width(out)] or null
    Activation activation;
    SiluClamp clamp;
    int width;
    bool all_rows;                  ///< every row with weight 1, in order
    std::vector<std::int32_t> rows; ///< of the batch
    std::vector<float> weights;     ///< one a row
    int count;                      ///< rows, and places in the hidden buffer
    std::size_t hidden;             ///< offset of slot 0 in the hidden buffer, floats
    std::size_t hidden_i16;         ///< the same in the quantized one, bytes
    int tokens() const { return count; }
};

/// Rows whose logits are computed together.
inline constexpr std::size_t kHeadGroup = 32;

class StepRun {
  public:
    StepRun(const Batch& batch, const WeightSet& weights, const Plan& plan, KvStore& kv, Shared& shared,
            Barrier& barrier, std::vector<std::atomic<int>>& counters, std::stop_token stop,
            std::stop_token abandoned)
        : batch(batch), weights(weights), plan(plan), kv(kv), shared(shared), barrier_(barrier),
          counters_(counters), stop_(std::move(stop)), abandoned_(std::move(abandoned)) {}

    const Batch& batch;
    const WeightSet& weights;
    const Plan& plan;
    KvStore& kv;
    Shared& shared;
    StepResult result;
    FeedForwardObserver* observer = nullptr;
    ProductObserver* product_observer = nullptr;
    std::vector<float> logits;                  ///< [rows that wish something, vocabulary]
    std::vector<CandidatePart> candidate_parts; ///< [rows that wish candidates][parts of the vocabulary]
    // Of the feed-forward stage under way, made by thread 0 between two meetings.
    std::vector<FeedForwardUnit> units;
    std::vector<std::vector<RouteChoice>> chosen; ///< the experts of each row, best first

    int rows() const { return static_cast<int>(batch.rows.size()); }
    /// With few rows each thread prepares its own inputs: cheaper than meeting the others.
    bool few_rows() const { return rows() <= 2; }
    float* value(ValueId id) const { return shared.values[static_cast<std::size_t>(id)].data<float>(); }
    int width(ValueId id) const { return plan.values[static_cast<std::size_t>(id)]; }
    const Slice& slice(WeightId id, std::size_t matrix = 0) const { return weights.slice(id, matrix); }
    const float* vector(WeightId id) const {
        return id == kNoWeight ? nullptr : reinterpret_cast<const float*>(slice(id).data);
    }

    bool stopped() {
        if (stop_.stop_requested() || abandoned_.stop_requested())
            result_cancelled_.store(true, std::memory_order_relaxed);
        return result_cancelled_.load(std::memory_order_relaxed);
    }
    bool cancelled() const { return result_cancelled_.load(); }

    /// Shares tasks 0 .. count - 1 among the threads; does not wait for the others to finish.
    template <typename F>
    void parallel(Worker& w, int count, F&& task) {
        std::atomic<int>& next = counters_[static_cast<std::size_t>(w.loops++)];
        while (!stopped()) {
            const int i = next.fetch_add(1, std::memory_order_relaxed);
            if (i >= count)
                return;
            task(i);
        }
    }
    void meet() { barrier_.wait(); }
    int threads() const { return barrier_.threads(); }

    /// All rows of a value, normed where `norm` is given, in the formats asked for.
    Rows prepare(Worker& w, ValueId in, const NormStep* norm, bool f32, bool i16);
    /// The same for some rows of it, each thread for itself.
    Rows prepare_rows(Worker& w, ValueId in, const NormStep* norm, bool f32, bool i16,
                      const std::int32_t* index, int count);

  private:
    void prepare_row(const float* x, int width, const NormStep* norm, bool i16, float* normed,
                     std::byte* quantized) const;

    Barrier& barrier_;
    std::vector<std::atomic<int>>& counters_;
    std::stop_token stop_, abandoned_;
    std::atomic<bool> result_cancelled_{false};
};

/// Part of a compiled plan: run() is entered by every thread at once.
class Stage {
  public:
    virtual ~Stage() = default;
    virtual void reserve(const Batch& batch, Shared& shared) const = 0; ///< grows shared buffers; one thread
    virtual void run(StepRun& run, Worker& worker) const = 0;
};

/// Panels a task takes, so that tasks are neither too small to hand out nor too few to share.
int panels_per_task(std::int64_t panels, std::size_t panel_bytes);

} // namespace switchyard::cpu
