#include "engine/base/error.h"
#include "engine/model/build_plan.h"
#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>

namespace switchyard {

static constexpr float kPi = 3.14159265358979f;

// A file's rope_freqs.weight holds a divisor for each pair: how converters store Llama 3's scaling.
static std::vector<float> stored_factors(const RopeConfig& r, const ModelFile& file, bool long_text) {
    const char* name = long_text      ? "rope_factors_long.weight"
                       : r.two_tables ? "rope_factors_short.weight"
                                      : "rope_freqs.weight";
    const TensorView* t = r.stored_factors ? file.find(name) : nullptr;
    if (!t)
        return {};
    if (t->cols() != r.dims / 2 || t->rows() != 1)
        throw Error(file.path().string() + ": the tensor " + name +
                    " does not have rope dimensions / 2 values");
    std::vector<float> factors(static_cast<std::size_t>(t->cols()));
    decode_row(t->type, t->data, factors);
    return factors;
}

// How far dimension pair `i` is scaled: 0 keeps its frequency, 1 divides it by the factor.
static float yarn_ramp(const RopeConfig& r, int i) {
    const auto dimension = [&](float rotations) {
        return static_cast<float>(r.dims) *
               std::log(static_cast<float>(r.original_context) / (rotations * 2.0f * kPi)) /
               (2.0f * std::log(r.theta));
    };
    float low = dimension(r.beta_fast), high = dimension(r.beta_slow);
    if (r.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0f);
    high = std::min(high, static_cast<float>(r.dims - 1));
    if (low == high)
        high += 0.001f;
    return std::clamp((static_cast<float>(i) - low) / (high - low), 0.0f, 1.0f);
}

std::vector<float> rope_inverse_frequencies(const RopeConfig& r, const ModelFile& file, bool long_text) {
    const std::vector<float> factors = stored_factors(r, file, long_text);
    std::vector<float> inverse(static_cast<std::size_t>(r.dims / 2));
    for (std::size_t i = 0; i < inverse.size(); ++i) {
        // In float, as transformers computes it, so that angles at far positions agree.
        const float exponent = static_cast<float>(2 * i) / static_cast<float>(r.dims);
        inverse[i] = 1.0f / std::pow(r.theta, exponent);
        if (!factors.empty())
            inverse[i] /= factors[i];
        if (r.scaling == RopeScaling::Linear)
            inverse[i] /= r.factor;
        if (r.scaling == RopeScaling::Yarn) {
            const float ramp = yarn_ramp(r, static_cast<int>(i));
            const float kept = (1.0f - ramp) * r.yarn_mix;
            inverse[i] = inverse[i] / r.factor * (1.0f - kept) + inverse[i] * kept;
        }
    }
    return inverse;
}

} // namespace switchyard
