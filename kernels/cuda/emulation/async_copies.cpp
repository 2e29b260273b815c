// Copies that go on beside a thread. Unlike the rest of the emulation these are the kernels' own reads and
// writes, so the thread sanitizer looks at them.
#include "kernels/cuda/emulation/block.h"

#include <cstring>
#include <stdexcept>
#include <utility>

namespace switchyard::cuda::emulation {

void Thread::async_copy(void* to, const void* from) {
    if (reinterpret_cast<std::uintptr_t>(to) % 16 != 0 || reinterpret_cast<std::uintptr_t>(from) % 16 != 0)
        block_->fail("an asynchronous copy from or to an address that is no multiple of 16");
    Copy copy = {to, from, {}};
    // It is read at any time until it is waited for: before the launch in front has ended where that can be,
    // else as late as that.
    if (!block_->may_pass_) {
        std::memcpy(copy.bytes, from, sizeof copy.bytes);
        copy.from = nullptr;
    }
    open_.push_back(copy);
}

void Thread::async_commit() {
    if (left_out(PlantedFault::Kind::CopyGroup))
        return;
    groups_.push_back(std::move(open_));
    open_.clear();
}

void Thread::async_wait(std::size_t pending) {
    if (left_out(PlantedFault::Kind::CopyWait) || groups_.size() <= pending)
        return;
    const auto landed = groups_.end() - static_cast<std::ptrdiff_t>(pending);
    for (auto group = groups_.begin(); group != landed; ++group)
        for (const Copy& copy : *group)
            std::memcpy(copy.to, copy.from ? copy.from : copy.bytes, sizeof copy.bytes);
    groups_.erase(groups_.begin(), landed);
}

void check_prefetch(const std::byte* from, std::uint32_t bytes) {
    if (reinterpret_cast<std::uintptr_t>(from) % 16 != 0 || bytes % 16 != 0 || bytes == 0)
        throw std::logic_error("a prefetch from an address or of a size that is no multiple of 16");
    // Its ends are read, so that memory that is not there is noticed.
    const volatile std::byte* read = from;
    static_cast<void>(read[0]);
    static_cast<void>(read[bytes - 1]);
}

} // namespace switchyard::cuda::emulation
