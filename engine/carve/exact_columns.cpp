#include "engine/carve/exact_columns.h"

#include "engine/quant/quant.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace switchyard {

namespace {

constexpr std::size_t kValues = 32; ///< of a block
constexpr int kTop = 127;           ///< largest value of a block, in steps
constexpr int kTried = 8;           ///< scales, of which one is nearest to what a half can hold

// The scale by which `lead` is a whole number of steps; 0 where it is too small for that.
Half lead_scale(float lead, float most) {
    Half best = 0;
    float least = INFINITY;
    const int steps = static_cast<int>(kTop * lead / most);
    for (int k = steps; k > std::max(0, steps - kTried); --k) {
        const Half scale = float_to_half(lead / static_cast<float>(k));
        const float error = std::fabs(half_to_float(scale) * static_cast<float>(k) - lead);
        if (error < least) {
            least = error;
            best = scale;
        }
    }
    return best;
}

} // namespace

std::size_t lead_blocks(std::vector<int>& neurons, const std::vector<int>& exact) {
    const std::size_t leads = std::min(exact.size(), neurons.size() / (kValues - 1));
    for (std::size_t i = 0; i < exact.size(); ++i)
        neurons.insert(i < leads ? neurons.begin() + static_cast<std::ptrdiff_t>(i * kValues) : neurons.end(),
                       exact[i]);
    return leads;
}

void encode_leads(std::span<const float> row, std::size_t leads, std::span<std::byte> blocks) {
    for (std::size_t i = 0; i < leads; ++i) {
        const std::span<const float> values = row.subspan(i * kValues, kValues);
        float most = 0;
        for (float v : values)
            most = std::max(most, std::fabs(v));
        BlockQ8_0 block;
        block.d = most > 0 ? lead_scale(std::fabs(values[0]), most) : Half{};
        const float step = half_to_float(block.d);
        if (!(step > 0))
            continue;
        for (std::size_t v = 0; v < kValues; ++v)
            block.q[v] =
                static_cast<std::int8_t>(std::clamp<long>(std::lround(values[v] / step), -kTop, kTop));
        std::memcpy(blocks.data() + i * sizeof block, &block, sizeof block);
    }
}

} // namespace switchyard
