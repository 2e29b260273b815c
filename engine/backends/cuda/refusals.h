// What plans may ask for and the device's kernels do not compute.
#pragma once

#include "engine/model/plan.h"

namespace switchyard::cuda {

/// Throws Error with the reason where a step has a field that the kernels do not know. Steps that have no
/// kernels at all are refused where stages are made of them.
void refuse_unknown(const Plan& plan);

} // namespace switchyard::cuda
