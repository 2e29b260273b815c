#include "tests/gpu/instruction_costs.h"

namespace switchyard {

namespace {

struct Cost {
    std::string_view type;
    double alone, first, more;
};

// As tests/kernels/cuda/instructions.py counts them for sm_90.
constexpr Cost kCosts[] = {
    {"Q4_K", 1.99, 4.12, 1.81}, {"Q5_0", 2.42, 3.65, 1.93}, {"Q8_0", 1.48, 2.34, 1.55},
    {"Q6_K", 2.71, 5.87, 3.31}, {"BF16", 1.47, 1.75, 1.04},
};

} // namespace

std::optional<double> instructions_of(std::string_view type, double alone, double first, double more) {
    for (const Cost& cost : kCosts)
        if (cost.type == type)
            return alone * cost.alone + first * cost.first + more * cost.more;
    return std::nullopt;
}

} // namespace switchyard
