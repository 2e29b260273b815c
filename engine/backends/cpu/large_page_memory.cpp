#include "engine/backends/cpu/large_page_memory.h"

#include "engine/base/aligned.h"
#include "engine/base/give_back.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace switchyard::cpu {

namespace {

constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kStretchBytes = 64 << 20; ///< taken from the system only as pieces are written

std::size_t whole(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

} // namespace

/// A mapping, used from its first huge page on.
struct LargePageMemory::Stretch {
    std::size_t bytes, mapped_bytes;
    void* mapped;
    std::byte* begin;

    Stretch(void* memory, std::size_t size, std::size_t mapped_size)
        : bytes(size), mapped_bytes(mapped_size), mapped(memory) {
        const auto address = reinterpret_cast<std::uintptr_t>(memory);
        begin = static_cast<std::byte*>(memory) + (whole(address, kHugePage) - address);
#ifdef MADV_HUGEPAGE
        madvise(begin, bytes, MADV_HUGEPAGE); // a wish: without them it is only slower
#endif
    }
    ~Stretch() { munmap(mapped, mapped_bytes); }
    Stretch(const Stretch&) = delete;
    Stretch& operator=(const Stretch&) = delete;

    /// nullptr where the system has no memory for it.
    static std::shared_ptr<Stretch> map(std::size_t size) {
        const std::size_t bytes = whole(size, kHugePage), all = bytes + kHugePage;
        void* memory = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        return memory == MAP_FAILED ? nullptr : std::make_shared<Stretch>(memory, bytes, all);
    }
};

std::shared_ptr<std::byte> LargePageMemory::allocate(std::size_t bytes) {
    const std::size_t taken =
        whole(std::max<std::size_t>(bytes, 1), static_cast<std::size_t>(kMemoryAlignment));
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Stretch> stretch;
    std::size_t at = 0;
    if (taken <= kStretchBytes / 4) { // a larger piece leaves the room to the others
        if (!open_ || open_->bytes - used_ < taken) {
            open_ = Stretch::map(kStretchBytes);
            used_ = 0;
        }
        if (open_) {
            stretch = open_;
            at = std::exchange(used_, used_ + taken);
        }
    }
    if (!stretch)
        stretch = Stretch::map(taken);
    if (!stretch)
        return nullptr;
    std::byte* piece = stretch->begin + at;
    return {piece, [stretch = std::move(stretch), taken](std::byte* memory) {
                give_back_pages(memory, taken, [] {});
            }};
}

} // namespace switchyard::cpu
