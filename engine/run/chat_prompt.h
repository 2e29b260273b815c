// Messages to token ids, as the model's own template and tokenizer want them.
#pragma once

#include "engine/run/loaded_model.h"
#include "engine/run/tuning.h"

#include <utility>

namespace switchyard {

/// The template's variables that come from the tokenizer: bos_token, eos_token.
nlohmann::ordered_json template_variables(const Tokenizer& tokenizer);

struct ChatPrompt {
    std::vector<std::int32_t> ids;
    AnswerReading reading; ///< of the answer to come
};

struct ChatPromptOptions {
    ChatPromptOptions() = default;
    /// As the dials say.
    explicit ChatPromptOptions(const SequenceTuning& tuning, std::stop_token stop_token = {})
        : special_tokens(tuning.special_tokens), thinking(tuning.thinking), effort(tuning.effort),
          stop(std::move(stop_token)) {}

    bool add_generation_prompt = true;
    bool special_tokens = false; ///< control tokens written in the messages are taken for such
    Thinking thinking = Thinking::Auto;
    ThinkingEffort effort = ThinkingEffort::Auto;
    std::stop_token stop;
};

/// The text of the prompt, by the model's template, or as plain_prompt() has it. Throws Error where the
/// template refuses the messages however they are told.
MarkedText chat_text(const LoadedModel& model, const nlohmann::ordered_json& messages,
                     const ChatPromptOptions& options = {});

/// Its tokens. PRECOND: the model has a tokenizer.
std::vector<std::int32_t> chat_ids(const LoadedModel& model, const MarkedText& text,
                                   const ChatPromptOptions& options = {});

/// The prompt of a conversation: [{"role": ..., "content": ...}, ...]. The template writes BOS itself; a
/// model without one is asked as plain_prompt() has it. Throws Error where the model has no tokenizer, or the
/// template refuses the messages however they are told (ChatTemplate::render_accepted).
ChatPrompt chat_prompt(const LoadedModel& model, const nlohmann::ordered_json& messages,
                       const ChatPromptOptions& options = {});

/// RunRequest::roles for answers to chat_prompt().
std::vector<std::string> answer_roles(const LoadedModel& model);

/// A plain text to go on with, BOS in front where the model wants it. Throws Error where the model has no
/// tokenizer.
std::vector<std::int32_t> text_prompt(const LoadedModel& model, std::string_view text);

} // namespace switchyard
