#include "engine/backends/cpu/scratch.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "kernels/cpu/kernels.h"

#include <stdexcept>
#include <string>

namespace switchyard::cpu {

void Buffer::grow(std::size_t bytes) {
    if (bytes <= bytes_)
        return;
    const std::size_t rounded = (bytes + 63) / 64 * 64;
    if (measuring_) {
        bytes_ = rounded;
        return;
    }
    data_.reset();
    data_ = allocate_aligned(rounded);
    bytes_ = data_ ? rounded : 0;
    if (!data_)
        throw Error("the step needs " + format_bytes(rounded) +
                    " of scratch memory, which this machine does not have free");
}

void Buffer::fail(std::size_t bytes) const {
    throw std::logic_error("a step wants " + std::to_string(bytes) + " bytes of scratch memory where " +
                           std::to_string(bytes_) + " were reserved for it");
}

void ScratchSizes::hold_rows(int rows, int width) {
    const auto count = static_cast<std::size_t>(rows);
    hold<float>(f32, count * static_cast<std::size_t>(width));
    hold<std::byte>(integers, count * i16_row_bytes(width));
}

} // namespace switchyard::cpu
