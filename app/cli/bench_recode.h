// What moving the precision dial costs an answer that is under way.
#pragma once

#include "app/cli/model_options.h"

#include <nlohmann/json.hpp>

namespace switchyard {

/// For each of the precisions in turn, while an answer is generated: seconds until all weights are
/// re-encoded, the longest token meanwhile, the first behind it, the median of those before, and how many
/// tokens of the context were computed again. `names`: of the dial's choices; empty: all of them, and the
/// file's own at the end. Throws Error.
nlohmann::ordered_json bench_recode(Scheduler& scheduler, const LoadedModel& model,
                                    const SequenceTuning& tuning, std::span<const std::int32_t> prompt,
                                    std::stop_token stop, std::vector<std::string_view> names = {});

} // namespace switchyard
