// One step under way: what all threads share, and what each has for itself.
#pragma once

#include "engine/backends/common/step_queue.h"
#include "engine/backends/common/step_wishes.h"
#include "engine/backends/cpu/kv_store.h"
#include "engine/backends/cpu/product.h"
#include "engine/backends/cpu/scratch.h"
#include "engine/backends/cpu/stage_meter.h"
#include "engine/backends/cpu/thread_pool.h"
#include "engine/run/backend.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <memory>
#include <span>
#include <vector>

namespace switchyard::cpu {

class StepRun;

/// What a thread has for itself.
struct ThreadContext {
    int thread = 0;
    StepRun* step = nullptr; ///< under way
    int loops = 0; ///< parallel loops passed in this step: all threads pass the same ones in the same order
    Buffer f32, integers, scratch, state, queries, latent, decoded, sums;
    ProductObserver* observer = nullptr; ///< of the step under way
    StageMeter meter;
    /// multiply(), counted. Looks for a stop every few milliseconds: then the rest is left out.
    void product(const Slice& weight, const Rows& x, const std::int32_t* index, int rows,
                 std::int64_t first_panel, std::int64_t last_panel, float* y, std::int64_t y_stride,
                 bool accumulate);
    void reserve(const ScratchSizes& sizes);
    std::size_t bytes() const;
    void only_measure();
    /// y[t] = W x[t] for `rows` rows of floats, quantized to 16 bits first where W wants that; strides in
    /// floats.
    void project(const Slice& weight, const float* x, std::int64_t x_stride, int rows, float* y,
                 std::int64_t y_stride);
};

/// cos and sin of a rope's frequencies for the rows of a batch: [rows][dims/2] each.
struct RopeTable {
    std::vector<float> inverse_frequencies;
    float magnitude = 1.0f;
    std::vector<float> long_frequencies; ///< in long texts; empty: the same
    float long_magnitude = 1.0f;
    Buffer cosines, sines;
};

/// Rows of one sequence that stand together and have one form of latent attention.
struct RowGroup {
    int first, count;
    bool decompressed;
};

/// A feed-forward block at work on some rows of the batch.
struct FeedForwardUnit {
    const Slice *gate, *up, *down;
    const float *gate_bias, *up_bias, *down_bias; ///< [width], [width], [width(out)] or null
    Activation activation;
    SiluClamp clamp;
    bool weigh_input; ///< weights multiply the input of rows, and not their results
    int width;
    const std::int32_t* rows;    ///< [count] of the batch; null: every row with weight 1, in order
    const float* weights;        ///< [count]
    int count;                   ///< rows, and places in the hidden buffer
    int first_chunk;             ///< chunks of hidden neurons of the units before it
    std::size_t hidden;          ///< offset of slot 0 in the hidden buffer, floats
    std::size_t hidden_integers; ///< the same in the quantized one, bytes
    bool integers, words;        ///< whether `down` reads that one, and how those of 8 bits stand there
    bool all_rows() const { return !rows; }

    static constexpr int kChunk = 4 * kPanelRows; ///< hidden neurons of a task: a whole I16Block
    int chunks() const { return (width + kChunk - 1) / kChunk; }
};

/// Where a feed-forward stage's routers and blocks meet the rows: a thread's own, so that none waits for
/// another's list.
struct FeedForwardRoom {
    Buffer chosen, counts; ///< the experts of each row, best first: [rows][most], [rows]
    Buffer gates;          ///< of blocks with a gate for their output: [blocks][rows]
    Buffer units, unit_rows, unit_weights, unit_places;
    Buffer logits; ///< of a row, with their biases
    RouterScratch router;
};

/// What rows chose of what they see, ascending: [rows][choices][most]; and how many: [rows][choices].
struct ChoiceTable {
    Buffer chosen, counts;
    int choices = 1, most = 0;
    int block = 1; ///< keys of each

    std::span<const std::int32_t> of(std::int64_t row, int choice) const {
        const std::int64_t place = row * choices + choice;
        return {chosen.data<std::int32_t>() + place * most,
                static_cast<std::size_t>(counts.data<std::int32_t>()[place])};
    }
};

/// Buffers that outlive a step, so that a token allocates nothing.
struct Shared {
    std::deque<Buffer> values;      ///< one a ValueId
    Buffer normed, quantized;       ///< a stage's input, prepared by all threads for all rows
    Buffer hidden, hidden_integers; ///< feed-forward blocks, [pairs of row and expert][width]
    Buffer router_logits;
    std::deque<FeedForwardRoom> feed_forward; ///< one a thread; with many rows the first one has all choices
    std::vector<RowGroup> groups, latent_groups; ///< of the batch, as attention shares it out
    Buffer latent_queries, latent_values;        ///< of all heads in the latent space: [rows][heads][width]
    Buffer piece_states; ///< what tasks that share a context found in their pieces of it
    std::vector<std::atomic<int>> pieces_done; ///< of each such context
    std::deque<RopeTable> ropes;
    std::deque<ChoiceTable> choices; ///< by ChoiceId
    Buffer index_scores;             ///< of few rows: [rows][choices][context]
    std::size_t bytes() const;
    void only_measure(); ///< all its buffers

  private:
    template <typename Self, typename Use>
    static void each(Self& self, const Use& use);
};

/// What the memory that a step needs depends on.
struct StepShape {
    const Batch& batch;
    const Plan& plan;
    int threads;
    bool exact;        ///< some sequence's cache is that of the exact path
    bool decompressed; ///< some row has that form of latent attention
    bool mixed_bits;   ///< some row's activations have other bits than 16
    int context;       ///< tokens that the last row of the longest sequence sees

    StepShape(const Batch& batch, const Plan& plan, int threads, bool exact);
    int rows() const { return static_cast<int>(batch.rows.size()); }
    bool few_rows() const { return rows() <= kFewRows; }
    int width(ValueId id) const { return plan.values[static_cast<std::size_t>(id)]; }
    /// With few rows each thread prepares its own inputs: cheaper than meeting the others.
    static constexpr int kFewRows = 4; // an answer with its drafts
    /// Up to so many rows, reading weights takes longest, and each weight is read once.
    static constexpr int kStreamedRows = 8;
};

/// Rows whose logits are computed together.
inline constexpr std::size_t kHeadGroup = 32;

/// How long ranges of tasks are that threads take at once.
struct RangeLengths {
    std::int64_t least, most;
};

class StepRun {
  public:
    StepRun(StepWishes& wishes, const StepShape& shape, const WeightSet& weights, const Plan& plan,
            KvStore& kv, Shared& shared, Barrier& barrier, std::vector<std::atomic<int>>& counters,
            const StepStop& stop)
        : batch(wishes.batch()), wishes(wishes), shape(shape), weights(weights), plan(plan), kv(kv),
          shared(shared), barrier_(barrier), counters_(counters), stop_(stop) {}

    const Batch& batch;
    StepWishes& wishes;
    const StepShape& shape;
    const WeightSet& weights;
    const Plan& plan;
    KvStore& kv;
    Shared& shared;
    StepResult result;
    FeedForwardObserver* observer = nullptr;
    ProductObserver* product_observer = nullptr;
    std::vector<float> logits;                  ///< [wishes.logit_rows(), vocabulary]
    std::vector<CandidatePart> candidate_parts; ///< [sought][parts of the vocabulary]

    int rows() const { return static_cast<int>(batch.rows.size()); }
    bool few_rows() const { return rows() <= StepShape::kFewRows; }
    float* value(ValueId id) const { return shared.values[static_cast<std::size_t>(id)].data<float>(); }
    int width(ValueId id) const { return plan.values[static_cast<std::size_t>(id)]; }
    const Slice& slice(WeightId id, std::size_t matrix = 0) const { return weights.slice(id, matrix); }
    const float* vector(WeightId id) const {
        return id == kNoWeight ? nullptr : reinterpret_cast<const float*>(slice(id).data);
    }

    std::span<const float> logits_of(std::size_t row) const {
        return logits_of_row(logits, row, static_cast<std::size_t>(plan.vocabulary));
    }

    /// Of one layer's cache, for the first `tokens` of a sequence; where layers differ, of a middling one.
    std::uint64_t cached_bytes(const BatchSequence& sequence, int tokens) const {
        const std::size_t block = kv.block_bytes(kv.type(sequence.blocks.front()));
        return static_cast<std::uint64_t>(tokens) * block / kKvBlockTokens /
               std::max<std::size_t>(plan.kv.size(), 1);
    }

    bool stopped() {
        if (stop_.requested())
            result_cancelled_.store(true, std::memory_order_relaxed);
        return result_cancelled_.load(std::memory_order_relaxed);
    }
    bool cancelled() const { return result_cancelled_.load(); }

    /// Calls each(row) for a sequence's rows in order, and keep(state) where a state is wanted behind one.
    template <typename Each, typename Keep>
    void follow(int sequence, const Each& each, const Keep& keep) const {
        const BatchSequence& memory = batch.sequences[static_cast<std::size_t>(sequence)];
        auto kept = memory.states_after.begin();
        int done = 0;
        for (auto row = std::ranges::find(batch.rows, sequence, &BatchRow::sequence);
             row != batch.rows.end() && row->sequence == sequence; ++row) {
            each(static_cast<std::int64_t>(row - batch.rows.begin()));
            ++done;
            for (; kept != memory.states_after.end() && kept->rows == done; ++kept)
                keep(kept->state);
        }
    }

    /// Shares tasks 0 .. count - 1 among the threads; does not wait for the others to finish.
    template <typename F>
    void parallel(ThreadContext& w, int count, F&& task) {
        std::atomic<int>& next = counters_[static_cast<std::size_t>(w.loops++)];
        while (!stopped()) {
            const int i = next.fetch_add(1, std::memory_order_relaxed);
            if (i >= count)
                return;
            task(i);
        }
    }
    /// Shares 0 .. count - 1 among the threads in ranges, task(first, last): long ones first, so that each
    /// thread reads long stretches of memory, shorter ones towards the end, so that all end together.
    template <typename F>
    void parallel_ranges(ThreadContext& w, std::int64_t count, RangeLengths lengths, F&& task) {
        std::atomic<int>& next = counters_[static_cast<std::size_t>(w.loops++)];
        int first = next.load(std::memory_order_relaxed);
        while (!stopped()) {
            const std::int64_t left = count - first;
            if (left <= 0)
                return;
            const std::int64_t length =
                std::min(std::clamp(left / (2 * threads()), lengths.least, lengths.most), left);
            if (!next.compare_exchange_weak(first, first + static_cast<int>(length),
                                            std::memory_order_relaxed))
                continue;
            task(std::int64_t{first}, first + length);
            first = next.load(std::memory_order_relaxed);
        }
    }
    void meet(ThreadContext& w) {
        const StageKind done = w.meter.enter(StageKind::Waiting);
        barrier_.wait();
        w.meter.enter(done);
    }
    int threads() const { return barrier_.threads(); }

    /// What Rows::batch is.
    const BatchRow* row_bits() const { return shape.mixed_bits ? batch.rows.data() : nullptr; }
    int bits_of(std::int64_t row) const {
        return batch.rows[static_cast<std::size_t>(row)].dials.activation_bits;
    }

    /// The norm of `n` values: a group's.
    void normalise(const NormStep& norm, const float* x, int n, float* out) const;

    /// All rows of a value, normed where `norm` is given, in the formats asked for.
    Rows prepare(ThreadContext& w, ValueId in, const NormStep* norm, const InputForms& forms);
    /// The same for some rows of it, each thread for itself.
    Rows prepare_rows(ThreadContext& w, ValueId in, const NormStep* norm, const InputForms& forms,
                      const std::int32_t* index, int count);

  private:
    void prepare_row(ValueId in, std::int64_t row, const NormStep* norm, float* normed, std::byte* quantized,
                     bool words) const;

    Barrier& barrier_;
    std::vector<std::atomic<int>>& counters_;
    StepStop stop_;
    std::atomic<bool> result_cancelled_{false};
};

/// What StepRun::prepare() needs for a stage's input, and multiply() for weights that read it.
void reserve_prepared(const StepShape& shape, ValueId in, Shared& shared, ScratchSizes& sizes);

/// Part of a compiled plan: run() is entered by every thread at once.
class Stage {
  public:
    virtual ~Stage() = default;
    /// Before a step of this shape: grows shared buffers, and says what each thread needs for itself.
    virtual void reserve(const StepShape& shape, Shared& shared, ScratchSizes& sizes) const = 0;
    virtual void run(StepRun& run, ThreadContext& worker) const = 0;
};

/// In how many tasks a loop's work comes, where it has so much: others may slow a core down.
inline std::int64_t usual_tasks(int threads) { return std::max(16, 4 * threads); }
/// Lengths of the ranges of a weight's panels that `rows` rows are multiplied with.
RangeLengths panel_ranges(int rows, const Slice& weight, int threads);
/// Panels that may pass between two looks for a stop.
std::int64_t panels_of_a_piece(const Slice& weight, int rows);

} // namespace switchyard::cpu
