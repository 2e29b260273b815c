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
#include <mutex>
#include <span>
#include <vector>

namespace switchyard::cuda {

/// The matrices of one expert of a layer.
struct ExpertSlices {
    WeightId gate, up, down;
    int expert;
};

/// Used from the thread that computes, but for use().
class ExpertCache {
  public:
    /// It takes up to `budget` bytes of the device's memory. `matrices`: of an expert.
    ExpertCache(std::shared_ptr<DevicePool> pool, std::size_t budget, std::size_t matrices);

    /// Takes the device's memory for as many experts as the budget has room for, and for at least two. Throws
    /// Error where there is not even one.
    void settle(const WeightSet& weights);
    /// Experts that bring() takes at a time, of `wanted`. Where that is not all of them it is half of what
    /// the cache holds: the next come while these are computed with.
    std::size_t group_of(std::size_t wanted) const;
    /// A layer begins that will bring so many; all that was launched before has ended.
    void begin_layer(std::size_t wanted);
    /// Other rows of it begin: places of all groups before are free to be taken when these were computed
    /// with.
    void begin_rows() { begins_ = true; }
    /// Sees to it that these experts of a layer are on the device, and that the table says where, for what
    /// `stream` is told next. They are copied beside what it was told before.
    void bring(const WeightSet& weights, std::span<const ExpertSlices> experts, WeightTable& table,
               Stream& stream);
    /// `stream` was told to compute with those brought last.
    void used(Stream& stream);

    ExpertCacheUse use() const; ///< from any thread

  private:
    /// An expert by its gate's place on the host: another precision of it is another expert.
    using Key = const std::byte*;
    struct Slot {
        std::byte* memory;
        Key holds = nullptr;
    };
    using Order = std::list<Slot>;

    std::vector<const ExpertSlices*> missing(const WeightSet& weights, std::span<const ExpertSlices> experts);
    void load(Slot& slot, const WeightSet& weights, const ExpertSlices& expert, WeightTable& table,
              Stream& stream);

    std::shared_ptr<DevicePool> pool_;
    const std::size_t budget_, matrices_; ///< bytes; of an expert
    std::vector<std::shared_ptr<std::byte>> memory_;
    std::size_t slot_bytes_ = 0;
    Order slots_; ///< the one that was used last comes last
    std::map<Key, Order::iterator> found_;
    std::unique_ptr<Stream> copies_;
    std::unique_ptr<Event> arrived_;
    std::unique_ptr<Event> used_[2]; ///< passed when a group was computed with, in turns
    std::size_t group_ = 0;          ///< of the layer
    bool begins_ = true;             ///< the next group is the first of its rows
    HostBuffer entries_;             ///< of the table, on their way there
    std::size_t entries_used_ = 0;
    mutable std::mutex mutex_;
    ExpertCacheUse use_; ///< guarded
};

} // namespace switchyard::cuda
