// The memory of KV blocks. A block holds kKvBlockTokens tokens of every layer in one type; a layer's part is,
// for each KV head, the keys transposed (a lane is a token) and then the values.
#pragma once

#include "engine/base/aligned.h"
#include "engine/run/backend.h"

#include <vector>

namespace switchyard::cpu {

class KvStore {
  public:
    explicit KvStore(std::vector<KvLayer> layers);

    KvBlockId allocate(BlockType type);
    void release(KvBlockId block);
    KvBlockId clone(KvBlockId block);
    std::size_t block_bytes(BlockType type) const;
    std::size_t bytes() const { return bytes_; }

    BlockType type(KvBlockId block) const { return blocks_[static_cast<std::size_t>(block)].type; }
    std::byte* keys(KvBlockId block, int layer, int head);
    std::byte* values(KvBlockId block, int layer, int head);

  private:
    struct Block {
        BlockType type = BlockType::F16;
        AlignedMemory data;
    };
    std::size_t layer_offset(BlockType type, int layer) const;

    std::vector<KvLayer> layers_;
    std::vector<std::size_t> offsets_[3]; ///< per type: where each layer begins; the last is the block's size
    std::vector<Block> blocks_;
    std::vector<KvBlockId> unused_; ///< has room for all blocks, so that release() needs no memory
    std::size_t bytes_ = 0;
};

} // namespace switchyard::cpu
