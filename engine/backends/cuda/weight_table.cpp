#include "engine/backends/cuda/weight_table.h"

#include "kernels/cuda/kernel_list.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

namespace switchyard::cuda {

int WeightTable::add_input(std::vector<WeightId> weights, bool floats) {
    inputs_.push_back({std::move(weights), floats});
    return static_cast<int>(inputs_.size()) - 1;
}

void WeightTable::add_prompt_weight(WeightId id) {
    const auto at = static_cast<std::size_t>(id);
    for_prompts_.resize(std::max(for_prompts_.size(), at + 1));
    for_prompts_[at] = true;
}

WeightTable::Layout WeightTable::layout() const {
    const auto behind = [](std::size_t offset, std::size_t count, std::size_t bytes) {
        return (offset + count * bytes + 63) / 64 * 64;
    };
    Layout at;
    at.formats = behind(0, entries_.size(), sizeof(MatrixView));
    at.stale = behind(at.formats, formats_.size(), sizeof(std::uint32_t));
    at.uploaded = at.ranges = behind(at.stale, prompt_entries_, sizeof(std::int32_t));
    at.end = prompt_entries_ == 0 ? at.ranges
                                  : behind(at.ranges, entries_.size() * kRangeParts, sizeof(std::uint32_t));
    return at;
}

void WeightTable::build(const WeightSet& weights) {
    first_.clear(); // of an earlier try that found no memory
    prompt_entries_ = 0;
    std::size_t count = 0;
    for (const auto& weight : weights.weights) {
        first_.push_back(count);
        count += weight->slices.size();
    }
    for_prompts_.resize(weights.weights.size());
    for (std::size_t w = 0; w < weights.weights.size(); ++w)
        prompt_entries_ += for_prompts_[w] ? weights.weights[w]->slices.size() : 0;
    entries_.resize(count);
    formats_.resize(inputs_.size());
    weights_.resize(weights.weights.size());
    memory_ = pool_->allocate(bytes(), "the table of weights");
}

void WeightTable::update(const WeightSet& weights, Stream& stream, HostBuffer& staging) {
    if (weights_ == weights.weights) // as at nearly every step
        return;
    std::set<std::int32_t> stale(stale_.begin(), stale_.end());
    for (std::size_t w = 0; w < weights.weights.size(); ++w) {
        if (weights_[w] == weights.weights[w])
            continue;
        const auto before = std::exchange(weights_[w], weights.weights[w]);
        for (std::size_t i = 0; i < weights_[w]->slices.size(); ++i) {
            const Slice& slice = weights_[w]->slices[i];
            if (before && before->slices[i].data == slice.data)
                continue; // it is shown where it is now
            const std::size_t entry = first_[w] + i;
            entries_[entry] = {slice.data, static_cast<std::int32_t>(slice.rows),
                               static_cast<std::int32_t>(slice.cols), slice.type};
            if (for_prompts_[w])
                stale.insert(static_cast<std::int32_t>(entry));
        }
    }
    stale_.assign(stale.begin(), stale.end());
    all_formats_ = 0;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        formats_[i] = inputs_[i].floats ? kInputF32 : 0u;
        for (const WeightId id : inputs_[i].weights)
            for (const Slice& slice : weights[id].slices)
                formats_[i] |= input_format(slice.type);
        all_formats_ |= formats_[i];
    }
    const Layout at = layout();
    std::byte* host = staging.reserve(at.uploaded);
    std::memcpy(host, entries_.data(), entries_.size() * sizeof(MatrixView));
    std::memcpy(host + at.formats, formats_.data(), formats_.size() * sizeof(std::uint32_t));
    std::memcpy(host + at.stale, stale_.data(), stale_.size() * sizeof(std::int32_t));
    stream.copy_to_device(memory_.get(), host, at.uploaded);
}

void WeightTable::find_ranges(Stream& stream) {
    if (stale_.empty())
        return;
    launch<Kernel::FindRanges>(
        stream, range_grid(static_cast<int>(stale_.size())),
        {ranges(), reinterpret_cast<const std::int32_t*>(memory_.get() + layout().stale)});
    stale_.clear();
}

WeightRanges WeightTable::ranges() const {
    return {reinterpret_cast<const MatrixView*>(memory_.get()),
            reinterpret_cast<std::uint32_t*>(memory_.get() + layout().ranges)};
}

const MatrixView* WeightTable::entry(WeightId id) const {
    if (id == kNoWeight)
        return nullptr;
    return reinterpret_cast<const MatrixView*>(memory_.get()) + first_[static_cast<std::size_t>(id)];
}

void WeightTable::show(WeightId id, int matrix, const std::byte* data, MatrixView& staging, Stream& stream) {
    const std::size_t at = first_[static_cast<std::size_t>(id)] + static_cast<std::size_t>(matrix);
    entries_[at].data = data;
    staging = entries_[at];
    stream.copy_to_device(memory_.get() + at * sizeof(MatrixView),
                          reinterpret_cast<const std::byte*>(&staging), sizeof staging);
}

const std::uint32_t* WeightTable::formats(int input) const {
    return reinterpret_cast<const std::uint32_t*>(memory_.get() + layout().formats) + input;
}

} // namespace switchyard::cuda
