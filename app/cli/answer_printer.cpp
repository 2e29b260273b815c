#include "app/cli/answer_printer.h"

#include "app/cli/terminal_text.h"

#include <algorithm>
#include <unistd.h>

namespace switchyard {

namespace {

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == text.npos; }

bool has_words(const std::vector<AnswerPiece>& parts, AnswerPart part) {
    return std::ranges::any_of(
        parts, [&](const AnswerPiece& piece) { return piece.part == part && !is_blank(piece.text); });
}

} // namespace

AnswerPrinter::AnswerPrinter(const AnswerReading& reading, std::FILE* out, std::FILE* thoughts)
    : reader_(reading), out_(out),
      thoughts_(thoughts && ::isatty(::fileno(thoughts)) != 0 ? thoughts : nullptr) {}

bool AnswerPrinter::take(const SchedulerEvent& event) {
    std::vector<AnswerPiece> pieces;
    if (event.kind == SchedulerEvent::Kind::Token)
        reader_.push(event.token.text, event.token.control, pieces);
    else if (event.kind == SchedulerEvent::Kind::Finished)
        reader_.push(event.tail, {}, pieces);
    return print(pieces);
}

bool AnswerPrinter::finish() {
    std::vector<AnswerPiece> pieces;
    reader_.finish(pieces);
    return print(pieces);
}

bool AnswerPrinter::print(const std::vector<AnswerPiece>& pieces) {
    bool written = true;
    for (const AnswerPiece& piece : pieces) {
        const bool thought = piece.part == AnswerPart::Thinking;
        const bool turns = !parts_.empty() && parts_.back().part != piece.part;
        std::string shown = piece.text;
        if (piece.part == AnswerPart::Text && !has_said()) // the space after the thinking is no text
            shown.erase(0, std::min(shown.find_first_not_of("\r\n"), shown.size()));
        if (parts_.empty() || turns)
            parts_.push_back(piece);
        else
            parts_.back().text += piece.text;
        shown = for_stdout(shown);
        if (std::FILE* file = thought ? thoughts_ : out_; file && !shown.empty()) {
            if (thought)
                shown = "\033[2m" + shown + "\033[0m";
            else if (turns && thoughts_)
                std::fputs("\n\n", thoughts_);
            std::fwrite(shown.data(), 1, shown.size(), file);
            written = std::fflush(file) == 0 && written;
        }
    }
    return written;
}

std::string AnswerPrinter::said() const {
    std::string text;
    for (const AnswerPiece& piece : parts_)
        if (piece.part == AnswerPart::Text)
            text += piece.text;
    return text;
}

bool AnswerPrinter::has_said() const { return has_words(parts_, AnswerPart::Text); }
bool AnswerPrinter::has_thought() const { return has_words(parts_, AnswerPart::Thinking); }

std::string ending_note(const RunRecord& record, const AnswerPrinter& answer, const std::string& how_on,
                        const std::string& how_raise) {
    const std::string tokens = std::to_string(record.tokens.size()) + " tokens";
    const bool only_thought = answer.has_thought() && !answer.has_said();
    switch (record.finish) {
    case FinishReason::MaxTokens:
        return (only_thought ? "The limit of " + tokens + " was used up by thinking, before the answer: "
                             : "The answer was cut at its limit of " + tokens + ": ") +
               how_on + how_raise;
    case FinishReason::ContextFull:
        return std::string("The context is full, so ") +
               (only_thought ? "the thinking was cut before the answer" : "the answer was cut") +
               ": start a new chat, ask for less, or use a model with a larger context.";
    case FinishReason::EndOfTurn:
        return answer.has_said() ? std::string()
               : only_thought    ? "The model ended after its thinking, without an answer: ask again."
                                 : "The model ended without a word: ask again, or in other words.";
    default:
        return {};
    }
}

} // namespace switchyard
