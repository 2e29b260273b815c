// The fences around blocks of code in Markdown, for all who read it line by line.
#pragma once

#include <QString>

#include <algorithm>
#include <string_view>

namespace switchyard {

/// The marks that a block of code begins with.
struct CodeFence {
    char mark = 0; ///< '`' or '~'; 0: none
    std::size_t length = 0;

    explicit operator bool() const { return mark != 0; }
    bool operator==(const CodeFence&) const = default;
};

/// The fence that a line opens. `line` is without its indentation: how deep a fence may stand is the caller's
/// affair.
template <typename Char>
CodeFence opened_fence(std::basic_string_view<Char> line) {
    if (line.empty() || (line[0] != '`' && line[0] != '~'))
        return {};
    const std::size_t length = std::min(line.find_first_not_of(line[0]), line.size());
    if (length < 3 ||
        (line[0] == '`' && line.find(Char('`'), length) != line.npos)) // the latter: code in a line
        return {};
    return {static_cast<char>(line[0]), length};
}

/// Whether a line inside `fence` closes it: as many marks or more, and no more than spaces behind them.
template <typename Char>
bool closes_fence(std::basic_string_view<Char> line, const CodeFence& fence) {
    const std::size_t length = std::min(line.find_first_not_of(Char(fence.mark)), line.size());
    if (!fence || length < fence.length)
        return false;
    return std::all_of(line.begin() + static_cast<std::ptrdiff_t>(length), line.end(),
                       [](Char c) { return c == ' ' || c == '\r'; });
}

/// Which lines of a text are code, whatever they are indented by.
class FencedLines {
  public:
    /// Whether the next line is a part of a block of code, its fences included.
    bool take(QStringView text) {
        while (!text.isEmpty() && text.front().isSpace())
            text = text.mid(1);
        const std::u16string_view line(text.utf16(), static_cast<std::size_t>(text.size()));
        if (open_) {
            if (closes_fence(line, open_))
                open_ = {};
            return true;
        }
        open_ = opened_fence(line);
        return static_cast<bool>(open_);
    }
    /// The marks that would close the block which is open; "": none is.
    QString open() const { return QString(static_cast<qsizetype>(open_.length), QLatin1Char(open_.mark)); }

  private:
    CodeFence open_;
};

} // namespace switchyard
