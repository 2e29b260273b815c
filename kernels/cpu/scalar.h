// The scalar twins: plain code that fixes the order of operations the vector kernels follow.
#pragma once

#include "kernels/cpu/kernels.h"

namespace switchyard::cpu::scalar {

void matmul(const MatmulArgs& args);
bool takes_bytes(BlockType weight);
void quantize_i16(const float* x, std::int64_t cols, std::byte* out);
void quantize_i8(const float* x, std::int64_t cols, std::byte* out);
void quantize_i8_words(const float* x, std::int64_t cols, std::byte* out);
void rms_norm(const float* x, const float* gain, float epsilon, int n, float* out);
void rope(float* x, int dims, const float* cos, const float* sin, RopePairs pairs);
void swiglu(const float* gate, const float* up, float* out, int n);
void gelu_glu(const float* gate, const float* up, float* out, int n);
void softmax(float* x, int n);
void add(const float* x, float* y, int n);
void scale_add(float a, const float* x, float* y, int n);
void scale(float a, const float* x, float* y, int n);
void attend_block(const AttendArgs& args);
void merge_states(const MergeStatesArgs& args);
void delta_rule(const DeltaRuleArgs& args);
void state_space(const StateSpaceArgs& args);

/// e^x to within 2 units in the last place; 0 below -104, infinity above 88.73, NaN for NaN.
float exp(float x);

/// The sum of 8 lanes in the order the vector kernels add them.
inline float sum_lanes(const float* lane) {
    const float a = lane[0] + lane[4], b = lane[1] + lane[5], c = lane[2] + lane[6], d = lane[3] + lane[7];
    return (a + c) + (b + d);
}

} // namespace switchyard::cpu::scalar
