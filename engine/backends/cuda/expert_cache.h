// Experts of models that are larger than a device's memory: all of them lie in memory of the host that the
// device reads at full speed, and those that were used last also on the device. (Recency beats a fixed
// choice: measured by others at 67 against 10 % of uses that are found, for a quarter of the experts.)
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "engine/backends/cuda/weight_table.h"
#include "engine/run/backend.h"

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <vector>

namespace switchyard::cuda {

/// The matrices of one expert of a layer.
struct ExpertSlices {
    WeightId gate, up, down;
    int expert;
};

/// Used from the thread that computes.
class ExpertCache {
  public:
    explicit ExpertCache(std::shared_ptr<DevicePool> pool);

    /// Takes the device's memory for as many experts as there is room for. Throws Error where not even those
    /// fit that one layer may need at once: `least`.
    void settle(const WeightSet& weights, std::size_t least);
    /// Sees to it that these experts of a layer are on the device, and that the table says where. What is
    /// copied stands before whatever the stream is told next. At most as many as settle() was told.
    void bring(const WeightSet& weights, std::span<const ExpertSlices> experts, WeightTable& table,
               Stream& stream);

    ExpertCacheUse use() const;
    std::size_t bytes() const { return slots_.size() * slot_bytes_; }

  private:
    /// An expert by its gate's place on the host: another precision of it is another expert.
    using Key = const std::byte*;
    struct Slot {
        std::byte* memory;
        Key holds = nullptr;
    };
    using Order = std::list<Slot>;

    void load(Slot& slot, const WeightSet& weights, const ExpertSlices& expert, WeightTable& table,
              Stream& stream);

    std::shared_ptr<DevicePool> pool_;
    std::vector<std::shared_ptr<std::byte>> memory_;
    std::size_t slot_bytes_ = 0;
    Order slots_; ///< the one that was used last comes last
    std::map<Key, Order::iterator> found_;
    HostBuffer entries_; ///< of the table, on their way there
    std::size_t entries_used_ = 0;
    mutable std::mutex mutex_; ///< of what use() tells
    ExpertCacheUse use_;
};

} // namespace switchyard::cuda
