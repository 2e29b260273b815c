// What kernels with states share: a layer's part of them, and those that are kept.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/state_kernels.h"

namespace switchyard::cuda {

/// A layer's part of a sequence's states in front of its first row; null: zeros.
__device__ inline const float* state_before(const LayerStates& states, const SequenceStates& sequence) {
    return sequence.before ? sequence.before + states.offset : nullptr;
}

/// A layer's part of those of a sequence that are kept, met in their order.
class KeptStates {
  public:
    /// Those behind more than `done` of its rows.
    __device__ KeptStates(const LayerStates& states, const SequenceStates& sequence, int done)
        : next_(states.after + sequence.first_after), end_(next_ + sequence.after), offset_(states.offset) {
        while (next_ != end_ && next_->rows <= done)
            ++next_;
        find();
    }
    /// keep(state) for each that is kept behind `done` rows.
    template <class Keep>
    __device__ void behind(int done, const Keep& keep) {
        while (rows_ == done) {
            keep(next_->state + offset_);
            ++next_;
            find();
        }
    }

  private:
    __device__ void find() { rows_ = next_ != end_ ? next_->rows : -1; }

    const StateAfter *next_, *end_;
    std::int64_t offset_;
    int rows_; ///< of the next one, so that rows between do not ask memory
};

/// The plain floats of a vector.
__device__ inline const float* floats_of(const MatrixView* vector) {
    return vector ? reinterpret_cast<const float*>(vector->data) : nullptr;
}

} // namespace switchyard::cuda
