#include "engine/backends/cuda/expert_fetch.h"

#include <algorithm>
#include <utility>

namespace switchyard::cuda {

ExpertFetch::ExpertFetch(std::shared_ptr<DevicePool> pool, std::size_t budget, std::size_t matrices)
    : cache_(pool, budget, matrices), asked_(pool->device().make_event()),
      chosen_(pool->device()), written_{HostBuffer(pool->device()), HostBuffer(pool->device())} {}

void ExpertFetch::ask(const ExpertChoice* choices, int rows, int most) {
    most_ = most;
    const std::size_t bytes =
        static_cast<std::size_t>(rows) * static_cast<std::size_t>(most) * sizeof(ExpertChoice);
    std::byte* host = chosen_.reserve(std::max<std::size_t>(bytes, 1));
    if (bytes > 0)
        stream_->copy_to_host(host, reinterpret_cast<const std::byte*>(choices), bytes);
    stream_->record(*asked_);
    waits_ = true;
}

int ExpertFetch::begin(const ExpertsStep& layer, int first, int count) {
    const bool begins = std::exchange(waits_, false);
    if (begins) {
        asked_->wait(); // and so for the groups of the layer before
        cache_.begin_layer(2 * (*weights_)[layer.gate].slices.size()); // of answers' rows and of prompts'
    }
    part_ = begins ? 0 : 1;
    written_used_ = 0;
    cache_.begin_rows();
    first_ = first;
    count_ = count;
    std::vector<int> pairs((*weights_)[layer.gate].slices.size());
    for (int r = 0; r < count; ++r)
        for (const ExpertChoice& one : row(r))
            if (one.expert >= 0)
                ++pairs[static_cast<std::size_t>(one.expert)];
    group_size_ = cache_.group_of(
        static_cast<std::size_t>(std::ranges::count_if(pairs, [](int of_expert) { return of_expert > 0; })));
    experts_.clear();
    groups_.assign(1, {});
    group_of_.assign(pairs.size(), -1);
    for (std::size_t e = 0; e < pairs.size(); ++e) {
        if (pairs[e] == 0)
            continue;
        if (experts_.size() == groups_.size() * group_size_)
            groups_.push_back({groups_.back().pairs_before + groups_.back().pairs, 0, false});
        experts_.push_back({layer.gate, layer.up, layer.down, static_cast<int>(e)});
        group_of_[e] = static_cast<int>(groups_.size()) - 1;
        groups_.back().pairs += pairs[e];
    }
    groups_.front().all = groups_.size() == 1;
    if (!groups_.front().all)
        written_[part_].reserve(
            groups_.size() * static_cast<std::size_t>(count) *
            (static_cast<std::size_t>(most_) * sizeof(ExpertChoice) + sizeof(std::int32_t)));
    return static_cast<int>(groups_.size());
}

ExpertFetch::Group ExpertFetch::bring(int group, ExpertChoice* choices, std::int32_t* counts) {
    const std::size_t from = static_cast<std::size_t>(group) * group_size_;
    cache_.bring(*weights_, std::span(experts_).subspan(from, std::min(group_size_, experts_.size() - from)),
                 *table_, *stream_);
    const Group& told = groups_[static_cast<std::size_t>(group)];
    if (!told.all)
        write_choices(group, choices, counts);
    return told;
}

void ExpertFetch::write_choices(int group, ExpertChoice* choices, std::int32_t* counts) {
    const auto rows = static_cast<std::size_t>(count_), most = static_cast<std::size_t>(most_);
    const std::size_t choice_bytes = rows * most * sizeof(ExpertChoice),
                      count_bytes = rows * sizeof(std::int32_t);
    std::byte* host = written_[part_].data() + written_used_;
    written_used_ += choice_bytes + count_bytes;
    auto* chosen = reinterpret_cast<ExpertChoice*>(host);
    auto* counted = reinterpret_cast<std::int32_t*>(host + choice_bytes);
    std::fill_n(chosen, rows * most, ExpertChoice{-1, 0.0f});
    for (std::size_t r = 0; r < rows; ++r) {
        counted[r] = 0;
        for (const ExpertChoice& one : row(static_cast<int>(r)))
            if (one.expert >= 0 && group_of_[static_cast<std::size_t>(one.expert)] == group)
                chosen[r * most + static_cast<std::size_t>(counted[r]++)] = one;
    }
    stream_->copy_to_device(reinterpret_cast<std::byte*>(choices), host, choice_bytes);
    stream_->copy_to_device(reinterpret_cast<std::byte*>(counts), host + choice_bytes, count_bytes);
}

} // namespace switchyard::cuda
