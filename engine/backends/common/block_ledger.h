// KV blocks that are released while steps under way may still write them.
#pragma once

#include "engine/backends/common/step_queue.h"
#include "engine/base/error.h"

#include <string>
#include <utility>
#include <vector>

namespace switchyard {

/// Over a store with `void release(KvBlockId) noexcept`. A block goes back to it when the steps have ended
/// that were started before its release. Used from one thread at a time, as an executor is.
template <typename Store>
class BlockLedger {
  public:
    BlockLedger(Store& store, const StepQueue& steps) : store_(store), steps_(steps) {}

    /// A block that `allocate` takes from the store. Where that throws Error, steps under way are waited for
    /// if they hold released blocks, and it is called once more.
    template <typename Allocate>
    KvBlockId add(const Allocate& allocate) {
        free_ended();
        retired_.reserve(blocks_ + retired_.size() + 1); // release needs no memory
        const KvBlockId block = take(allocate);
        ++blocks_;
        return block;
    }

    void release(KvBlockId block) noexcept {
        --blocks_;
        retired_.emplace_back(block, steps_.started());
        free_ended();
    }

    /// Gives back what no step under way may write any more.
    void free_ended() noexcept {
        const std::uint64_t ended = steps_.ended();
        std::erase_if(retired_, [&](const auto& retired) {
            if (retired.second <= ended)
                store_.release(retired.first);
            return retired.second <= ended;
        });
    }

  private:
    template <typename Allocate>
    KvBlockId take(const Allocate& allocate) {
        try {
            return allocate();
        } catch (const Error&) {
            if (retired_.empty())
                throw;
        }
        steps_.drain(); // what was released is free only then
        free_ended();
        return allocate();
    }

    Store& store_;
    const StepQueue& steps_;
    /// Blocks that steps under way may still write, each with the number of steps that were started before it
    /// was released. Has room for all blocks.
    std::vector<std::pair<KvBlockId, std::uint64_t>> retired_;
    std::size_t blocks_ = 0;
};

/// Throws Error where a saved block has not the bytes of the block that it is to fill.
inline void check_saved_block(std::span<const std::byte> saved, std::size_t expected) {
    if (saved.size() != expected)
        throw Error("a saved part of the KV cache has " + std::to_string(saved.size()) + " bytes, expected " +
                    std::to_string(expected));
}

} // namespace switchyard
