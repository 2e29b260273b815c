// The seam between the plan and what computes it. One chat, batched requests, drafted tokens and prefill
// chunks are the same thing here: rows of a batch.
#pragma once

#include "engine/base/error.h"
#include "engine/model/plan.h"
#include "engine/model/reencode.h"
#include "engine/run/batch.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace switchyard {

/// What a dense feed-forward block saw and made of it, for calibration: one call a thread, all at the same
/// time.
struct FeedForwardView {
    int block; ///< number of the block among the dense ones, in plan order
    int rows, width;
    const float* in; ///< [rows, in_stride], after the norm
    std::int64_t in_stride;
    const float* hidden; ///< [rows, hidden_stride]: act(gate) * up, `width` values a row
    std::int64_t hidden_stride;
};
class FeedForwardObserver {
  public:
    virtual ~FeedForwardObserver() = default;
    virtual void observe(const FeedForwardView& view, int thread, int threads) = 0;
};

/// What a weight is multiplied with, for importance: row t is x + (index ? index[t] : t) * stride,
/// weight.cols values. From any thread, several at the same time; each
/// row once a step, maybe not all of a product in one call.
class ProductObserver {
  public:
    virtual ~ProductObserver() = default;
    virtual void observe(const Slice& weight, const float* x, std::int64_t stride, const std::int32_t* index,
                         int rows) = 0;
};

/// A step that was started. Destroying it stops the step and waits until it has ended.
class PendingStep {
  public:
    virtual ~PendingStep() = default;
    /// Waits for the step and gives its result, once. A stop is answered within 50 ms. Throws Error.
    virtual StepResult wait() = 0;
};

/// How a cache of experts in a device's memory did, since its model was loaded.
struct ExpertCacheUse {
    std::size_t experts = 0, slots = 0; ///< of all layers; that fit the device at a time
    std::size_t cache_bytes = 0;        ///< of the device's memory
    std::size_t pinned_bytes = 0;       ///< of RAM: all of them
    ExpertTraffic traffic;
    ExpertCacheUse& operator+=(const ExpertCacheUse& other) {
        experts += other.experts;
        slots += other.slots;
        cache_bytes += other.cache_bytes;
        pinned_bytes += other.pinned_bytes;
        traffic += other.traffic;
        return *this;
    }
    bool operator==(const ExpertCacheUse&) const = default;
};

/// How tokens went that a device drew for the step behind, since its model was loaded. The host draws each
/// again, and its token is the answer's.
struct DeviceDraws {
    std::uint64_t steps = 0;    ///< that began with such tokens
    std::uint64_t differed = 0; ///< of them: a row's token was not the host's, and the step was run again
    std::uint64_t undecided =
        0; ///< steps of whose rows one needed all logits: given up, with the step behind
    bool operator==(const DeviceDraws&) const = default;
};

/// The best time of a step of one row, launched in either of two ways, where a device tries both: in contexts
/// of the latest step's size. In seconds; 0: not yet known.
struct RowLaunchTimes {
    double graph = 0, program = 0;
};

/// A plan made ready to run: owns scratch and the KV blocks. Used from one thread at a time. It has one
/// stream: steps, and what is done to KV blocks, take effect in the order in which they were asked for, so
/// that a block may be released, copied or saved while steps that write it are under way.
class Executor {
  public:
    virtual ~Executor() = default;
    /// Throws Error naming what was needed and what was free.
    virtual KvBlockId allocate_kv_block(BlockType type) = 0;
    virtual void release_kv_block(KvBlockId block) noexcept = 0;
    /// Copies the tokens of a block, for sequences that part within it.
    virtual KvBlockId clone_kv_block(KvBlockId block) = 0;
    /// A block's contents as bytes of the host, and a block made of them (in this process and of the same
    /// type): for sequences that make room for others.
    virtual std::vector<std::byte> save_kv_block(KvBlockId block) = 0;
    virtual KvBlockId load_kv_block(BlockType type, std::span<const std::byte> saved) = 0;
    virtual std::size_t kv_block_bytes(BlockType type) const = 0;
    /// Memory for the states of a sequence at one position, which release_kv_block() and save_kv_block() take
    /// as well. Throws Error as allocate_kv_block() does.
    virtual KvBlockId allocate_state() { throw Error("this model has no layer with a state"); }
    virtual KvBlockId load_state(std::span<const std::byte>) { return allocate_state(); }
    virtual std::size_t state_bytes() const { return 0; } ///< of one; 0: the plan has none
    virtual std::size_t kv_bytes() const = 0;             ///< of all blocks, states included
    /// Bytes that all KV blocks together may take, as memory stands now.
    virtual std::size_t kv_capacity() const = 0;
    virtual std::size_t scratch_bytes() const = 0;
    /// Of all steps so far, whoever asked for them. From any thread.
    virtual StageTable stage_totals() const { return {}; }
    /// What scratch_bytes() comes to with steps of up to `rows` rows of one sequence that has `context`
    /// tokens at the last of them (no fewer than `rows`), `experts` active each (0: as the plan says). Takes
    /// none of that memory.
    virtual std::size_t forecast_scratch(int rows, int context, int experts) const = 0;

    /// Where routed experts do not all fit the device's memory.
    virtual std::optional<ExpertCacheUse> expert_cache() const { return std::nullopt; }

    /// Where the device draws tokens for the step behind. From any thread.
    virtual std::optional<DeviceDraws> device_draws() const { return std::nullopt; }

    /// Where steps of one row can be launched in two ways. From any thread.
    virtual std::optional<RowLaunchTimes> row_launch_times() const { return std::nullopt; }

    /// How many steps should be under way at a time while answers are computed: more than one where a round
    /// trip to the host costs more than the row that is computed in vain at an answer's end.
    virtual int steps_in_flight() const { return 1; }

    /// How many drafted tokens are worth a row each beside an answer's own: reading the weights takes
    /// longest, and some more rows hardly longer. 0: none.
    virtual int draft_rows() const { return 0; }

    /// From how many rows on a prompt should be marked as one (BatchRow::prompt); 0: there is no path for
    /// prompts alone.
    virtual int prompt_rows() const { return 0; }
    /// From how many rows on a prompt on that path should be marked as decompressed (BatchRow::decompressed);
    /// 0: none.
    virtual int decompressed_rows() const { return 0; }
    /// The library of the machine that multiplies such rows with dense weights, unless a row says otherwise
    /// (BatchRow::own_products), with its version: "cuBLASLt 13.1.0". Empty: there is none.
    virtual std::string prompt_library() const { return {}; }
    /// What may take a while and depends on no prompt: called once a model is open.
    virtual void prepare() {}

    /// Starts a step; it is computed behind those that were started before, and two may be under way. Throws
    /// Error where a row asks for what this backend or plan does not have. `on_done` is called once from any
    /// thread when the step has ended, however it did: wait() does not wait any more. It must not throw.
    virtual std::unique_ptr<PendingStep> start(Batch batch, std::shared_ptr<const WeightSet> weights,
                                               std::stop_token stop,
                                               std::function<void()> on_done = nullptr) = 0;

    /// Watches the dense feed-forward blocks of the steps to come; nullptr ends it.
    /// Throws Error where the backend cannot be watched.
    virtual void set_observer(FeedForwardObserver* observer) {
        if (observer)
            throw Error("this backend cannot watch a model for calibration");
    }

    /// The same for all products with weights.
    virtual void set_product_observer(ProductObserver* observer) {
        if (observer)
            throw Error("this backend cannot watch a model for its importance");
    }

    StepResult run(Batch batch, std::shared_ptr<const WeightSet> weights, std::stop_token stop = {}) {
        return start(std::move(batch), std::move(weights), std::move(stop))->wait();
    }
};

struct BackendOptions {
    int threads = 0;    ///< 0: one a physical core
    bool exact = false; ///< F32 activations, weights and KV cache as they are: the reference path
    /// What comparisons of cards with the CPU found is kept in this file; empty: nowhere.
    std::filesystem::path card_checks = {};
};

/// What a matrix takes once it is placed.
struct PlacedSize {
    std::size_t bytes = 0;
    bool mapped = false; ///< it stays where the file has it
    bool pinned = false; ///< it lies in RAM, for a device that reads it there
};

/// How a device with memory of its own is at the moment. All zero: the backend computes in the machine's.
struct DeviceStatus {
    std::size_t taken = 0;        ///< bytes of its memory that this backend has
    std::size_t free = 0;         ///< as its driver says, with what others have taken left out
    std::size_t total = 0;        ///< bytes of it
    bool short_of_memory = false; ///< what was asked of it last could not be had
    std::string lost;             ///< why it computes nothing any more, as a clause; "": it does
};

class Backend {
  public:
    virtual ~Backend() = default;
    virtual std::string name() const = 0;        ///< "cpu"
    virtual std::string description() const = 0; ///< processor, instruction sets, threads
    virtual bool exact() const = 0;
    virtual int threads() const = 0;
    /// Whether a row has the same bits whatever it is computed together with: only then does a record of an
    /// answer run again exactly in another company.
    virtual bool batch_invariant() const = 0;
    /// Moves whenever a result changes in any bit, so that a record says what it can be compared with.
    virtual int arithmetic_version() const = 0;
    /// All matrices that will be placed, before the first is: what does not fit may have to lie elsewhere.
    virtual void expect(const std::vector<WeightSource>&) {}
    /// Bytes of a device's memory for experts that it holds at a time, where not all of those expected fit;
    /// 0: all do.
    virtual std::size_t expert_cache_bytes() const { return 0; }
    /// Leaves room for something else: from now on no more than so many.
    virtual void limit_expert_cache(std::size_t) {}
    /// A matrix of `source` where and as this backend wants it: it decides by role, layer and number.
    /// Thread-safe. What stays in the file's pages is kept alive by `file`, which may be null where the
    /// tensors outlive the slices. Throws Error naming what was needed, and WorkGate::GivenUp.
    virtual Slice place(const WeightSource& source, int matrix, const std::shared_ptr<const ModelFile>& file,
                        const EncodeControl& control = {}) const = 0;
    /// The same with its values in blocks of `type`.
    virtual Slice encode(const WeightSource& source, int matrix, BlockType type,
                         const std::shared_ptr<const ModelFile>& file,
                         const EncodeControl& control) const = 0;
    /// The size of one matrix of `source` with blocks of `type`, as place() or encode() make it.
    virtual PlacedSize placed_size(const WeightSource& source, BlockType type) const = 0;
    /// Whether a KV cache can be kept in `type`.
    virtual bool holds_kv(BlockType type) const {
        return type == BlockType::F32 || type == BlockType::F16 || type == BlockType::Q8_0 ||
               type == BlockType::Q4_0;
    }
    /// `type`, or where no cache can be kept in it the nearest one.
    BlockType nearest_kv(BlockType type) const;
    /// `bits` (RowDials::activation_bits), or what is taken where they cannot be that.
    virtual int nearest_activation_bits(int) const { return 16; }
    /// `type`, or where weights of it are not computed with what they become.
    virtual BlockType nearest_weights(BlockType type) const { return type; }
    virtual std::unique_ptr<Executor> compile(std::shared_ptr<const Plan> plan) = 0;
    /// From any thread; may ask the driver, which takes a while.
    virtual DeviceStatus device_status() const { return {}; }
};

inline BlockType Backend::nearest_kv(BlockType type) const {
    if (holds_kv(type))
        return type;
    return type == BlockType::FP8 ? BlockType::Q8_0 : BlockType::F16;
}

std::shared_ptr<Backend> make_cpu_backend(const BackendOptions& options);

} // namespace switchyard
