// The memory of KV blocks on a device, and of states of a fixed size.
#pragma once

#include "engine/backends/common/block_book.h"
#include "engine/backends/cuda/device_pool.h"
#include "engine/model/plan.h"
#include "engine/run/batch.h"
#include "kernels/cuda/kv_layout.h"

#include <memory>
#include <vector>

namespace switchyard::cuda {

/// Whether a card of that compute capability keeps a cache in `type`.
bool keeps_cache(BlockType type, int compute);

/// What the cache's kernels call a type. Throws Error for those that no cache is kept in.
CacheType cache_type(BlockType type);

/// One thread adds and releases blocks while another asks where some are that it was told of.
class KvStore {
  public:
    KvStore(const Plan& plan, std::shared_ptr<DevicePool> pool);

    KvBlockId allocate(BlockType type);
    KvBlockId allocate_state();
    void release(KvBlockId block) noexcept { book_.release(block); }
    /// Throws Error where the device keeps no such blocks.
    std::size_t block_bytes(BlockType type) const;
    std::size_t state_bytes() const { return state_offsets_.back() * sizeof(float); }
    std::size_t bytes() const { return book_.bytes(); }

    BlockType type(KvBlockId block) const { return book_.at(block).type; }
    std::size_t bytes_of(KvBlockId block) const { return book_.at(block).bytes; }
    KvBlockRef ref(KvBlockId block) const;
    /// Of a block with states: where they begin; those of the plan's state `number` are state_offset(number)
    /// floats on.
    float* states(KvBlockId block) const { return reinterpret_cast<float*>(ref(block).data); }
    std::int64_t state_offset(int number) const {
        return static_cast<std::int64_t>(state_offsets_[static_cast<std::size_t>(number)]);
    }
    const KvLayerView& layer(int layer) const { return layout_.layer(static_cast<std::size_t>(layer)); }
    /// Of an entry with rows.
    const KvRowsView& rows(int entry) const { return layout_.rows(static_cast<std::size_t>(entry)); }

  private:
    KvBlockId add(BlockType type, bool states, std::size_t bytes);

    std::shared_ptr<DevicePool> pool_;
    KvLayout layout_;
    std::vector<std::size_t> state_offsets_; ///< floats; the last is the size of all
    BlockBook<std::shared_ptr<std::byte>> book_;
};

} // namespace switchyard::cuda
