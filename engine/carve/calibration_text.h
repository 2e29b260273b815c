// Calibration text from the model itself: answers to many different questions, generated in one batch.
#pragma once

#include "engine/carve/calibrate.h"

namespace switchyard {

/// At least `tokens` tokens in texts of a question and its answer. The model's executor is used; nothing else
/// may run on it meanwhile. Throws Error (no tokenizer, stopped).
std::vector<std::vector<std::int32_t>> generate_calibration_text(const std::shared_ptr<LoadedModel>& model,
                                                                 std::size_t tokens,
                                                                 const CarveProgress& progress);

/// A text file's tokens, cut into texts of at most `length` tokens.
std::vector<std::vector<std::int32_t>>
read_calibration_text(const LoadedModel& model, const std::filesystem::path& path, std::size_t length);

} // namespace switchyard
