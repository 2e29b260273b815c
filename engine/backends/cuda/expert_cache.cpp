#include "engine/backends/cuda/expert_cache.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <algorithm>
#include <string>
#include <utility>

namespace switchyard::cuda {

namespace {

constexpr std::size_t kStretchBytes = std::size_t{64} << 20;

bool on_host(const Slice& slice) { return slice.place.kind == MemoryPlace::Kind::Host; }
std::size_t part_bytes(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

/// Of the largest expert.
std::size_t largest_expert(const WeightSet& weights) {
    // Gate, up and down are three weights; which belong together does not matter for the largest of each.
    std::vector<std::size_t> largest;
    for (const auto& weight : weights.weights) {
        std::size_t most = 0;
        for (const Slice& slice : weight->slices)
            most = std::max(most, on_host(slice) ? part_bytes(slice.bytes) : 0);
        largest.push_back(most);
    }
    std::ranges::sort(largest, std::greater());
    largest.resize(3);
    return largest[0] + largest[1] + largest[2];
}

} // namespace

ExpertCache::ExpertCache(std::shared_ptr<DevicePool> pool)
    : pool_(std::move(pool)), entries_(pool_->device()) {}

void ExpertCache::settle(const WeightSet& weights, std::size_t least) {
    const std::size_t wanted = largest_expert(weights);
    if (wanted <= slot_bytes_)
        return;
    slots_.clear();
    found_.clear();
    memory_.clear();
    slot_bytes_ = wanted;
    std::size_t experts = 0;
    for (const auto& weight : weights.weights)
        experts += static_cast<std::size_t>(std::ranges::count_if(weight->slices, on_host));
    experts /= 3;
    // Half of what is left is the cache's: contexts grow into the rest.
    const std::size_t free = pool_->device().memory().free;
    const std::size_t count = std::min(experts, std::max(least, free / 2 / slot_bytes_));
    const std::size_t stretch = std::max<std::size_t>(1, kStretchBytes / slot_bytes_);
    while (slots_.size() < count) {
        const std::size_t part = std::min(stretch, count - slots_.size());
        try {
            memory_.push_back(pool_->allocate(part * slot_bytes_, "the cache of experts"));
        } catch (const Error&) {
            if (slots_.size() < least)
                throw Error("a layer of this model needs " + std::to_string(least) + " experts at once, " +
                            format_bytes(least * slot_bytes_) + ", and " + pool_->device().info().name +
                            " has only " + format_bytes(free) + " of memory free");
            break;
        }
        for (std::size_t s = 0; s < part; ++s)
            slots_.push_back({memory_.back().get() + s * slot_bytes_});
    }
    const std::lock_guard lock(mutex_);
    use_.experts = experts;
    use_.slots = slots_.size();
}

void ExpertCache::bring(const WeightSet& weights, std::span<const ExpertSlices> experts, WeightTable& table,
                        Stream& stream) {
    if (experts.size() > slots_.size())
        throw Error("a layer needs " + std::to_string(experts.size()) +
                    " experts at once, and the device holds " + std::to_string(slots_.size()));
    entries_.reserve(experts.size() * 3 * sizeof(MatrixView));
    entries_used_ = 0;
    ExpertCacheUse now;
    // Those that are there first: none of them makes room for another.
    std::vector<const ExpertSlices*> missing;
    for (const ExpertSlices& one : experts) {
        const auto found = found_.find(weights.slice(one.gate, static_cast<std::size_t>(one.expert)).data);
        if (found == found_.end()) {
            missing.push_back(&one);
            continue;
        }
        slots_.splice(slots_.end(), slots_, found->second);
        ++now.hits;
    }
    for (const ExpertSlices* one : missing) {
        Slot& slot = slots_.front();
        found_.erase(slot.holds);
        load(slot, weights, *one, table, stream);
        found_[slot.holds] = slots_.begin();
        slots_.splice(slots_.end(), slots_, slots_.begin());
        ++now.misses;
        now.bytes += slot_bytes_;
    }
    const std::lock_guard lock(mutex_);
    use_.hits += now.hits;
    use_.misses += now.misses;
    use_.bytes += now.bytes;
}

void ExpertCache::load(Slot& slot, const WeightSet& weights, const ExpertSlices& expert, WeightTable& table,
                       Stream& stream) {
    std::byte* to = slot.memory;
    for (const WeightId id : {expert.gate, expert.up, expert.down}) {
        const Slice& slice = weights.slice(id, static_cast<std::size_t>(expert.expert));
        stream.copy_to_device(to, slice.data, slice.bytes);
        table.show(id, expert.expert, to, reinterpret_cast<MatrixView*>(entries_.data())[entries_used_++],
                   stream);
        to += part_bytes(slice.bytes);
    }
    slot.holds = weights.slice(expert.gate, static_cast<std::size_t>(expert.expert)).data;
}

ExpertCacheUse ExpertCache::use() const {
    const std::lock_guard lock(mutex_);
    return use_;
}

} // namespace switchyard::cuda
