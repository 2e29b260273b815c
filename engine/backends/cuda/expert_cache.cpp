#include "engine/backends/cuda/expert_cache.h"

#include "engine/base/error.h"

#include <algorithm>
#include <numeric>
#include <ranges>
#include <utility>

namespace switchyard::cuda {

namespace {

constexpr std::size_t kStretchBytes = std::size_t{64} << 20;

constexpr std::size_t kLeastSlots = 2; ///< one is computed with while the other comes

bool is_pinned(const Slice& slice) { return slice.place.kind == MemoryPlace::Kind::Pinned; }
std::size_t part_bytes(std::size_t bytes) { return (bytes + 255) / 256 * 256; }

/// Of the largest expert.
std::size_t largest_expert(const WeightSet& weights, std::size_t matrices) {
    // Gate, up and down are weights of their own; which belong together does not matter for the largest.
    std::vector<std::size_t> largest;
    for (const auto& weight : weights.weights) {
        std::size_t most = 0;
        for (const Slice& slice : weight->slices)
            most = std::max(most, is_pinned(slice) ? part_bytes(slice.bytes) : 0);
        largest.push_back(most);
    }
    std::ranges::sort(largest, std::greater());
    largest.resize(matrices);
    return std::accumulate(largest.begin(), largest.end(), std::size_t{0});
}

} // namespace

ExpertCache::ExpertCache(std::shared_ptr<DevicePool> pool, std::size_t budget, std::size_t matrices)
    : pool_(std::move(pool)), budget_(budget), matrices_(matrices), copies_(pool_->device().make_stream()),
      arrived_(pool_->device().make_event()), used_{pool_->device().make_event(),
                                                    pool_->device().make_event()},
      entries_(pool_->device()) {}

void ExpertCache::settle(const WeightSet& weights) {
    const std::size_t wanted = largest_expert(weights, matrices_);
    if (wanted <= slot_bytes_)
        return;
    slots_.clear();
    found_.clear();
    memory_.clear();
    slot_bytes_ = wanted;
    std::size_t matrices = 0, pinned = 0;
    for (const auto& weight : weights.weights)
        for (const Slice& slice : weight->slices | std::views::filter(is_pinned)) {
            ++matrices;
            pinned += slice.bytes;
        }
    const std::size_t experts = matrices / matrices_;
    const std::size_t count = std::min(experts, std::max(kLeastSlots, budget_ / slot_bytes_));
    const std::size_t stretch = std::max<std::size_t>(1, kStretchBytes / slot_bytes_);
    while (slots_.size() < count) {
        const std::size_t part = std::min(stretch, count - slots_.size());
        try {
            memory_.push_back(pool_->allocate(part * slot_bytes_, "the cache of experts"));
        } catch (const Error&) {
            if (slots_.empty())
                throw;
            break;
        }
        for (std::size_t s = 0; s < part; ++s)
            slots_.push_back({memory_.back().get() + s * slot_bytes_});
    }
    const std::lock_guard lock(mutex_);
    use_.experts = experts;
    use_.slots = slots_.size();
    use_.pinned_bytes = pinned;
    use_.cache_bytes = slots_.size() * slot_bytes_;
}

std::size_t ExpertCache::group_of(std::size_t wanted) const {
    return wanted <= slots_.size() ? wanted : std::max<std::size_t>(1, slots_.size() / 2);
}

void ExpertCache::begin_layer(std::size_t wanted) {
    entries_.reserve(wanted * 3 * sizeof(MatrixView));
    entries_used_ = 0;
    group_ = 0;
}

/// What is there comes last in the order: none of it makes room for what is not.
std::vector<const ExpertSlices*> ExpertCache::missing(const WeightSet& weights,
                                                      std::span<const ExpertSlices> experts) {
    std::vector<const ExpertSlices*> missing;
    for (const ExpertSlices& one : experts) {
        const auto found = found_.find(weights.slice(one.gate, static_cast<std::size_t>(one.expert)).data);
        if (found == found_.end())
            missing.push_back(&one);
        else
            slots_.splice(slots_.end(), slots_, found->second);
    }
    return missing;
}

void ExpertCache::bring(const WeightSet& weights, std::span<const ExpertSlices> experts, WeightTable& table,
                        Stream& stream) {
    const auto wanted = missing(weights, experts);
    // Two groups of the same rows have places of their own, unless there is only one; the group before these
    // may be computed with as yet.
    const std::size_t away = std::exchange(begins_, false) || slots_.size() == 1 ? 1 : 2;
    if (group_ >= away)
        copies_->wait_for(*used_[(group_ - away) % 2]);
    for (const ExpertSlices* one : wanted) {
        Slot& slot = slots_.front();
        found_.erase(slot.holds);
        load(slot, weights, *one, table, stream);
        found_[slot.holds] = slots_.begin();
        slots_.splice(slots_.end(), slots_, slots_.begin());
    }
    if (!wanted.empty()) {
        copies_->record(*arrived_);
        stream.wait_for(*arrived_);
    }
    const std::lock_guard lock(mutex_);
    use_.traffic.hits += experts.size() - wanted.size();
    use_.traffic.misses += wanted.size();
    use_.traffic.bytes += wanted.size() * slot_bytes_;
}

void ExpertCache::used(Stream& stream) { stream.record(*used_[group_++ % 2]); }

void ExpertCache::load(Slot& slot, const WeightSet& weights, const ExpertSlices& expert, WeightTable& table,
                       Stream& stream) {
    std::byte* to = slot.memory;
    for (const WeightId id : {expert.gate, expert.up, expert.down}) {
        if (id == expert.gate && to != slot.memory)
            continue; // it is the same matrix as the gate
        const Slice& slice = weights.slice(id, static_cast<std::size_t>(expert.expert));
        copies_->copy_to_device(to, slice.data, slice.bytes);
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
