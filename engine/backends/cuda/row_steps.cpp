#include "engine/backends/cuda/row_steps.h"

#include "engine/base/error.h"

#include <set>
#include <string>

namespace switchyard::cuda {

void check_row_steps(const std::vector<switchyard::RowStep>& steps, std::initializer_list<ValueId> others) {
    if (steps.size() > kRowSteps)
        throw Error("a layer's attention has " + std::to_string(steps.size()) +
                    " norms and rotations, and this device's kernels take " + std::to_string(kRowSteps));
    std::set<ValueId> values(others);
    for (const switchyard::RowStep& one : steps)
        values.insert(one.value());
    values.erase(kNoValue);
    if (values.size() > kRowValues)
        throw Error("a layer's attention norms, rotates and stores " + std::to_string(values.size()) +
                    " values, and this device's kernels take " + std::to_string(kRowValues));
}

void launch_row_steps(StepLaunch& step, RowStepsParams p) {
    int kept = 0;
    for (int v = 0; v < p.values; ++v) {
        bool works = p.value[v].store != RowStore::None || p.value[v].copied > 0;
        for (int s = 0; s < p.steps; ++s)
            works |= p.step[s].value == v;
        if (!works)
            continue;
        for (int s = 0; s < p.steps; ++s)
            if (p.step[s].value == v)
                p.step[s].value = kept; // below v: no later value's
        p.value[kept++] = p.value[v];
    }
    p.values = kept;
    if (kept > 0)
        step.launch<Kernel::RowSteps>(row_steps_grid(p), p);
}

} // namespace switchyard::cuda
