// From the turns of a chat to the token ids a model continues.
#pragma once

#include "app/services/run_service.h"
#include "engine/run/loaded_model.h"

namespace switchyard {

struct Prompt {
    std::string text;
    std::vector<std::int32_t> ids;
    std::size_t continues = 0; ///< so many ids at the end are the answer that goes on
    AnswerReading reading;     ///< of the answer
};

struct PromptOptions {
    bool continue_last = false;  ///< the prompt ends with the last turn: its ids, else its thinking and text
    bool special_tokens = false; ///< control tokens written in the turns are taken for such
    std::stop_token stop;        ///< ends a template that takes long
};

/// Renders the model's chat template (a plain one where it has none) and tokenizes. Throws Error where there
/// is no tokenizer or the template refuses.
Prompt buildPrompt(const LoadedModel& model, const std::vector<ChatTurn>& turns,
                   const PromptOptions& options);

} // namespace switchyard
