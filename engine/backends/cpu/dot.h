// A product of two vectors whose sum does not depend on the instruction set.
#pragma once

namespace switchyard::cpu {

inline float dot(const float* a, const float* b, int n) {
    float sums[8] = {};
    int i = 0;
    for (; i + 8 <= n; i += 8)
        for (int j = 0; j < 8; ++j)
            sums[j] += a[i + j] * b[i + j];
    float sum = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
    for (; i < n; ++i)
        sum += a[i] * b[i];
    return sum;
}

} // namespace switchyard::cpu
