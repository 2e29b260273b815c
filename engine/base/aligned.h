// Memory for weights, scratch and caches: aligned to a cache line, so for any kernel.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

namespace switchyard {

inline constexpr std::align_val_t kMemoryAlignment{64};

struct FreeAligned {
    void operator()(std::byte* memory) const noexcept { ::operator delete(memory, kMemoryAlignment); }
};
using AlignedMemory = std::unique_ptr<std::byte, FreeAligned>;

/// nullptr where there is none.
inline AlignedMemory allocate_aligned(std::size_t bytes) {
    return AlignedMemory(static_cast<std::byte*>(::operator new(bytes, kMemoryAlignment, std::nothrow)));
}

} // namespace switchyard
