// Measuring on a text how much each input of each matrix matters.
#pragma once

#include "engine/model/importance.h"
#include "engine/run/loaded_model.h"

#include <functional>
#include <span>

namespace switchyard {

/// The mean square of what every matrix is multiplied with while the model reads `ids` (each window of tokens
/// by itself, `bos` in front where it is >= 0). Experts are measured on the tokens routed to them. The
/// model's executor is used; nothing else may run on it meanwhile. `progress`: tokens read, of all. Throws
/// Error (no tokens, stopped).
Importance measure_importance(LoadedModel& model, std::span<const std::int32_t> ids, std::int32_t bos,
                              const std::function<void(std::size_t, std::size_t)>& progress = {},
                              std::stop_token stop = {});

} // namespace switchyard
