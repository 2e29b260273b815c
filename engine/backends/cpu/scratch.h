// Memory that steps compute in. It is reserved before a step, for its shape; while it computes nothing grows.
#pragma once

#include "engine/base/aligned.h"

#include <algorithm>
#include <cstddef>

namespace switchyard::cpu {

/// Memory that grows and is never cleared; 64-byte aligned.
class Buffer {
  public:
    /// Room for at least `count` values of T; contents are lost when it grows. Throws Error.
    template <typename T>
    void reserve(std::size_t count) {
        grow(count * sizeof(T));
    }
    /// Room for `count` values of T that was reserved. Throws logic_error where it was not.
    template <typename T>
    T* get(std::size_t count) const {
        if (count * sizeof(T) > bytes_)
            fail(count * sizeof(T));
        return data<T>();
    }
    template <typename T>
    T* data() const {
        return reinterpret_cast<T*>(data_.get());
    }
    std::size_t bytes() const { return bytes_; }
    /// From now on, reserve() notes the size and takes no memory.
    void only_measure() { measuring_ = true; }

  private:
    void grow(std::size_t bytes);
    [[noreturn]] void fail(std::size_t bytes) const;
    AlignedMemory data_;
    std::size_t bytes_ = 0;
    bool measuring_ = false;
};

/// What a thread's own buffers have to hold in a step, in bytes.
struct ScratchSizes {
    std::size_t f32 = 0, integers = 0, scratch = 0, state = 0, queries = 0, latent = 0, decoded = 0, sums = 0;

    /// At least `count` values of T.
    template <typename T>
    static void hold(std::size_t& bytes, std::size_t count) {
        bytes = std::max(bytes, count * sizeof(T));
    }
    /// Rows prepared by the thread for itself, in both formats.
    void hold_rows(int rows, int width);
    /// One row of a weight, decoded.
    void hold_decoded(int width) { hold<float>(decoded, static_cast<std::size_t>(width)); }
};

} // namespace switchyard::cpu
