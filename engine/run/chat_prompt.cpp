#include "engine/run/chat_prompt.h"

#include "engine/base/error.h"
#include "engine/run/plain_prompt.h"

namespace switchyard {
namespace {

const Tokenizer& tokenizer_of(const LoadedModel& model) {
    if (!model.tokenizer())
        throw Error(model.path().string() + " has no tokenizer: it can be run on token ids only");
    return *model.tokenizer();
}

} // namespace

nlohmann::ordered_json template_variables(const Tokenizer& tokenizer) {
    nlohmann::ordered_json variables = nlohmann::ordered_json::object();
    variables["bos_token"] = tokenizer.bos() >= 0 ? tokenizer.token_bytes(tokenizer.bos()) : "";
    variables["eos_token"] = tokenizer.eos() >= 0 ? tokenizer.token_bytes(tokenizer.eos()) : "";
    return variables;
}

ChatPrompt chat_prompt(const LoadedModel& model, const nlohmann::ordered_json& messages,
                       const ChatPromptOptions& options) {
    const Tokenizer& tokenizer = tokenizer_of(model);
    if (!model.chat_template())
        return {tokenizer.encode(whole_text(plain_prompt(messages), !options.special_tokens), true),
                model.answer_format().reading({})};
    TemplateInput input;
    input.messages = messages;
    input.add_generation_prompt = options.add_generation_prompt;
    input.variables = template_variables(tokenizer);
    const MarkedText prompt = model.chat_template()->render_accepted(input, options.stop);
    return {options.special_tokens ? tokenizer.encode(prompt.text, false) : tokenizer.encode(prompt, false),
            model.answer_format().reading(prompt.text)};
}

std::vector<std::string> answer_roles(const LoadedModel& model) {
    return model.chat_template() ? std::vector<std::string>() : plain_roles();
}

std::vector<std::int32_t> text_prompt(const LoadedModel& model, std::string_view text) {
    return tokenizer_of(model).encode(text, true);
}

} // namespace switchyard
