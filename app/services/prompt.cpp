#include "app/services/prompt.h"

#include "engine/base/error.h"
#include "engine/run/plain_prompt.h"

#include <span>

namespace switchyard {

namespace {

constexpr std::string_view kThink = "<think>";

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

std::string_view withoutEndSpace(std::string_view text) {
    const auto end = text.find_last_not_of(" \t\r\n");
    return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

std::string render(const LoadedModel& model, std::span<const ChatTurn> turns) {
    TemplateInput input;
    for (const ChatTurn& turn : turns)
        input.messages.push_back({{"role", roleOf(turn.author)}, {"content", turn.text.toStdString()}});
    const Tokenizer& tokenizer = *model.tokenizer();
    const auto spelling = [&](std::int32_t id) { return id < 0 ? std::string() : tokenizer.token_bytes(id); };
    input.variables["bos_token"] = spelling(tokenizer.bos());
    input.variables["eos_token"] = spelling(tokenizer.eos());
    return model.chat_template()->render(input);
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
    std::string begun;
    if (continue_last && !turns.empty()) {
        begun = turns.back().text.toStdString();
        asked = asked.first(asked.size() - 1);
    }
    Prompt prompt;
    prompt.text = model.chat_template() ? render(model, asked) : plain(asked);
    const bool opened = withoutEndSpace(prompt.text).ends_with(kThink);
    if (opened && begun.starts_with(kThink)) {
        // The answer's own tag is the one that the template writes.
        prompt.text = withoutEndSpace(prompt.text);
        begun.erase(0, kThink.size());
    }
    prompt.text += begun;
    prompt.opens_thinking = opened && !continue_last;
    // As the authors' code does: a template writes its own beginning of the text.
    prompt.ids = model.tokenizer()->encode(prompt.text, model.chat_template() == nullptr);
    return prompt;
}

} // namespace switchyard
