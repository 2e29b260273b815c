// From the turns of a chat to the token ids a model continues.
#pragma once

#include "app/services/generator.h"
#include "engine/run/loaded_model.h"

namespace switchyard {

struct Prompt {
    std::string text;
    std::vector<std::int32_t> ids;
    bool opens_thinking = false; ///< it ends inside <think>
};

/// Renders the model's chat template (a plain one where it has none) and tokenizes. With `continue_last` the
/// prompt ends with the last turn's text. Throws Error where there is no tokenizer or the template refuses.
Prompt buildPrompt(const LoadedModel& model, const std::vector<ChatTurn>& turns, bool continue_last);

} // namespace switchyard
