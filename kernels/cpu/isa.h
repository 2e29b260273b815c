// What the files of each instruction set offer to the table.
#pragma once

#include "kernels/cpu/kernels.h"

namespace switchyard::cpu {

namespace avx2 {
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
} // namespace avx2

namespace vnni {
void matmul(const MatmulArgs& args);
bool takes_bytes(BlockType weight);
} // namespace vnni

} // namespace switchyard::cpu
