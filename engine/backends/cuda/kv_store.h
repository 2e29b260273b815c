// The memory of KV blocks on a device, and of states of a fixed size.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "engine/model/plan.h"
#include "engine/run/batch.h"
#include "kernels/cuda/kv_layout.h"

#include <memory>
#include <mutex>
#include <vector>

namespace switchyard::cuda {

/// What the cache's kernels call a type. Throws Error for those that no cache is kept in.
CacheType cache_type(BlockType type);

/// One thread adds and releases blocks while another asks where they are.
class KvStore {
  public:
    KvStore(const Plan& plan, std::shared_ptr<DevicePool> pool);

    KvBlockId allocate(BlockType type);
    KvBlockId allocate_state();
    void release(KvBlockId block) noexcept;
    std::size_t block_bytes(BlockType type) const { return layout_.block_bytes(cache_type(type)); }
    std::size_t state_bytes() const { return state_offsets_.back() * sizeof(float); }
    std::size_t bytes() const;

    BlockType type(KvBlockId block) const;
    std::size_t bytes_of(KvBlockId block) const;
    KvBlockRef ref(KvBlockId block) const;
    /// Of a block with states: where they begin; those of the plan's state `number` are state_offset(number)
    /// floats on.
    float* states(KvBlockId block) const { return reinterpret_cast<float*>(ref(block).data); }
    std::int64_t state_offset(int number) const {
        return static_cast<std::int64_t>(state_offsets_[static_cast<std::size_t>(number)]);
    }
    const KvLayerView& layer(int layer) const { return layout_.layer(static_cast<std::size_t>(layer)); }

  private:
    struct Block {
        BlockType type = BlockType::F16;
        bool states = false;
        std::shared_ptr<std::byte> memory;
    };
    KvBlockId add(Block block, std::size_t bytes);
    std::size_t size(const Block& block) const {
        return block.states ? state_bytes() : block_bytes(block.type);
    }

    std::shared_ptr<DevicePool> pool_;
    KvLayout layout_;
    std::vector<std::size_t> state_offsets_; ///< floats; the last is the size of all
    mutable std::mutex mutex_;
    std::vector<Block> blocks_;
    std::vector<KvBlockId> unused_; ///< has room for all, so that release() needs no memory
    std::size_t bytes_ = 0;
};

} // namespace switchyard::cuda
