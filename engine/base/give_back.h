// Freeing much memory without stopping for long: the system takes some milliseconds for a hundred MiB.
#pragma once

#ifndef _WIN32
#include <sys/mman.h>
#include <unistd.h>
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace switchyard {

/// Gives the whole pages of memory whose contents nobody will read again back to the system, part by part,
/// with `pause()` in between. The memory itself stays allocated and is to be freed afterwards. On Windows,
/// nothing is given back before that.
template <typename Pause>
void give_back_pages(const void* memory, std::size_t bytes, const Pause& pause) {
#ifdef _WIN32
    static_cast<void>(memory), static_cast<void>(bytes), static_cast<void>(pause);
#else
    constexpr std::uintptr_t kPart = 2 << 20; // some 0.2 ms
    const auto page = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
    const auto begin = reinterpret_cast<std::uintptr_t>(memory);
    const std::uintptr_t end = (begin + bytes) / page * page;
    for (std::uintptr_t at = (begin + page - 1) / page * page; at < end; at += kPart) {
        pause();
        madvise(reinterpret_cast<void*>(at), std::min(kPart, end - at), MADV_DONTNEED);
    }
#endif
}

} // namespace switchyard
