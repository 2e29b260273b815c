#include "kernels/cuda/emulation/device_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <stdexcept>

namespace switchyard::cuda::emulation {

namespace {

constexpr std::size_t kAlignment = 256, kPage = 4096;

std::size_t round_up(std::size_t bytes, std::size_t unit) { return (bytes + unit - 1) / unit * unit; }

} // namespace

DeviceMemory::DeviceMemory(std::size_t bytes) : bytes_(round_up(bytes, kPage)) {
    void* memory = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        throw std::bad_alloc();
    begin_ = static_cast<std::byte*>(memory);
}

DeviceMemory::~DeviceMemory() { munmap(begin_, bytes_); }

void DeviceMemory::protect(bool open) {
    mprotect(begin_, round_up(touched_, kPage), open ? PROT_READ | PROT_WRITE : PROT_NONE);
}

std::byte* DeviceMemory::allocate(std::size_t bytes) {
    // A gap of one unit behind each piece, so that what runs over an end meets no neighbour.
    const std::size_t size = round_up(std::max<std::size_t>(bytes, 1), kAlignment) + kAlignment;
    std::byte* at = begin_;
    for (const auto& [begin, length] : taken_) {
        if (static_cast<std::size_t>(begin - at) >= size)
            break;
        at = begin + length;
    }
    const auto offset = static_cast<std::size_t>(at - begin_);
    if (bytes_ - offset < size)
        return nullptr;
    taken_[at] = size;
    used_ += size;
    touched_ = std::max(touched_, offset + size);
    const Open open(*this);
    std::memset(at, 0xff, size);
    return at;
}

void DeviceMemory::release(std::byte* memory) {
    const auto piece = taken_.find(memory);
    if (piece == taken_.end())
        throw std::logic_error("memory is released that the device did not give out");
    used_ -= piece->second;
    {
        const Open open(*this);
        std::memset(piece->first, 0xff, piece->second);
    }
    taken_.erase(piece);
}

DeviceMemory::Open::Open(DeviceMemory& memory) : memory_(memory) {
    ++memory_.open_;
    memory_.protect(true); // where it is open already, what was touched may have grown
}

DeviceMemory::Open::~Open() {
    if (--memory_.open_ == 0)
        memory_.protect(false);
}

} // namespace switchyard::cuda::emulation
