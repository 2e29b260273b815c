// The memory of KV blocks. A block holds kKvBlockTokens tokens of every layer in one type; a layer's part is,
// for each KV head, the keys transposed (a lane is a token) and then the values: a head's keys and values lie
// side by side, for the processor reads ahead best in few and long stretches. A block of the other kind
// holds the states of every layer that has one, at one position of a sequence.
#pragma once

#include "engine/backends/common/block_book.h"
#include "engine/backends/cpu/large_page_memory.h"
#include "engine/run/backend.h"

#include <iterator>
#include <memory>
#include <span>
#include <vector>

namespace switchyard::cpu {

class KvStore {
  public:
    KvStore(std::vector<KvLayer> layers, const std::vector<StateLayer>& states);

    KvBlockId allocate(BlockType type);
    KvBlockId allocate_state();
    void release(KvBlockId block) noexcept;
    std::size_t block_bytes(BlockType type) const;
    std::size_t state_bytes() const { return state_offsets_.back() * sizeof(float); }
    /// With what is held ready for states to come.
    std::size_t bytes() const { return book_.bytes() + spare_states_.size() * state_bytes(); }

    /// All its bytes, in the layout of its type.
    std::span<std::byte> contents(KvBlockId block);

    BlockType type(KvBlockId block) const { return book_.at(block).type; }
    std::byte* keys(KvBlockId block, int layer, int head);
    std::byte* values(KvBlockId block, int layer, int head);
    /// Of an entry with rows: the bytes of those whose last token is in the block.
    std::byte* rows(KvBlockId block, int entry);
    /// Of a block with states: the values of one, by its number in the plan.
    float* state(KvBlockId block, int number);

    /// One of an entry's rows, by number, of a sequence with these blocks.
    void keep_row(std::span<const KvBlockId> blocks, int entry, int row, const float* from);
    void read_row(std::span<const KvBlockId> blocks, int entry, int row, float* to);

  private:
    std::byte* row_place(std::span<const KvBlockId> blocks, int entry, int row);
    KvBlockId add(BlockType type, bool states, std::size_t bytes);
    std::shared_ptr<std::byte> take_memory(bool states, std::size_t bytes);

    static constexpr BlockType kTypes[] = {BlockType::F32, BlockType::F16, BlockType::Q8_0, BlockType::Q4_0};
    static std::size_t type_index(BlockType type);

    std::vector<KvLayer> layers_;
    /// By kTypes: where each layer begins; the last is the block's size.
    std::vector<std::size_t> offsets_[std::size(kTypes)];
    std::vector<std::size_t> state_offsets_; ///< the same of states, in floats
    LargePageMemory large_pages_;
    BlockBook<std::shared_ptr<std::byte>> book_;
    /// Of states that were released. Each token of an answer writes new ones, of tens of megabytes: memory
    /// that is new each time costs more than what is computed with it.
    std::vector<std::shared_ptr<std::byte>> spare_states_;
};

} // namespace switchyard::cpu
