// Regrouping neurons by what a router can know: it chooses experts from the layer's input alone, so neurons
// belong together whose speaking it foretells together.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace switchyard {

/// What a layer's feed-forward block did for a sample of tokens.
struct LayerSample {
    std::vector<std::uint16_t> inputs;      ///< [tokens, hidden], BF16, after the norm
    std::vector<std::uint16_t> activations; ///< [tokens, width], BF16: |act(gate) * up|
};

/// Moves neurons between the experts, and between them and the shared part, so that less of the layer's
/// output is left out where a linear router picks some of the experts. `owner` [width] as in a plan, sizes
/// are kept, and so are the exact neurons. `norms` [width]: of each neuron's column of down. The same input
/// gives the same result.
void refine_owners(std::vector<std::uint8_t>& owner, const LayerSample& sample, std::span<const double> norms,
                   int hidden, int experts);

/// Swaps members of two groups wherever that raises the sum of `gain` [members, groups] at each member's
/// group, until no such swap is left (or ten times round). Sizes are kept.
void exchange_members(std::vector<int>& group, const std::vector<double>& gain, int groups);

} // namespace switchyard
