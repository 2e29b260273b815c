#include "engine/backends/cuda/weight_table.h"

#include <algorithm>
#include <cstring>

namespace switchyard::cuda {

int WeightTable::add_input(std::vector<WeightId> weights, bool floats) {
    inputs_.push_back({std::move(weights), floats});
    return static_cast<int>(inputs_.size()) - 1;
}

void WeightTable::build(const WeightSet& weights) {
    std::size_t count = 0;
    for (const auto& weight : weights.weights) {
        first_.push_back(count);
        count += weight->slices.size();
    }
    entries_.resize(count);
    formats_.resize(inputs_.size());
    weights_.resize(weights.weights.size());
    memory_ = pool_->allocate(bytes(), "the table of weights");
}

void WeightTable::update(const WeightSet& weights, Stream& stream, HostBuffer& staging) {
    bool changed = false;
    for (std::size_t w = 0; w < weights.weights.size(); ++w) {
        if (weights_[w] == weights.weights[w])
            continue;
        changed = true;
        weights_[w] = weights.weights[w];
        MatrixView* entry = &entries_[first_[w]];
        for (const Slice& slice : weights_[w]->slices)
            *entry++ = {slice.data, static_cast<std::int32_t>(slice.rows),
                        static_cast<std::int32_t>(slice.cols), slice.type};
    }
    if (!changed)
        return;
    all_formats_ = 0;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
        formats_[i] = inputs_[i].floats ? kInputF32 : 0u;
        for (const WeightId id : inputs_[i].weights)
            for (const Slice& slice : weights[id].slices)
                formats_[i] |= input_format(slice.type);
        all_formats_ |= formats_[i];
    }
    const std::size_t entry_bytes = entries_.size() * sizeof(MatrixView);
    std::byte* host = staging.reserve(bytes());
    std::memcpy(host, entries_.data(), entry_bytes);
    std::memcpy(host + entry_bytes, formats_.data(), formats_.size() * sizeof(std::uint32_t));
    stream.copy_to_device(memory_.get(), host, bytes());
}

const MatrixView* WeightTable::entry(WeightId id) const {
    if (id == kNoWeight)
        return nullptr;
    return reinterpret_cast<const MatrixView*>(memory_.get()) + first_[static_cast<std::size_t>(id)];
}

const std::uint32_t* WeightTable::formats(int input) const {
    return reinterpret_cast<const std::uint32_t*>(memory_.get() + entries_.size() * sizeof(MatrixView)) +
           input;
}

} // namespace switchyard::cuda
