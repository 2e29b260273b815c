// A sequence that tests compute by themselves, step by step.
#pragma once

#include "engine/run/loaded_model.h"
#include "kernels/cuda/prompt_kernels.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace switchyard::test {

/// A sequence of a model's, and its blocks.
class Sequence {
  public:
    Sequence(LoadedModel& model, BlockType kv) : model_(model), kv_(kv) {}
    ~Sequence() {
        for (const KvBlockId block : blocks_)
            model_.executor().release_kv_block(block);
        for (const KvBlockId state : states_)
            model_.executor().release_kv_block(state);
    }
    Sequence(const Sequence&) = delete;
    /// A context of zeros, of whole blocks, that no step computed.
    void begin_behind(int tokens) {
        Executor& executor = model_.executor();
        const std::vector<std::byte> zeros(executor.kv_block_bytes(kv_));
        for (; position_ < tokens; position_ += kKvBlockTokens)
            blocks_.push_back(executor.load_kv_block(kv_, zeros));
        if (tokens > 0 && has_states())
            states_.push_back(executor.load_state(std::vector<std::byte>(executor.state_bytes())));
    }
    /// Rows that go on where it stands, to a batch.
    void append(Batch& batch, std::span<const std::int32_t> ids, const BatchRow& like = {}) {
        while (blocks_.size() < blocks_for(position_ + static_cast<int>(ids.size())))
            blocks_.push_back(model_.executor().allocate_kv_block(kv_));
        for (const std::int32_t id : ids) {
            BatchRow& row = batch.rows.emplace_back(like);
            row.token = id;
            row.position = position_++;
            row.sequence = static_cast<std::int32_t>(batch.sequences.size());
            row.wish = RowWish::Logits;
        }
        batch.sequences.push_back({.blocks = blocks_});
        if (!has_states())
            return;
        BatchSequence& own = batch.sequences.back();
        own.state = states_.empty() ? kNoState : states_.back();
        states_.push_back(model_.executor().allocate_state());
        own.states_after = {{static_cast<int>(ids.size()), states_.back()}};
    }

  private:
    bool has_states() const { return !model_.plan().states.empty(); }

    LoadedModel& model_;
    BlockType kv_;
    std::vector<KvBlockId> blocks_, states_; ///< of the latter one a step
    int position_ = 0;
};

/// Its logits.
inline std::vector<float> step(LoadedModel& model, Sequence& sequence, std::span<const std::int32_t> ids,
                               const BatchRow& like = {}) {
    Batch batch;
    sequence.append(batch, ids, like);
    return model.executor().run(std::move(batch), model.weights()).logits;
}

/// Of the device's table of weights, which is no step's: a forecast knows of no weights.
inline std::size_t table_bytes(const LoadedModel& model) {
    constexpr std::size_t kRanges = (cuda::kRangeParts + 1) * sizeof(std::uint32_t);
    std::size_t slices = 0;
    for (const auto& weight : model.weights()->weights)
        slices += weight->slices.size();
    return slices * (sizeof(cuda::MatrixView) + kRanges);
}

} // namespace switchyard::test
