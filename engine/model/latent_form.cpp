#include "engine/model/latent_form.h"

namespace switchyard {

int decompress_from(const Plan& plan) {
    for (const Step& step : plan.steps) {
        const auto* s = std::get_if<LatentAttentionStep>(&step.operation);
        if (!s)
            continue;
        // Multiply-adds a head and cached token. Once for the decompression: latent * (nope + value). For
        // each row: nope + rope + value in that form, 2 latent + rope in the absorbed one.
        const int once = s->latent_dim * (s->nope + s->value_dim),
                  saved = 2 * s->latent_dim - s->nope - s->value_dim;
        return saved > 0 ? (once + saved - 1) / saved : 0;
    }
    return 0;
}

} // namespace switchyard
