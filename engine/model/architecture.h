// What distinguishes one architecture from another where the file's metadata does not say: one row each.
#pragma once

#include <string_view>

namespace switchyard {

struct Architecture {
    std::string_view name;  ///< general.architecture
    bool rope_interleaved;  ///< pairs (2i, 2i+1) as the converter left them; else half-split
    bool normalise_default; ///< chosen experts' weights are normalised where no key says
    int gate_default;       ///< GGUF's gating function where no key says
    bool expert_scale_used; ///< expert_weights_scale multiplies the chosen weights
};

/// nullptr where the program does not know the architecture.
const Architecture* find_architecture(std::string_view name);

} // namespace switchyard
