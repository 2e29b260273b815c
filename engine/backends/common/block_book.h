// What a store of KV blocks knows of each: its number, its memory, and how many bytes all of them are.
#pragma once

#include "engine/base/error.h"
#include "engine/run/batch.h"

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace switchyard {

/// `Memory` is what a block's bytes are held by; a default one holds nothing. Numbers of released blocks are
/// given again. One thread adds and releases; meanwhile others read blocks that were added before they were
/// told of them.
template <typename Memory>
class BlockBook {
  public:
    struct Block {
        BlockType type = BlockType::F16;
        bool states = false; ///< it holds states of a fixed size instead of keys and values
        std::size_t bytes = 0;
        Memory memory{};
    };

    /// Throws Error where there are too many.
    KvBlockId add(Block block) {
        if (unused_.empty()) {
            grow();
            unused_.push_back(static_cast<KvBlockId>(count_++));
        }
        const KvBlockId id = unused_.back();
        unused_.pop_back();
        bytes_ += block.bytes;
        at(id) = std::move(block);
        return id;
    }
    void release(KvBlockId id) noexcept { (void)take(id); }
    /// Released, but for its memory.
    Memory take(KvBlockId id) noexcept {
        Block& block = at(id);
        bytes_ -= block.bytes;
        unused_.push_back(id);
        return std::exchange(block.memory, Memory());
    }
    Block& at(KvBlockId id) {
        const auto index = static_cast<std::size_t>(id);
        return pieces_[index / kPiece][index % kPiece];
    }
    const Block& at(KvBlockId id) const {
        const auto index = static_cast<std::size_t>(id);
        return pieces_[index / kPiece][index % kPiece];
    }
    std::size_t bytes() const { return bytes_; }

  private:
    /// Blocks are kept in pieces that never move: a step reads some while others are added.
    static constexpr std::size_t kPiece = 1024, kPieces = 4096;

    void grow() {
        if (count_ == kPiece * kPieces)
            throw Error("the KV cache holds no more than " + std::to_string(count_) + " blocks");
        unused_.reserve(count_ + 1);
        auto& piece = pieces_[count_ / kPiece];
        if (!piece)
            piece = std::make_unique<Block[]>(kPiece);
    }

    std::array<std::unique_ptr<Block[]>, kPieces> pieces_;
    std::size_t count_ = 0;         ///< blocks there ever were
    std::vector<KvBlockId> unused_; ///< has room for all blocks, so that release() needs no memory
    std::size_t bytes_ = 0;
};

} // namespace switchyard
