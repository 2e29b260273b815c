#include "tests/gpu/instruction_costs.h"

namespace switchyard {

namespace {

struct Cost {
    std::string_view type;
    double alone, first, more;
};

// As tests/kernels/cuda/instructions.py counts them for sm_90, whose --check holds the kernels against them.
constexpr Cost kCosts[] = {
    {"Q4_K", 2.03, 4.12, 3.11},  {"Q5_0", 2.46, 3.65, 2.63},   {"Q8_0", 1.48, 2.32, 1.87},
    {"Q6_K", 2.76, 5.86, 3.58},  {"BF16", 1.47, 1.77, 0.98},   {"F16", 1.73, 2.34, 1.14},
    {"FP8", 3.92, 4.52, 2.32},   {"Q4_0", 1.87, 3.05, 2.40},   {"Q4_1", 1.89, 3.05, 2.38},
    {"Q5_1", 2.48, 3.64, 2.61},  {"Q5_K", 2.53, 4.62, 2.10},   {"Q3_K", 2.80, 6.06, 3.58},
    {"Q2_K", 2.55, 6.75, 4.12},  {"IQ4_NL", 3.23, 4.07, 2.80}, {"IQ4_XS", 3.25, 4.78, 1.84},
    {"MXFP4", 3.38, 4.73, 3.10},
};

} // namespace

std::optional<double> instructions_of(std::string_view type, double alone, double first, double more) {
    for (const Cost& cost : kCosts)
        if (cost.type == type)
            return alone * cost.alone + first * cost.first + more * cost.more;
    return std::nullopt;
}

} // namespace switchyard
