// What moving a dial in the middle of an answer costs.
#pragma once

#include "tests/gpu/speed.h"

namespace switchyard {

/// The weights, that lie in the host's pages, to other precisions and back. Throws Error.
void measure_precision(const std::shared_ptr<Backend>& backend, const SpeedOptions& options,
                       const Tell& tell);

/// The number of active experts: after how many tokens it is obeyed, and what that takes. Throws Error.
void measure_experts(const std::shared_ptr<Backend>& backend, const SpeedOptions& options, const Tell& tell);

} // namespace switchyard
