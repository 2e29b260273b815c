#include "ui/chat/markdown_math.h"

#include <algorithm>
#include <cctype>

namespace switchyard {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// End of the code that begins with the backticks at `at`: of the span, of the fenced block, or of the
/// backticks alone where nothing closes them.
std::size_t code_end(std::string_view source, std::size_t at) {
    const char mark = source[at];
    const std::size_t run = std::min(source.find_first_not_of(mark, at), source.size()) - at;
    const std::size_t line =
        source.rfind('\n', at) == std::string_view::npos ? 0 : source.rfind('\n', at) + 1;
    const bool fence =
        run >= 3 && source.substr(line, at - line).find_first_not_of(" \t") == std::string_view::npos;
    if (!fence && mark == '~')
        return at + run;
    for (std::size_t i = at + run; i < source.size();) {
        i = source.find(mark, i);
        if (i == std::string_view::npos)
            break;
        const std::size_t length = std::min(source.find_first_not_of(mark, i), source.size()) - i;
        if (fence ? length >= run : length == run)
            return i + length;
        i += length;
    }
    return fence ? source.size() : at + run;
}

/// End of the formula that opens at `at`; `at` itself where none does.
std::size_t math_end(std::string_view source, std::size_t at, bool& display) {
    const auto close = [&](std::string_view mark) {
        const std::size_t end = source.find(mark, at + 2);
        const std::size_t gap = source.find("\n\n", at);
        return end == std::string_view::npos || end > gap ? at : end + mark.size();
    };
    display = false;
    const std::string_view rest = source.substr(at);
    if (rest.starts_with("\\("))
        return close("\\)");
    if (rest.starts_with("\\[") || rest.starts_with("$$")) {
        display = true;
        return close(rest[0] == '$' ? "$$" : "\\]");
    }
    if (rest[0] != '$' || rest.size() < 3 || is_space(rest[1]))
        return at;
    for (std::size_t i = 1; i < rest.size() && rest[i] != '\n'; ++i) {
        if (rest[i] == '\\')
            ++i;
        else if (rest[i] == '$')
            return i == 1 || is_space(rest[i - 1]) || (i + 1 < rest.size() && is_digit(rest[i + 1]))
                       ? at
                       : at + i + 1;
    }
    return at;
}

void add_placeholder(ProtectedText& out, std::size_t begin, std::size_t end, bool display) {
    const std::string mark =
        std::string(math_open_mark) + std::to_string(out.spans.size()) + std::string(math_close_mark);
    out.spans.push_back({begin, end, out.text.size(), mark.size(), display});
    out.text += mark;
}

} // namespace

std::size_t ProtectedText::original(std::size_t offset) const {
    const auto after =
        std::upper_bound(spans.begin(), spans.end(), offset,
                         [](std::size_t value, const MathSpan& span) { return value < span.at; });
    if (after == spans.begin())
        return offset;
    const MathSpan& span = *std::prev(after);
    return offset < span.at + span.size ? span.begin : offset - (span.at + span.size) + span.end;
}

ProtectedText protect_math(std::string_view source) {
    ProtectedText out;
    out.text.reserve(source.size());
    for (std::size_t i = 0; i < source.size();) {
        const char c = source[i];
        if (c == '`' || c == '~') {
            const std::size_t end = code_end(source, i);
            out.text += source.substr(i, end - i);
            i = end;
        } else if (c == '$' || c == '\\') {
            bool display = false;
            const bool opens =
                c == '$' || (i + 1 < source.size() && (source[i + 1] == '(' || source[i + 1] == '['));
            const std::size_t end = opens ? math_end(source, i, display) : i;
            const std::size_t plain = std::min<std::size_t>(
                c == '\\' || source.substr(i).starts_with("$$") ? 2 : 1, source.size() - i);
            if (end > i || (opens && c == '\\')) // a formula still open keeps its backslash too
                add_placeholder(out, i, std::max(end, i + plain), display && end > i);
            else
                out.text += source.substr(i, plain);
            i = std::max(end, i + plain);
        } else if (source.substr(i).starts_with(math_open_mark) ||
                   source.substr(i).starts_with(math_close_mark)) {
            out.text += "\xEF\xBF\xBD";
            i += 3;
        } else {
            out.text += c;
            ++i;
        }
    }
    return out;
}

} // namespace switchyard
