// Calibration text from the model itself: answers to many different questions and continuations of many kinds
// of text, drawn in several ways, generated in one batch.
#pragma once

#include "engine/carve/calibrate.h"

namespace switchyard {

/// At least `tokens` tokens in texts of a prompt and what the model says to it; an answer that loops ends
/// where it begins to. The model's executor is used; nothing else
/// may run on it meanwhile. Throws Error (no tokenizer, stopped).
std::vector<std::vector<std::int32_t>> generate_calibration_text(const std::shared_ptr<LoadedModel>& model,
                                                                 std::size_t tokens,
                                                                 const CarveProgress& progress);

/// Ends `text` where the same eight tokens come for the fourth time after position `from`.
void cut_loop(std::vector<std::int32_t>& text, std::size_t from);

/// A text file's tokens, cut into texts of at most `length` tokens.
std::vector<std::vector<std::int32_t>>
read_calibration_text(const LoadedModel& model, const std::filesystem::path& path, std::size_t length);

/// Writes the texts' token ids, a JSON array a line (what resources/carve/train_routers.py reads). Throws
/// Error naming the file.
void save_calibration_text(const std::vector<std::vector<std::int32_t>>& texts,
                           const std::filesystem::path& path);

} // namespace switchyard
