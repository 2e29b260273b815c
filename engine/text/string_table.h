// A hash table from strings, kept elsewhere, to numbers: token look-ups and word caches.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace switchyard {

inline std::uint64_t string_hash(std::string_view text) {
    constexpr std::uint64_t odd = 0x9E3779B97F4A7C15u;
    std::uint64_t hash = text.size() * odd;
    const char* data = text.data();
    std::size_t left = text.size();
    const auto mix = [&](std::uint64_t word) {
        hash = (std::rotl(hash, 29) ^ word) * odd;
        hash ^= hash >> 32;
    };
    for (; left >= 8; left -= 8, data += 8) {
        std::uint64_t word;
        std::memcpy(&word, data, 8);
        mix(word);
    }
    std::uint64_t rest = 0;
    for (std::size_t i = 0; i < left; ++i)
        rest |= static_cast<std::uint64_t>(static_cast<unsigned char>(data[i])) << (8 * i);
    mix(rest);
    return hash;
}

/// Open addressing. The strings must outlive the table.
class StringTable {
  public:
    explicit StringTable(std::size_t expected = 0) { slots_.resize(capacity_for(expected)); }

    /// -1 where the text is not there.
    std::int32_t find(std::string_view text) const { return find(text, string_hash(text)); }
    std::int32_t find(std::string_view text, std::uint64_t hash) const {
        for (std::size_t at = hash;; ++at) {
            const Slot& slot = slots_[at & (slots_.size() - 1)];
            if (slot.value < 0)
                return -1;
            if (slot.tag == tag_of(hash) && slot.text == text)
                return slot.value;
        }
    }

    /// Adds a text that is not there yet; keeps the first value of one that is. value >= 0.
    void insert(std::string_view text, std::int32_t value) { insert(text, string_hash(text), value); }
    void insert(std::string_view text, std::uint64_t hash, std::int32_t value) {
        if (2 * (size_ + 1) > slots_.size())
            grow();
        for (std::size_t at = hash;; ++at) {
            Slot& slot = slots_[at & (slots_.size() - 1)];
            if (slot.value < 0) {
                slot = {text, tag_of(hash), value};
                ++size_;
                return;
            }
            if (slot.tag == tag_of(hash) && slot.text == text)
                return;
        }
    }

    std::size_t size() const { return size_; }
    void clear() {
        slots_.assign(slots_.size(), Slot{});
        size_ = 0;
    }

  private:
    struct Slot {
        std::string_view text;
        std::uint32_t tag = 0;
        std::int32_t value = -1;
    };
    static std::uint32_t tag_of(std::uint64_t hash) { return static_cast<std::uint32_t>(hash >> 32); }
    static std::size_t capacity_for(std::size_t count) {
        return std::bit_ceil(2 * (count < 32 ? std::size_t{32} : count) + 2);
    }

    void grow() {
        std::vector<Slot> old(slots_.size() * 2);
        old.swap(slots_);
        size_ = 0;
        for (const Slot& slot : old)
            if (slot.value >= 0)
                insert(slot.text, slot.value);
    }

    std::vector<Slot> slots_;
    std::size_t size_ = 0;
};

} // namespace switchyard
