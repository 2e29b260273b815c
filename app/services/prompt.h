// From the turns of a chat to the token ids a model continues.
#pragma once

#include "app/services/run_service.h"
#include "engine/run/chat_prompt.h"

namespace switchyard {

struct Prompt {
    std::string text;
    std::vector<std::int32_t> ids;
    std::size_t continues = 0; ///< so many ids at the end are the answer that goes on
    AnswerReading reading;     ///< of the answer
};

struct PromptOptions {
    bool continue_last = false; ///< the prompt ends with the last turn: its ids, else its thinking and text
    ChatPromptOptions chat;     ///< as the dials say; its stop ends what takes long
};

/// Renders the model's chat template (a plain one where it has none) and tokenizes. Throws Error where there
/// is no tokenizer or the template refuses.
Prompt buildPrompt(const LoadedModel& model, const std::vector<ChatTurn>& turns,
                   const PromptOptions& options);

/// The prompt of a request, with messages left out where it says so: as many of the oldest questions with
/// their answers as it takes for the rest to leave room for an answer, and some more, so that the next
/// answers go on with the same beginning. Throws as buildPrompt() does.
struct FittedPrompt {
    Prompt prompt;
    int left_out = 0;       ///< messages
    int left_out_pairs = 0; ///< questions among those that the request did not leave out already
};
FittedPrompt fitPrompt(const LoadedModel& model, const GenerationRequest& request,
                       const std::stop_token& stop);

/// The request's prompt to be looked at. Throws as buildPrompt() does.
ShownPrompt lookAtPrompt(const LoadedModel& model, const GenerationRequest& request,
                         const std::stop_token& stop);
/// The same without its text.
ShownPrompt measurePrompt(const LoadedModel& model, const GenerationRequest& request,
                          const std::stop_token& stop);

} // namespace switchyard
