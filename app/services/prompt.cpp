#include "app/services/prompt.h"

#include "engine/base/error.h"
#include "engine/run/chat_prompt.h"
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

/// By the model's template, or as plain roles for models that were never taught to chat.
MarkedText render(const LoadedModel& model, std::span<const ChatTurn> turns, const std::stop_token& stop) {
    TemplateInput input;
    for (const ChatTurn& turn : turns)
        input.messages.push_back({{"role", roleOf(turn.author)}, {"content", turn.text.toStdString()}});
    if (!model.chat_template())
        return whole_text(plain_prompt(input.messages), true);
    input.variables = template_variables(*model.tokenizer());
    return model.chat_template()->render_accepted(input, stop);
}

/// An answer that goes on: what it thought and said is marked, what a format puts around it is not.
MarkedText begun_answer(std::string spelled, const std::string& thinking, const std::string& said) {
    MarkedText out = plain_text(std::move(spelled));
    const std::size_t thought = thinking.empty() ? std::string::npos : out.text.find(thinking);
    if (thought != std::string::npos)
        out.marks.add(thought, thought + thinking.size());
    if (out.text.ends_with(said))
        out.marks.add(out.size() - said.size(), out.size());
    return out;
}

} // namespace

Prompt buildPrompt(const LoadedModel& model, const std::vector<ChatTurn>& turns,
                   const PromptOptions& options) {
    const bool continue_last = options.continue_last;
    if (!model.tokenizer())
        throw Error("This file has no tokenizer, so text cannot be given to it: choose another model.");
    std::span<const ChatTurn> asked(turns);
    if (continue_last && !turns.empty())
        asked = asked.first(asked.size() - 1);
    Prompt prompt;
    MarkedText text = render(model, asked, options.stop);
    const AnswerFormat& format = model.answer_format();
    prompt.reading = format.reading(text.text);
    const std::vector<std::int32_t> begun =
        continue_last && !turns.empty() ? turns.back().ids : std::vector<std::int32_t>();
    if (continue_last && !turns.empty() && begun.empty()) {
        const std::string thinking = turns.back().thinking.toStdString(),
                          said = turns.back().text.toStdString();
        text += begun_answer(format.spell(text.text, thinking, said), thinking, said);
    }
    // As the authors' code does: a template writes its own beginning of the text.
    const bool add_special = model.chat_template() == nullptr;
    prompt.ids = options.special_tokens ? model.tokenizer()->encode(text.text, add_special)
                                        : model.tokenizer()->encode(text, add_special);
    prompt.text = std::move(text.text);
    prompt.ids.insert(prompt.ids.end(), begun.begin(), begun.end());
    prompt.continues = begun.size();
    return prompt;
}

} // namespace switchyard
