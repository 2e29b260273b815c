#include "engine/model/architecture.h"

#include <array>

namespace switchyard {

// The place to add an architecture. Layers are described by the tensors a file has (biases, head norms,
// shared experts).
static constexpr std::array kArchitectures{
    Architecture{"llama", true, true, 1, false},      Architecture{"deepseek", true, false, 1, true},
    Architecture{"qwen2", false, false, 1, false},    Architecture{"qwen3", false, false, 1, false},
    Architecture{"qwen2moe", false, false, 1, false}, Architecture{"qwen3moe", false, true, 1, false},
    Architecture{"olmoe", false, false, 1, false},
};

const Architecture* find_architecture(std::string_view name) {
    for (const Architecture& a : kArchitectures)
        if (a.name == name)
            return &a;
    return nullptr;
}

} // namespace switchyard
