// The cache of one text that is computed outside of the scheduler, piece by piece.
#pragma once

#include "engine/run/backend.h"

#include <utility>
#include <vector>

namespace switchyard {

/// KV blocks and states, which go back to the executor in any case.
class TextCache {
  public:
    explicit TextCache(Executor& executor) : executor_(executor) {}
    ~TextCache() {
        for (const KvBlockId block : blocks_)
            executor_.release_kv_block(block);
        for (const KvBlockId states : {read_, written_})
            if (states != kNoState)
                executor_.release_kv_block(states);
    }
    TextCache(const TextCache&) = delete;
    TextCache& operator=(const TextCache&) = delete;

    /// For rows from `begin`, where the last piece ended, to `end` of a text of `length` tokens. `kv`: of its
    /// blocks.
    BatchSequence next(const Plan& plan, int begin, int end, int length, BlockType kv) {
        while (static_cast<int>(blocks_.size()) * kKvBlockTokens < end)
            blocks_.push_back(executor_.allocate_kv_block(kv));
        BatchSequence sequence{.blocks = blocks_};
        sequence.long_text = plan.short_text > 0 && length > plan.short_text;
        if (!plan.states.empty())
            advance_states(sequence, end - begin);
        return sequence;
    }

  private:
    /// The rows go on from the states that the last piece wrote.
    void advance_states(BatchSequence& sequence, int rows) {
        if (read_ != kNoState)
            executor_.release_kv_block(read_);
        read_ = std::exchange(written_, kNoState);
        written_ = executor_.allocate_state();
        sequence.state = read_;
        sequence.states_after = {{rows, written_}};
    }

    Executor& executor_;
    std::vector<KvBlockId> blocks_;
    KvBlockId read_ = kNoState, written_ = kNoState;
};

} // namespace switchyard
