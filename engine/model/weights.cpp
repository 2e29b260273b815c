#include "engine/model/weights.h"

namespace switchyard {

std::size_t WeightSet::bytes() const {
    std::size_t sum = 0;
    for (const Weight& w : weights)
        for (const Slice& s : w.slices)
            sum += s.bytes;
    return sum;
}

std::size_t WeightSet::own_bytes() const {
    std::size_t sum = 0;
    for (const Weight& w : weights)
        for (const Slice& s : w.slices)
            sum += s.mapped ? 0 : s.bytes;
    return sum;
}

} // namespace switchyard
