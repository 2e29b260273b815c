// Whether the steps of a plan fit the values that they read and write.
#pragma once

#include "engine/model/plan.h"

namespace switchyard {

/// Throws Error naming the layer whose step takes other widths than its values have, another shape of cache
/// than it reads, or another kind of choice than the table is for: what a file's keys say of single layers
/// may fit its tensors and still not each other. Sizes of weights are checked where they are taken from the
/// file.
void check_widths(const Plan& plan);

} // namespace switchyard
