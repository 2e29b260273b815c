// What moving the precision dial costs an answer that is under way.
#pragma once

#include "app/cli/model_options.h"

#include <nlohmann/json.hpp>

namespace switchyard {

/// For each precision of the dial in turn, while an answer is generated: seconds until all weights are
/// re-encoded, the longest token meanwhile and the median of those before. Throws Error.
nlohmann::ordered_json bench_recode(Scheduler& scheduler, const LoadedModel& model,
                                    const SequenceTuning& tuning, std::span<const std::int32_t> prompt,
                                    std::stop_token stop);

} // namespace switchyard
