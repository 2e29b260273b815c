#include "engine/base/error.h"
#include "engine/model/build_plan.h"
#include "engine/quant/quant.h"

#include <cmath>

namespace switchyard {

// A file's rope_freqs.weight holds a divisor for each pair: how converters store Llama 3's scaling.
static std::vector<float> stored_factors(const ModelConfig& c, const ModelFile& file) {
    const TensorView* t = file.find("rope_freqs.weight");
    if (!t)
        return {};
    if (t->cols() != c.rope_dims / 2 || t->rows() != 1)
        throw Error(file.path().string() +
                    ": the tensor rope_freqs.weight does not have rope dimensions / 2 values");
    std::vector<float> factors(static_cast<std::size_t>(t->cols()));
    decode_row(t->type, t->data, factors);
    return factors;
}

std::vector<float> rope_inverse_frequencies(const ModelConfig& c, const ModelFile& file) {
    const std::vector<float> factors = stored_factors(c, file);
    std::vector<float> inverse(static_cast<std::size_t>(c.rope_dims / 2));
    for (std::size_t i = 0; i < inverse.size(); ++i) {
        // In float, as transformers computes it, so that angles at far positions agree.
        const float exponent = static_cast<float>(2 * i) / static_cast<float>(c.rope_dims);
        inverse[i] = 1.0f / std::pow(c.rope_theta, exponent);
        if (!factors.empty())
            inverse[i] /= factors[i];
        if (c.rope_scaling == RopeScaling::Linear)
            inverse[i] /= c.rope_factor;
    }
    return inverse;
}

} // namespace switchyard
