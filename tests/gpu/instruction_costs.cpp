#include "tests/gpu/instruction_costs.h"

namespace switchyard {

namespace {

struct Cost {
    std::string_view type;
    double alone, first, more;
};

// As tests/kernels/cuda/instructions.py counts them for sm_90.
constexpr Cost kCosts[] = {
    {"Q4_K", 2.04, 4.12, 3.07}, {"Q5_0", 2.47, 3.66, 2.59}, {"Q8_0", 1.48, 2.33, 1.83},
    {"Q6_K", 2.77, 5.91, 3.63}, {"BF16", 1.48, 1.78, 0.98},
};

} // namespace

std::optional<double> instructions_of(std::string_view type, double alone, double first, double more) {
    for (const Cost& cost : kCosts)
        if (cost.type == type)
            return alone * cost.alone + first * cost.first + more * cost.more;
    return std::nullopt;
}

} // namespace switchyard
