// Steps in, stages out.
#pragma once

#include "engine/backends/cpu/step_run.h"

#include <memory>
#include <vector>

namespace switchyard::cpu {

/// The stages of a plan; adds its rope tables to `shared`.
std::vector<std::unique_ptr<Stage>> compile_stages(const Plan& plan, Shared& shared);

} // namespace switchyard::cpu
