#include "app/services/prompt.h"

#include "engine/base/error.h"
#include "engine/run/record.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <iterator>
#include <optional>
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

nlohmann::ordered_json messagesOf(std::span<const ChatTurn> turns) {
    auto messages = nlohmann::ordered_json::array();
    for (const ChatTurn& turn : turns)
        messages.push_back({{"role", roleOf(turn.author)}, {"content", turn.text.toStdString()}});
    return messages;
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
    MarkedText text = chat_text(model, messagesOf(asked), options.chat);
    const AnswerFormat& format = model.answer_format();
    prompt.reading = format.reading(text.text);
    const std::vector<std::int32_t> begun =
        continue_last && !turns.empty() ? turns.back().ids : std::vector<std::int32_t>();
    if (continue_last && !turns.empty() && begun.empty()) {
        const std::string thinking = turns.back().thinking.toStdString(),
                          said = turns.back().text.toStdString();
        text += begun_answer(format.spell(text.text, thinking, said), thinking, said);
    }
    if (options.chat.stop.stop_requested()) // a tokenizer cannot be stopped
        throw Error("The prompt was not made: it was stopped.");
    prompt.ids = chat_ids(model, text, options.chat);
    prompt.text = std::move(text.text);
    prompt.ids.insert(prompt.ids.end(), begun.begin(), begun.end());
    prompt.continues = begun.size();
    return prompt;
}

// ---- What fits into the context ----

namespace {

/// Tokens of a context that are kept for the answer.
int roomForAnswer(int context, int max_tokens) { return std::min(max_tokens, context / 4); }

/// The turns without those of the branch's first `left_out` messages; what is told before all stays.
std::vector<ChatTurn> without(const std::vector<ChatTurn>& turns, int left_out) {
    std::vector<ChatTurn> kept;
    std::ranges::copy_if(turns, std::back_inserter(kept), [left_out](const ChatTurn& turn) {
        return turn.place < 0 || turn.place >= left_out;
    });
    return kept;
}

bool leavesOut(const GenerationRequest& request) {
    return request.tuning.sequence.when_full == WhenFull::LeaveOut;
}

/// So many messages can be left out: up to a question, and never the last one.
std::vector<int> waysToLeaveOut(const GenerationRequest& request, int left_out) {
    std::vector<int> ways;
    for (const ChatTurn& turn : request.turns) {
        if (turn.author == Author::User && turn.place > left_out)
            ways.push_back(turn.place);
    }
    return ways;
}

} // namespace

FittedPrompt fitPrompt(const LoadedModel& model, const GenerationRequest& request,
                       const std::stop_token& stop) {
    const SequenceTuning& tuning = request.tuning.sequence;
    const PromptOptions options{request.continue_last, ChatPromptOptions(tuning, stop)};
    const bool exact = request.left_out_exactly || request.replay || request.continue_last;
    FittedPrompt fitted;
    const auto build = [&](int left_out) {
        fitted.prompt = buildPrompt(model, without(request.turns, left_out), options);
        fitted.left_out = left_out;
    };
    build(exact || leavesOut(request) ? request.left_out : 0);
    const int context = model.config().context;
    const auto fits = [&](int more) {
        return std::ssize(fitted.prompt.ids) + roomForAnswer(context, tuning.max_tokens) + more <= context;
    };
    if (exact || !leavesOut(request) || context <= 0 || fits(0))
        return fitted;
    // A longer chat has a longer prompt, so the fewest that do are found by halves; at least the last
    // question stays.
    const std::vector<int> ways = waysToLeaveOut(request, fitted.left_out);
    std::size_t low = 0, high = ways.empty() ? 0 : ways.size() - 1;
    std::optional<FittedPrompt> fitting; // with `high` messages left out
    while (low < high) {
        const std::size_t middle = (low + high) / 2;
        build(ways[middle]);
        if (fits(context / 8)) {
            high = middle;
            fitting = std::move(fitted);
        } else {
            low = middle + 1;
        }
    }
    if (fitting && fitting->left_out == ways[low])
        fitted = std::move(*fitting);
    else if (!ways.empty())
        build(ways[low]);
    fitted.left_out_pairs = static_cast<int>(std::ranges::count_if(request.turns, [&](const ChatTurn& turn) {
        return turn.author == Author::User && turn.place >= request.left_out && turn.place < fitted.left_out;
    }));
    return fitted;
}

namespace {

ShownPrompt measured(const LoadedModel& model, const GenerationRequest& request, const FittedPrompt& fitted) {
    ShownPrompt shown;
    shown.tokens = static_cast<int>(fitted.prompt.ids.size());
    shown.room = roomForAnswer(model.config().context, request.tuning.sequence.max_tokens);
    shown.hash = prompt_hash(fitted.prompt.ids);
    shown.left_out = fitted.left_out;
    shown.left_out_pairs = fitted.left_out_pairs;
    return shown;
}

} // namespace

ShownPrompt measurePrompt(const LoadedModel& model, const GenerationRequest& request,
                          const std::stop_token& stop) {
    return measured(model, request, fitPrompt(model, request, stop));
}

ShownPrompt lookAtPrompt(const LoadedModel& model, const GenerationRequest& request,
                         const std::stop_token& stop) {
    const FittedPrompt fitted = fitPrompt(model, request, stop);
    ShownPrompt shown = measured(model, request, fitted);
    Utf8Assembler whole;
    for (const std::int32_t id : fitted.prompt.ids) {
        const bool special = model.tokenizer()->is_special(id);
        if (special)
            shown.text += QString::fromStdString(whole.flush());
        const qsizetype begin = shown.text.size();
        shown.text += QString::fromStdString(whole.push(model.tokenizer()->token_bytes(id)));
        if (special)
            shown.special.push_back({begin, shown.text.size()});
    }
    shown.text += QString::fromStdString(whole.flush());
    return shown;
}

} // namespace switchyard
