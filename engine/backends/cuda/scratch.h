// Device memory that a step works in. It outlives the step, and grows to the largest one.
#pragma once

#include "engine/backends/cuda/device_pool.h"
#include "kernels/cuda/prompt_kernels.h"
#include "kernels/cuda/step_data.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace switchyard::cuda {

/// Memory that stages agree on before a step: the most that any of them asks for.
class ScratchBuffer {
  public:
    /// From now on it only notes how large it would have to be.
    void only_measure() { measure_ = true; }
    void want(std::size_t bytes) { wanted_ = std::max(wanted_, bytes); }
    bool moves() const { return !measure_ && wanted_ > bytes_; } ///< whether settle() does
    /// Takes what was wanted; whether it moved. Throws Error, and what it had is gone then: forget() makes
    /// the next step's need its own.
    bool settle(DevicePool& pool) {
        if (!moves())
            return false;
        memory_.reset();
        bytes_ = 0; // should there be no memory
        memory_ = pool.allocate(wanted_, "the scratch of a step");
        bytes_ = wanted_;
        return true;
    }
    /// Gives its memory back, and wants none.
    void forget() {
        memory_.reset();
        bytes_ = wanted_ = 0;
    }
    std::size_t bytes() const { return measure_ ? wanted_ : bytes_; }
    template <typename T = std::byte>
    T* get() const {
        return reinterpret_cast<T*>(memory_.get());
    }

  private:
    std::shared_ptr<std::byte> memory_;
    std::size_t bytes_ = 0, wanted_ = 0;
    bool measure_ = false;
};

/// Memory for prepared rows in every format that may be wanted.
struct PreparedBuffer {
    ScratchBuffer floats, bytes, bfloats, halves, half_scales;

    /// `rows` of `cols` values in `formats` (InputFormat).
    void want(std::size_t rows, std::int64_t cols, std::uint32_t formats);
    /// As rows of `cols` values.
    PreparedRows rows_of(std::int32_t cols) const;
    std::vector<ScratchBuffer*> all() { return {&floats, &bytes, &bfloats, &halves, &half_scales}; }
};

/// Memory for prepared rows of prompts.
struct HalfBuffer {
    ScratchBuffer values, scales;

    void want(std::int64_t rows, std::int32_t cols) {
        const std::int64_t padded = padded_columns(cols);
        values.want(static_cast<std::size_t>(rows * padded) * sizeof(std::uint16_t));
        scales.want(static_cast<std::size_t>(rows) * sizeof(float));
    }
    HalfRows rows_of(std::int32_t cols) const {
        return {values.get<std::uint16_t>(), scales.get<float>(), padded_columns(cols)};
    }
};

} // namespace switchyard::cuda
