// Rows of layers whose memory has a fixed size: scalar twins.
#include "kernels/cpu/scalar.h"

#include <cmath>

namespace switchyard::cpu::scalar {

void delta_rule(const DeltaRuleArgs& a) {
    for (int j = 0; j < a.value_dim; ++j) {
        float known = 0;
        for (int i = 0; i < a.key_dim; ++i)
            known = std::fma(a.k[i], a.decays[a.one_decay ? 0 : i] * a.before[i * a.value_dim + j], known);
        const float change = a.beta * (a.v[j] - known);
        float found = 0;
        for (int i = 0; i < a.key_dim; ++i) {
            float& s = a.state[i * a.value_dim + j];
            s = std::fma(a.k[i], change, a.decays[a.one_decay ? 0 : i] * a.before[i * a.value_dim + j]);
            found = std::fma(a.q[i], s, found);
        }
        a.found[j] = found;
    }
}

void state_space(const StateSpaceArgs& a) {
    for (int p = 0; p < a.head_dim; ++p) {
        const float* before = a.before + p * a.state_size;
        float* state = a.state + p * a.state_size;
        const float step = a.time * a.x[p];
        float lanes[8] = {};
        for (int j = 0; j < a.state_size; ++j) {
            const float decay = a.a ? exp(a.time * a.a[j]) : a.decay;
            state[j] = std::fma(step, a.b[j], decay * before[j]);
            lanes[j % 8] = std::fma(state[j], a.c[j], lanes[j % 8]);
        }
        a.out[p] = sum_lanes(lanes);
    }
}

} // namespace switchyard::cpu::scalar
