#include "engine/model/architecture.h"

#include <array>

namespace switchyard {

// The place to add an architecture. Layers are described by the tensors a file has (biases, head norms,
// shared experts).
static constexpr std::array kArchitectures{
    Architecture{.name = "llama", .rope_interleaved = true, .normalise_default = true},
    Architecture{.name = "deepseek", .rope_interleaved = true, .expert_scale_used = true},
    Architecture{.name = "deepseek2", .rope_interleaved = true, .expert_scale_used = true},
    Architecture{.name = "qwen2"},
    Architecture{.name = "qwen3"},
    Architecture{.name = "qwen2moe"},
    Architecture{.name = "qwen3moe", .normalise_default = true},
    Architecture{.name = "olmoe"},
    Architecture{.name = "gpt-oss",
                 .gate_default = 3,
                 .clamped_silu = true,
                 .yarn_truncate = false,
                 .sliding_period = 2},
};

const Architecture* find_architecture(std::string_view name) {
    for (const Architecture& a : kArchitectures)
        if (a.name == name)
            return &a;
    return nullptr;
}

} // namespace switchyard
