// A model of a few hundred KiB with random weights, a byte tokenizer and a chat template: enough to load,
// chat and tune in milliseconds. What it says means nothing.
#pragma once

#include <filesystem>

namespace switchyard {

struct TinyModel {
    int experts = 8; ///< 0: a dense one
    int experts_active = 3;
    int context = 4096;
    unsigned seed = 1;
    bool thinks = false; ///< the template opens <think> before the answer
};

void writeTinyModel(const std::filesystem::path& path, const TinyModel& model = {});

} // namespace switchyard
