#include "engine/model/weights.h"

namespace switchyard {

std::size_t WeightSet::bytes() const {
    std::size_t sum = 0;
    for (const auto& weight : weights)
        for (const Slice& slice : weight->slices)
            sum += slice.bytes;
    return sum;
}

std::size_t WeightSet::own_bytes() const {
    std::size_t sum = 0;
    for (const auto& weight : weights)
        for (const Slice& slice : weight->slices)
            sum += slice.place.mapped() || slice.place.kind == MemoryPlace::Kind::Pinned ? 0 : slice.bytes;
    return sum;
}

} // namespace switchyard
