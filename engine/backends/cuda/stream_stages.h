// Residual streams of hyper-connections, and projections in groups.
#pragma once

#include "engine/backends/cuda/stage.h"

namespace switchyard::cuda {

std::unique_ptr<Stage> make_stream_stage(const MixStreamsStep& step);
std::unique_ptr<Stage> make_stream_stage(const SpreadStreamsStep& step);
std::unique_ptr<Stage> make_grouped_stage(const GroupedProjectStep& step, const StageMaker& maker);

} // namespace switchyard::cuda
