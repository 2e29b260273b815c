#include "engine/text/answer_format.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>

namespace switchyard {

namespace {

using Spellings = std::set<std::string, std::less<>>;

std::string_view without_end_space(std::string_view text) {
    const auto end = text.find_last_not_of(" \t\r\n");
    return end == std::string_view::npos ? std::string_view() : text.substr(0, end + 1);
}

std::string lower_ascii(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), [](unsigned char c) { return std::tolower(c); });
    return out;
}

bool holds(std::string_view text, std::string_view what) { return text.find(what) != text.npos; }

/// A mark and nothing else: <...>, [...].
bool is_bracketed(std::string_view text) {
    constexpr std::size_t kShortest = 5, kLongest = 48;
    if (text.size() < kShortest || text.size() > kLongest || holds(text.substr(1), text.substr(0, 1)))
        return false;
    return (text.front() == '<' && text.back() == '>') || (text.front() == '[' && text.back() == ']');
}

bool speaks_of_thinking(std::string_view mark) {
    const std::string small = lower_ascii(mark);
    constexpr std::array<std::string_view, 4> kWords = {"think", "thought", "reason", "reflect"};
    return std::ranges::any_of(kWords, [&](std::string_view word) { return holds(small, word); });
}

std::optional<std::string> swapped(std::string_view mark, std::string_view from, std::string_view to) {
    const std::size_t at = mark.find(from);
    if (at == std::string_view::npos)
        return std::nullopt;
    std::string out(mark);
    return out.replace(at, from.size(), to);
}

/// Spellings that the partner of a mark may have: of an opening one its closing ones, or the other way.
std::vector<std::string> partners(std::string_view mark, bool of_opening) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kPairs = {{
        {"<|", "<|/"},
        {"<", "</"},
        {"[", "[/"},
        {"START", "END"},
        {"start", "end"},
        {"BEGIN", "END"},
        {"begin", "end"},
        {"open", "close"},
        {"prefix", "suffix"},
    }};
    std::vector<std::string> found;
    for (const auto& [open, close] : kPairs)
        if (auto partner = swapped(mark, of_opening ? open : close, of_opening ? close : open))
            found.push_back(std::move(*partner));
    return found;
}

void add_marks(std::vector<ThinkingMarks>& marks, ThinkingMarks wanted) {
    const auto same = [&](const ThinkingMarks& other) {
        return other.open == wanted.open && other.close == wanted.close;
    };
    if (std::ranges::any_of(marks, same))
        return;
    const auto known = std::ranges::find_if(known_thinking_marks(), same);
    marks.push_back(known != known_thinking_marks().end() ? *known : std::move(wanted));
}

/// Literals of a template that an answer is cut at or searched for: x.split('</think>'), '</think>' in x.
Spellings searched_literals(std::string_view source) {
    Spellings found;
    for (std::size_t at = 0; at < source.size(); ++at) {
        const char quote = source[at];
        if (quote != '\'' && quote != '"')
            continue;
        const std::size_t end = source.find(quote, at + 1);
        if (end == std::string_view::npos)
            break;
        const std::string_view literal = source.substr(at + 1, end - at - 1);
        const std::string_view before = without_end_space(source.substr(0, at));
        const std::size_t next = source.find_first_not_of(" \t\r\n", end + 1);
        const std::string_view after =
            next == std::string_view::npos ? std::string_view() : source.substr(next);
        if (is_bracketed(literal) && (before.ends_with("split(") || after.starts_with("in ")))
            found.emplace(literal);
        at = end;
    }
    return found;
}

void add_from_template(std::vector<ThinkingMarks>& marks, std::string_view source) {
    for (const ThinkingMarks& known : known_thinking_marks())
        if (holds(source, known.open) && holds(source, known.close))
            add_marks(marks, known);
    for (const ThinkingMarks& known : known_thinking_marks())
        if (holds(source, known.open) || holds(source, known.close))
            add_marks(marks, known);
    for (const std::string& literal : searched_literals(source)) {
        const bool other = holds(lower_ascii(literal), "tool") || holds(lower_ascii(literal), "function");
        for (const std::string& open : partners(literal, false))
            if (!other && (holds(source, open) || speaks_of_thinking(literal)))
                add_marks(marks, {open, literal, {}, {}});
    }
    // Words instead of marks, which only a template can make known: else they are text.
    const ThinkingMarks words{"Here is my thought process:", "Here is my response:", {}, {}};
    if (holds(source, words.open) && holds(source, words.close))
        add_marks(marks, words);
}

} // namespace

AnswerFormat answer_format(const Tokenizer* tokenizer, std::string_view chat_template) {
    AnswerFormat format;
    Spellings tokens;
    bool channel = false, message = false;
    for (std::size_t id = 0; tokenizer && id < tokenizer->size(); ++id) {
        std::string spelling = tokenizer->token_bytes(static_cast<std::int32_t>(id));
        channel |= spelling == "<|channel|>";
        message |= spelling == "<|message|>";
        if (is_bracketed(spelling) && speaks_of_thinking(spelling))
            tokens.insert(std::move(spelling));
    }
    format.channels = channel && message;
    if (format.channels)
        return format;
    add_from_template(format.marks, chat_template);
    for (const std::string& open : tokens)
        for (const std::string& close : partners(open, true))
            if (tokens.contains(close))
                add_marks(format.marks, {open, close, {}, {}});
    if (!format.marks.empty() && format.marks.front().reply_open.empty() &&
        holds(chat_template, "<answer>") && holds(chat_template, "</answer>")) {
        format.marks.front().reply_open = "<answer>";
        format.marks.front().reply_close = "</answer>";
    }
    return format;
}

AnswerReading AnswerFormat::reading(std::string_view prompt) const {
    AnswerReading reading{{}, marks};
    if (channels) {
        const std::size_t start = prompt.rfind("<|start|>");
        if (start == std::string_view::npos)
            return reading;
        const std::string_view begun = prompt.substr(start);
        if (holds(begun, "<|end|>") || holds(begun, "<|return|>") || holds(begun, "<|call|>"))
            return reading;
        constexpr std::string_view kMessage = "<|message|>";
        const std::size_t message = begun.rfind(kMessage);
        reading.opened =
            begun.substr(0, message == std::string_view::npos ? message : message + kMessage.size());
        return reading;
    }
    const std::string_view end = without_end_space(prompt);
    const auto look = [&](const ThinkingMarks& known) {
        if (end.ends_with(known.open) && known.open.size() > reading.opened.size())
            reading.opened = known.open;
    };
    std::ranges::for_each(marks, look);
    std::ranges::for_each(known_thinking_marks(), look);
    return reading;
}

std::string AnswerFormat::spell(std::string_view prompt, std::string_view thinking,
                                std::string_view text) const {
    const std::string opened = reading(prompt).opened;
    std::string out;
    if (channels) {
        if (holds(opened, "<|message|>"))
            return std::string(thinking) + std::string(text);
        if (!thinking.empty())
            out.append("<|channel|>analysis<|message|>").append(thinking);
        if (!thinking.empty() && !text.empty())
            out += "<|end|><|start|>assistant";
        if (!text.empty())
            out.append("<|channel|>final<|message|>").append(text);
        return out;
    }
    if (opened.empty() && thinking.empty())
        return std::string(text);
    std::vector<ThinkingMarks> all = marks;
    all.insert(all.end(), known_thinking_marks().begin(), known_thinking_marks().end());
    const auto used = std::ranges::find(all, opened, &ThinkingMarks::open);
    const ThinkingMarks& now = used != all.end() ? *used : all.front();
    out.append(opened.empty() ? now.open : "").append(thinking);
    if (text.empty())
        return out;
    const bool apart = text.starts_with('\n');
    out.append(now.close).append(apart ? "" : "\n\n").append(now.reply_open).append(text);
    return out;
}

} // namespace switchyard
