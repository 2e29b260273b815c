// Eight candidates at once in one thread of a device, for kernels/fit.h.
#pragma once

#include "kernels/cuda/device_code.h"

namespace switchyard::cuda {
namespace {

struct Lanes {
    float of[8];
};
struct LaneMask {
    bool of[8];
};

#define SWITCHYARD_EACH_LANE(Result, expression)                                                             \
    Result result;                                                                                           \
    _Pragma("unroll") for (int i = 0; i < 8; ++i) result.of[i] = expression;                                 \
    return result
#define SWITCHYARD_LANES_OPERATOR(op, Result)                                                                \
    __device__ inline Result operator op(const Lanes& a, const Lanes& b) {                                   \
        SWITCHYARD_EACH_LANE(Result, a.of[i] op b.of[i]);                                                    \
    }                                                                                                        \
    __device__ inline Result operator op(const Lanes& a, float b) {                                          \
        SWITCHYARD_EACH_LANE(Result, a.of[i] op b);                                                          \
    }                                                                                                        \
    __device__ inline Result operator op(float a, const Lanes& b) {                                          \
        SWITCHYARD_EACH_LANE(Result, a op b.of[i]);                                                          \
    }
SWITCHYARD_LANES_OPERATOR(+, Lanes)
SWITCHYARD_LANES_OPERATOR(-, Lanes)
SWITCHYARD_LANES_OPERATOR(*, Lanes)
SWITCHYARD_LANES_OPERATOR(/, Lanes)
SWITCHYARD_LANES_OPERATOR(>, LaneMask)
#undef SWITCHYARD_LANES_OPERATOR

__device__ inline Lanes& operator+=(Lanes& a, const Lanes& b) { return a = a + b; }
/// Registers have no index that is found at run time.
__device__ inline float at_lane(const Lanes& x, int lane) {
    float found = x.of[0];
    _Pragma("unroll") for (int i = 1; i < 8; ++i) found = i == lane ? x.of[i] : found;
    return found;
}
__device__ inline LaneMask operator&(const LaneMask& a, const LaneMask& b) {
    SWITCHYARD_EACH_LANE(LaneMask, a.of[i] && b.of[i]);
}
__device__ inline Lanes all(float x) { SWITCHYARD_EACH_LANE(Lanes, x); }
__device__ inline Lanes choose(const LaneMask& mask, const Lanes& yes, const Lanes& no) {
    SWITCHYARD_EACH_LANE(Lanes, mask.of[i] ? yes.of[i] : no.of[i]);
}
/// NaN becomes `lo`; which zero a zero becomes is open.
__device__ inline Lanes clamp(const Lanes& x, float lo, float hi) {
    SWITCHYARD_EACH_LANE(Lanes, fminf(fmaxf(x.of[i], lo), hi));
}
#undef SWITCHYARD_EACH_LANE

/// The value of largest magnitude, with its sign; of several the first.
__device__ inline float extreme(const float* x, int count) {
    float best = 0.0f;
    SWITCHYARD_ROLLED_4
    for (int i = 0; i < count; ++i)
        best = fabsf(x[i]) > fabsf(best) ? x[i] : best;
    return best;
}

} // namespace
} // namespace switchyard::cuda
