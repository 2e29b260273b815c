#include "tests/gpu/instruction_costs.h"

namespace switchyard {

namespace {

struct Cost {
    std::string_view type;
    double alone, first, more;
};

constexpr Cost kCosts[] = {
    {"Q4_K", 2.0, 4.1, 2.2},
    {"Q8_0", 1.4, 2.3, 2.2},
    {"BF16", 1.5, 1.8, 1.0},
};

} // namespace

double instructions_of(std::string_view type, double alone, double first, double more) {
    for (const Cost& cost : kCosts)
        if (cost.type == type)
            return alone * cost.alone + first * cost.first + more * cost.more;
    return 0;
}

} // namespace switchyard
