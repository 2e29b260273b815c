#include "engine/carve/carve_layout.h"

namespace switchyard {

CarveLayout carve_layout(const ModelConfig& dense, int experts) {
    if (dense.architecture == "qwen2")
        return {.architecture = "qwen2moe",
                .shared_factor = 2,
                .routed_factor = static_cast<float>(experts),
                .shared_gate = true,
                .own_output = true,
                .biases = true};
    return {.architecture = "deepseek", .whole_shared = true, .dense_layers = true, .interleaved = true};
}

} // namespace switchyard
