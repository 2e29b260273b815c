// From the turns of a chat to the token ids a model continues.
#pragma once

#include "app/services/generator.h"
#include "engine/run/loaded_model.h"

namespace switchyard {

struct Prompt {
    std::string text;
    std::vector<std::int32_t> ids;
    std::size_t continues = 0; ///< so many ids at the end are the answer that goes on
    AnswerReading reading;     ///< of the answer
};

/// Renders the model's chat template (a plain one where it has none) and tokenizes. With `continue_last` the
/// prompt ends with the last turn: its ids where it has them, else its thinking and text. Throws Error where
/// there is no tokenizer or the template refuses.
Prompt buildPrompt(const LoadedModel& model, const std::vector<ChatTurn>& turns, bool continue_last);

} // namespace switchyard
