#include "app/services/prompt.h"

#include "engine/base/error.h"
#include "engine/run/plain_prompt.h"

#include <span>

namespace switchyard {

namespace {

const char* roleOf(Author author) {
    switch (author) {
    case Author::System:
        return "system";
    case Author::User:
        return "user";
    case Author::Assistant:
        break;
    }
    return "assistant";
}

std::string render(const LoadedModel& model, std::span<const ChatTurn> turns) {
    TemplateInput input;
    for (const ChatTurn& turn : turns)
        input.messages.push_back({{"role", roleOf(turn.author)}, {"content", turn.text.toStdString()}});
    const Tokenizer& tokenizer = *model.tokenizer();
    const auto spelling = [&](std::int32_t id) { return id < 0 ? std::string() : tokenizer.token_bytes(id); };
    input.variables["bos_token"] = spelling(tokenizer.bos());
    input.variables["eos_token"] = spelling(tokenizer.eos());
    return model.chat_template()->render_accepted(input).text;
}

/// For models that were never taught to chat.
std::string plain(std::span<const ChatTurn> turns) {
    auto messages = nlohmann::ordered_json::array();
    for (const ChatTurn& turn : turns)
        messages.push_back({{"role", roleOf(turn.author)}, {"content", turn.text.toStdString()}});
    return plain_prompt(messages);
}

} // namespace

Prompt buildPrompt(const LoadedModel& model, const std::vector<ChatTurn>& turns, bool continue_last) {
    if (!model.tokenizer())
        throw Error("This file has no tokenizer, so text cannot be given to it: choose another model.");
    std::span<const ChatTurn> asked(turns);
    if (continue_last && !turns.empty())
        asked = asked.first(asked.size() - 1);
    Prompt prompt;
    prompt.text = model.chat_template() ? render(model, asked) : plain(asked);
    const AnswerFormat& format = model.answer_format();
    prompt.reading = format.reading(prompt.text);
    const std::vector<std::int32_t> begun =
        continue_last && !turns.empty() ? turns.back().ids : std::vector<std::int32_t>();
    if (continue_last && !turns.empty() && begun.empty())
        prompt.text +=
            format.spell(prompt.text, turns.back().thinking.toStdString(), turns.back().text.toStdString());
    // As the authors' code does: a template writes its own beginning of the text.
    prompt.ids = model.tokenizer()->encode(prompt.text, model.chat_template() == nullptr);
    prompt.ids.insert(prompt.ids.end(), begun.begin(), begun.end());
    prompt.continues = begun.size();
    return prompt;
}

} // namespace switchyard
