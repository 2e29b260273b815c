// What a step's kernels read of its batch: rows, block tables, states, which rows have logits. One stretch of
// device memory, filled by one copy, at addresses that stay while its room does.
#pragma once

#include "engine/backends/common/step_wishes.h"
#include "engine/backends/cuda/kv_store.h"
#include "engine/backends/cuda/scratch.h"
#include "kernels/cuda/state_kernels.h"

#include <cstdint>
#include <span>
#include <vector>

namespace switchyard::cuda {

/// A prompt's rows of one sequence that attend to decompressed keys and values (prompt_latent_kernels.h).
struct DecompressedRows {
    int first, count;        ///< rows of the batch
    int first_block, blocks; ///< of the step's table: their context's
};

class StepInputs {
  public:
    explicit StepInputs(DevicePool& pool) : host_{HostBuffer(pool.device()), HostBuffer(pool.device())} {}

    /// Room for so many rows, sequences, states that are kept, KV blocks of all sequences, counters of
    /// arrivals, and words of masks of experts.
    struct Room {
        std::size_t rows = 0, sequences = 0, states = 0, blocks = 0, arrivals = 0, mask_words = 0;
    };
    void want(const Room& room);
    bool moves() const { return memory_.moves(); } ///< whether settle() does
    bool settle(DevicePool& pool);
    /// Gives the room back.
    void forget() {
        room_ = {};
        memory_.forget();
    }
    std::size_t bytes() const { return memory_.bytes(); }
    void only_measure() { memory_.only_measure(); }

    /// From this position on no row is computed in the decompressed form of latent attention.
    void set_decompressed_until(int position) { decompressed_until_ = position; }
    int decompressed_until() const { return decompressed_until_; }
    bool decompresses() const { return decompressed_until_ > 0; }
    bool is_decompressed(const BatchRow& row) const {
        return row.prompt && row.decompressed && row.position < decompressed_until_;
    }
    /// Finds the rows in that form; before the room for them is made.
    void find_decompressed(const Batch& batch);
    std::span<const DecompressedRows> decompressed() const { return decompressed_; }

    /// Copies the batch, with rows without a position up to `rows`, by way of one of two places in the host's
    /// memory, whose last copy must have ended.
    void upload(const StepWishes& wishes, const KvStore& kv, int rows, int place, Stream& stream);

    RowInput* rows_to_feed() { return const_cast<RowInput*>(rows()); } ///< whose tokens a device writes
    const RowInput* rows() const { return at<RowInput>(0); }
    const std::int32_t* logit_rows() const { return at<std::int32_t>(gather_); } ///< batch rows; -1: none
    const SequenceStates* sequences() const { return at<SequenceStates>(sequences_); }
    const StateAfter* states_after() const { return at<StateAfter>(after_); }
    /// Zeros at each step's beginning, for launches whose blocks hand over to each other: one launch's each.
    std::uint32_t* arrivals() const {
        return reinterpret_cast<std::uint32_t*>(memory_.get<std::byte>() + arrivals_);
    }
    /// Batch::off_masks, one behind the other.
    const std::uint32_t* off_masks() const { return at<std::uint32_t>(masks_); }
    const KvBlockRef* blocks() const { return at<KvBlockRef>(blocks_); }

  private:
    template <typename T>
    const T* at(std::size_t offset) const {
        return reinterpret_cast<const T*>(memory_.get<std::byte>() + offset);
    }
    void write_rows(const StepWishes& wishes, int rows, std::byte* host) const;
    std::size_t write_sequences(const Batch& batch, const KvStore& kv, std::byte* host) const;

    Room room_;
    std::size_t gather_ = 0, sequences_ = 0, after_ = 0, arrivals_ = 0, masks_ = 0,
                blocks_ = 0; ///< offsets
    int decompressed_until_ = 0;
    std::vector<DecompressedRows> decompressed_;
    ScratchBuffer memory_;
    HostBuffer host_[2];
};

} // namespace switchyard::cuda
