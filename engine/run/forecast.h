// How much memory a model will take, before its weights are read: counted by the backend's own measures.
#pragma once

#include "engine/model/build_plan.h"
#include "engine/run/backend.h"
#include "engine/run/kv_block.h"
#include "engine/run/tuning.h"

#include <optional>

namespace switchyard {

/// Bytes, by what they are for.
struct MemoryUse {
    std::uint64_t weights = 0; ///< as the backend places them, in memory of our own
    std::uint64_t mapped =
        0; ///< what stays in the mapped file: the system's cache, given back when it is short
    std::uint64_t copies = 0;  ///< tensors that reading the file put into memory, beside those as placed
    std::uint64_t text = 0;    ///< tokenizer and metadata
    std::uint64_t kv = 0;      ///< cache of one conversation
    std::uint64_t scratch = 0; ///< of a step
    // Where experts do not all fit a device:
    std::uint64_t pinned = 0;             ///< all of them, in RAM that it reads
    std::uint64_t expert_cache = 0;       ///< of them on the device at a time
    std::uint64_t expert_cache_least = 0; ///< what one token passes of them
    bool device = false;                  ///< weights, KV cache and scratch lie in a device's memory

    /// Memory of our own, wherever it is.
    std::uint64_t total() const { return computing() + pinned + copies + text; }
    std::uint64_t on_device() const { return device ? computing() : 0; }
    std::uint64_t in_ram() const { return total() - on_device(); }

  private:
    std::uint64_t computing() const { return weights + expert_cache + kv + scratch; }
};

/// The dials that decide how much memory a model takes.
struct MemoryDials {
    std::optional<BlockType> weights; ///< nullopt: the file's own bits
    BlockType kv = BlockType::F16;
    int context = 0; ///< tokens of the conversation
    int chunk = SequenceTuning{}.prefill_chunk;
    int experts = 0; ///< active; 0: as the model says
};

/// Answers quickly for any dials; reads no weight.
class MemoryForecast {
  public:
    /// `file` and the tensors of `model.sources` must outlive it. `backend` was told to expect them.
    MemoryForecast(const ModelPlan& model, const ModelFile& file, Backend& backend);

    MemoryUse use(const MemoryDials& dials) const;
    /// The part that conversations do not change: weights, mapped, copies and text.
    MemoryUse weights(std::optional<BlockType> type) const;
    /// Whether the backend keeps a cache in `type`: those of others are not to be asked for.
    bool holds_kv(BlockType type) const { return backend_.holds_kv(type); }
    SequenceBytes kv(BlockType type) const;
    double kv_bytes_per_token(BlockType type) const;
    /// Bytes of weights that one token of an answer reads: of routed experts only the active ones, of a table
    /// of embeddings next to nothing.
    double bytes_read_per_token(std::optional<BlockType> type, int experts) const;

  private:
    const ModelPlan& model_;
    const ModelFile& file_;
    const Backend& backend_;
    std::unique_ptr<Executor> executor_; ///< asked for sizes, never run
    bool device_;                        ///< the backend has memory of its own
    std::uint64_t text_;                 ///< bytes of tokenizer and metadata
};

/// What the model takes on a backend, with a conversation of usual length. The backend expects it from then
/// on. Throws Error where it cannot be read.
MemoryUse usual_need(const std::filesystem::path& path, Backend& backend);
/// The same of one that is open.
MemoryUse usual_need(const ModelFile& file, Backend& backend);

/// "needs 9.3 GiB (weights 8.9 GiB, ...), 4.1 GiB are free" where it does not fit what is free now; "" where
/// it does. Of RAM alone: a device's memory is counted where it is chosen. Where the system does not say what
/// is free, everything fits.
std::string describe_shortage(const MemoryUse& use);
/// The same with `free` bytes; 0: not known.
std::string describe_shortage(const MemoryUse& use, std::uint64_t free);

} // namespace switchyard
