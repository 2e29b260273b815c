#include "engine/backends/cuda/device_pool.h"

#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <algorithm>
#include <string>
#include <utility>

namespace switchyard::cuda {

namespace {

constexpr std::size_t kPieceUnit = 256;

std::size_t whole_units(std::size_t bytes) {
    return (std::max<std::size_t>(bytes, 1) + kPieceUnit - 1) / kPieceUnit * kPieceUnit;
}

} // namespace

DevicePool::~DevicePool() {
    for (const auto& [memory, stretch] : stretches_)
        give_up(memory);
}

std::shared_ptr<std::byte> DevicePool::allocate(std::size_t bytes, std::string_view what) {
    const std::size_t size = whole_units(bytes);
    std::byte* piece = nullptr;
    {
        const std::lock_guard lock(mutex_);
        piece = take(size);
        short_ = !piece;
        if (piece)
            used_ += size;
    }
    if (!piece)
        throw Error(shortage(bytes, what));
    return {piece, [pool = shared_from_this(), size](std::byte* memory) { pool->give_back(memory, size); }};
}

std::string DevicePool::shortage(std::size_t bytes, std::string_view what) const {
    std::string needed = std::string(what) + " needs " + format_bytes(bytes);
    if (memory_ == Memory::Host)
        return needed + " of this machine's memory, which are not free";
    return needed + " on " + device_->info().name + ", of which " + format_bytes(device_->memory().free) +
           " of memory are free";
}

std::byte* DevicePool::take(std::size_t bytes) {
    for (auto& stretch : stretches_)
        if (std::byte* piece = take_from(stretch, bytes))
            return piece;
    return grow(bytes);
}

/// From the first gap that has room.
std::byte* DevicePool::take_from(Stretches::value_type& stretch, std::size_t bytes) {
    auto& gaps = stretch.second.free;
    const auto gap = std::ranges::find_if(gaps, [&](const auto& one) { return one.second >= bytes; });
    if (gap == gaps.end())
        return nullptr;
    const auto [offset, length] = *gap;
    gaps.erase(gap);
    if (length > bytes)
        gaps[offset + bytes] = length - bytes;
    return stretch.first + offset;
}

std::byte* DevicePool::grow(std::size_t bytes) {
    std::size_t size = std::max(bytes, stretch_bytes_);
    std::byte* memory = ask(size);
    if (!memory && size > bytes) {
        size = bytes;
        memory = ask(size);
    }
    if (!memory)
        return nullptr;
    Stretch& stretch = stretches_[memory];
    stretch.bytes = size;
    if (size > bytes)
        stretch.free[bytes] = size - bytes;
    return memory;
}

void DevicePool::give_back(std::byte* piece, std::size_t bytes) noexcept {
    const std::lock_guard lock(mutex_);
    used_ -= bytes;
    const auto at = std::prev(stretches_.upper_bound(piece));
    Stretch& stretch = at->second;
    auto offset = static_cast<std::size_t>(piece - at->first);
    const auto next = stretch.free.lower_bound(offset);
    if (next != stretch.free.begin() && std::prev(next)->first + std::prev(next)->second == offset) {
        const auto before = std::prev(next);
        offset = before->first;
        bytes += before->second;
        stretch.free.erase(before);
    }
    if (next != stretch.free.end() && offset + bytes == next->first) {
        bytes += next->second;
        stretch.free.erase(next);
    }
    if (bytes == stretch.bytes) {
        give_up(at->first);
        stretches_.erase(at);
        return;
    }
    stretch.free[offset] = bytes;
}

std::size_t DevicePool::used_bytes() const {
    const std::lock_guard lock(mutex_);
    return used_;
}

bool DevicePool::short_of_memory() const {
    const std::lock_guard lock(mutex_);
    return short_;
}

std::size_t DevicePool::held_bytes() const {
    const std::lock_guard lock(mutex_);
    std::size_t sum = 0;
    for (const auto& [memory, stretch] : stretches_)
        sum += stretch.bytes;
    return sum;
}

std::byte* HostBuffer::reserve(std::size_t bytes) {
    if (bytes <= bytes_)
        return data_;
    release();
    data_ = device_.allocate_host(bytes);
    if (!data_)
        throw Error("copying to " + device_.info().name + " needs " + format_bytes(bytes) +
                    " of this machine's memory, which are not free");
    bytes_ = bytes;
    return data_;
}

void HostBuffer::release() noexcept {
    if (data_)
        device_.release_host(data_);
    data_ = nullptr;
    bytes_ = 0;
}

} // namespace switchyard::cuda
