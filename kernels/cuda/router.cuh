// A router's logit, as device functions: RouterLogits and who fuses it.
#pragma once

#include "kernels/cuda/device_code.h"
#include "kernels/cuda/tile_values.cuh"

namespace switchyard::cuda {

/// Four neighbouring weights of a matrix' row; zeros behind its end.
struct FourWeights {
    float of[4];
};
class RouterWeights {
  public:
    __device__ RouterWeights(const MatrixView& matrix, std::int64_t row)
        : reader_(matrix, row), floats_(matrix.type == BlockType::F32), width_(matrix.cols) {}
    /// Where the four from column `first` on stand together as floats; null: they do not.
    __device__ const float* whole(int first) const {
        return floats_ && first + 4 <= width_ ? reader_.address(first) : nullptr;
    }
    __device__ FourWeights operator()(int first) const {
        FourWeights w = {};
        if (const float* from = whole(first)) {
            const float4 four = *reinterpret_cast<const float4*>(from);
            return {{four.x, four.y, four.z, four.w}};
        }
        for (int i = 0; i < 4; ++i)
            if (first + i < width_)
                w.of[i] = reader_.value(first + i);
        return w;
    }

  private:
    TileRowReader reader_;
    bool floats_;
    int width_;
};

/// By a warp: the logits of kRows rows with one expert, in all lanes. `weights(first)` are FourWeights from a
/// column on; rows have zeros behind their width up to whole fours.
template <int kRows, class Weights>
__device__ inline void router_dots(const Weights& weights, const float* const (&rows)[kRows], int width,
                                   float (&sums)[kRows]) {
    for (float& sum : sums)
        sum = 0.0f;
#pragma unroll 4
    for (int first = 4 * lane_index(); first < width; first += 4 * kWarpLanes) {
        const FourWeights w = weights(first);
        for (int r = 0; r < kRows; ++r) {
            const float4 x = *reinterpret_cast<const float4*>(rows[r] + first);
            sums[r] = fmaf(w.of[0], x.x, sums[r]);
            sums[r] = fmaf(w.of[1], x.y, sums[r]);
            sums[r] = fmaf(w.of[2], x.z, sums[r]);
            sums[r] = fmaf(w.of[3], x.w, sums[r]);
        }
    }
    for (float& sum : sums)
        sum = warp_sum(sum);
}

} // namespace switchyard::cuda
