#include "engine/run/chat_prompt.h"

#include "engine/base/error.h"
#include "engine/run/plain_prompt.h"
#include "engine/text/chat_turns.h"

namespace switchyard {
namespace {

const Tokenizer& tokenizer_of(const LoadedModel& model) {
    if (!model.tokenizer())
        throw Error(model.path().string() + " has no tokenizer: it can be run on token ids only");
    return *model.tokenizer();
}

const char* effort_word(ThinkingEffort effort) {
    return effort == ThinkingEffort::Low ? "low" : effort == ThinkingEffort::High ? "high" : "medium";
}

} // namespace

nlohmann::ordered_json template_variables(const Tokenizer& tokenizer) {
    nlohmann::ordered_json variables = nlohmann::ordered_json::object();
    variables["bos_token"] = tokenizer.bos() >= 0 ? tokenizer.token_bytes(tokenizer.bos()) : "";
    variables["eos_token"] = tokenizer.eos() >= 0 ? tokenizer.token_bytes(tokenizer.eos()) : "";
    return variables;
}

MarkedText chat_text(const LoadedModel& model, const nlohmann::ordered_json& messages,
                     const ChatPromptOptions& options) {
    if (!model.chat_template())
        return whole_text(plain_prompt(messages), true);
    const TemplateTraits& traits = model.template_traits();
    TemplateInput input;
    input.messages = traits.system == SystemRole::Unheard ? without_system(messages) : messages;
    input.add_generation_prompt = options.add_generation_prompt;
    input.variables = template_variables(tokenizer_of(model));
    if (!traits.thinking.empty() && options.thinking != Thinking::Auto)
        input.variables[traits.thinking] = options.thinking == Thinking::On;
    if (!traits.effort.empty() && options.effort != ThinkingEffort::Auto)
        input.variables[traits.effort] = effort_word(options.effort);
    return model.chat_template()->render_accepted(input, options.stop);
}

std::vector<std::int32_t> chat_ids(const LoadedModel& model, const MarkedText& text,
                                   const ChatPromptOptions& options) {
    const Tokenizer& tokenizer = tokenizer_of(model);
    // As the authors' code does: a template writes its own beginning of the text.
    const bool add_special = model.chat_template() == nullptr;
    return options.special_tokens ? tokenizer.encode(text.text, add_special)
                                  : tokenizer.encode(text, add_special);
}

ChatPrompt chat_prompt(const LoadedModel& model, const nlohmann::ordered_json& messages,
                       const ChatPromptOptions& options) {
    tokenizer_of(model);
    const MarkedText text = chat_text(model, messages, options);
    return {chat_ids(model, text, options), model.answer_format().reading(text.text)};
}

std::vector<std::string> answer_roles(const LoadedModel& model) {
    return model.chat_template() ? std::vector<std::string>() : plain_roles();
}

std::vector<std::int32_t> text_prompt(const LoadedModel& model, std::string_view text) {
    return tokenizer_of(model).encode(text, true);
}

} // namespace switchyard
