// Dense feed-forward blocks, or a router, its experts and the blocks beside them.
#pragma once

#include "engine/backends/cuda/stage.h"

namespace switchyard::cuda {

/// Whether a router does what the kernel RouteOther alone computes.
bool is_other_router(const RouteStep& step);

std::unique_ptr<Stage> make_feed_forward_stage(const FusedFeedForward& fused, const StageMaker& maker);

} // namespace switchyard::cuda
