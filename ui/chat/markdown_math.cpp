#include "ui/chat/markdown_math.h"

#include "app/services/code_fence.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace switchyard {
namespace {

bool is_space(char c) { return std::isspace(static_cast<unsigned char>(c)) != 0; }
bool is_digit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }

/// Where a mark stands next; asked for growing offsets, it reads the text once.
class NextMark {
  public:
    NextMark(std::string_view source, std::string_view mark) : source_(source), mark_(mark) {}
    std::size_t from(std::size_t at) {
        if (!known_ || (next_ < at && next_ != std::string_view::npos))
            next_ = source_.find(mark_, at);
        known_ = true;
        return next_;
    }

  private:
    std::string_view source_, mark_;
    std::size_t next_ = 0;
    bool known_ = false;
};

class MathFinder {
  public:
    explicit MathFinder(std::string_view source)
        : source_(source), round_(source, "\\)"), square_(source, "\\]"), dollars_(source, "$$"),
          gap_(source, "\n\n") {
        out_.text = source;
    }

    ProtectedText run() {
        while (at_ < source_.size()) {
            const char c = source_[at_];
            if (c == '`' || c == '~')
                at_ = code_end();
            else if (c == '$' || c == '\\')
                formula();
            else if (const std::size_t end = note_end(); end > at_)
                note(end);
            else if (const std::size_t end = address_end(); end > at_)
                at_ = end;
            else {
                if (c == '\n')
                    line_ = at_ + 1;
                ++at_;
            }
        }
        return std::move(out_);
    }

  private:
    /// End of the code that begins with the marks at `at_`: of the span, of the fenced block, or of the
    /// marks alone where nothing closes them.
    std::size_t code_end() {
        const char mark = source_[at_];
        const std::size_t run = run_length(at_);
        if (source_.substr(line_, at_ - line_).find_first_not_of(" \t") == std::string_view::npos)
            if (const CodeFence fence = opened_fence(source_.substr(at_, line_end(at_) - at_)))
                return fence_end(fence);
        if (mark == '~' && run == 1) // "about ~5 and ~6" strikes nothing out
            out_.text[at_] = filler;
        if (mark == '~' || run >= unclosed_.size() || unclosed_[run])
            return at_ + run;
        for (std::size_t i = at_ + run; (i = source_.find(mark, i)) != std::string_view::npos;) {
            const std::size_t length = run_length(i);
            i += length;
            if (length == run) {
                const std::size_t newline = source_.rfind('\n', i - 1);
                if (newline != std::string_view::npos && newline >= at_)
                    line_ = newline + 1;
                return i;
            }
        }
        unclosed_[run] = true;
        return at_ + run;
    }

    /// Of the block that the line at `at_` opens: with its closing line.
    std::size_t fence_end(const CodeFence& fence) {
        for (std::size_t begin = line_end(at_) + 1; begin < source_.size(); begin = line_end(begin) + 1) {
            const std::size_t end = line_end(begin);
            const std::size_t marks = std::min(source_.find_first_not_of(" \t", begin), end);
            if (closes_fence(source_.substr(marks, end - marks), fence)) {
                line_ = begin;
                return end;
            }
        }
        return source_.size();
    }

    std::size_t line_end(std::size_t at) const { return std::min(source_.find('\n', at), source_.size()); }

    std::size_t run_length(std::size_t at) const {
        return std::min(source_.find_first_not_of(source_[at], at), source_.size()) - at;
    }

    /// End of an address, in which a dollar is a letter; `at_` itself where none begins.
    std::size_t address_end() const {
        const std::string_view rest = source_.substr(at_);
        std::size_t begin = 0;
        if (rest.starts_with("](") || rest.starts_with("]: "))
            begin = 2;
        else if (!rest.starts_with("http://") && !rest.starts_with("https://") && !rest.starts_with("www."))
            return at_;
        constexpr std::size_t longest = 2000;
        const std::size_t end = rest.substr(0, longest).find_first_of(" \t\n)>", begin);
        return at_ + (end == std::string_view::npos ? begin : end);
    }

    /// End of the mark of a footnote, "[^1]"; `at_` itself where none begins, or where it is a link's text.
    std::size_t note_end() const {
        const std::string_view rest = source_.substr(at_, longest_note);
        if (!rest.starts_with("[^"))
            return at_;
        const std::size_t close = rest.find_first_of("[] \t\r\n`$\\", 2);
        if (close == std::string_view::npos || close == 2 || rest[close] != ']' ||
            source_.substr(at_ + close + 1, 1) == "(")
            return at_;
        return at_ + close + 1;
    }

    void note(std::size_t end) {
        const std::string_view before = source_.substr(line_, at_ - line_);
        const bool head = before.find_first_not_of(" >") == std::string_view::npos;
        add(head && source_.substr(end, 1) == ":" ? end + 1 : end, SpanKind::Note);
        at_ = out_.spans.back().end;
    }

    void formula() {
        const std::string_view rest = source_.substr(at_);
        const bool pair = rest.starts_with("\\(") || rest.starts_with("\\[") || rest.starts_with("$$");
        const std::size_t mark = std::min<std::size_t>(pair || rest[0] == '\\' ? 2 : 1, rest.size());
        const std::size_t end = rest[0] == '$' || pair ? math_end() : at_;
        if (end > at_)
            add(end, pair && rest[1] != '(' ? SpanKind::Display : SpanKind::Formula);
        else if (pair && rest[0] == '\\')
            std::fill_n(out_.text.begin() + static_cast<std::ptrdiff_t>(at_), 2, filler);
        for (const std::size_t stop = std::max(end, at_ + mark); at_ < stop; ++at_) {
            if (source_[at_] == '\n')
                line_ = at_ + 1;
        }
    }

    /// End of the formula that opens at `at_`; `at_` itself where none does.
    std::size_t math_end() {
        const std::string_view rest = source_.substr(at_);
        if (rest.starts_with("\\("))
            return closed_by(round_);
        if (rest.starts_with("\\["))
            return closed_by(square_);
        if (rest.starts_with("$$"))
            return closed_by(dollars_);
        if (rest.size() < 3 || is_space(rest[1]))
            return at_;
        for (std::size_t i = 1; i < rest.size() && i <= longest_formula && rest[i] != '\n'; ++i) {
            if (rest[i] == '\\')
                ++i;
            else if (rest[i] == '$')
                return i == 1 || is_space(rest[i - 1]) || (i + 1 < rest.size() && is_digit(rest[i + 1]))
                           ? at_
                           : at_ + i + 1;
        }
        return at_;
    }

    std::size_t closed_by(NextMark& mark) {
        const std::size_t end = mark.from(at_ + 2);
        if (end == std::string_view::npos || end > gap_.from(at_) || end - at_ > longest_formula)
            return at_;
        return end + 2;
    }

    void add(std::size_t end, SpanKind kind) {
        std::fill(out_.text.begin() + static_cast<std::ptrdiff_t>(at_),
                  out_.text.begin() + static_cast<std::ptrdiff_t>(end), filler);
        out_.spans.push_back({at_, end, kind});
    }

    std::string_view source_;
    ProtectedText out_;
    std::size_t at_ = 0, line_ = 0; ///< `line_`: where the line that holds `at_` begins
    NextMark round_, square_, dollars_, gap_;
    std::array<bool, 64> unclosed_{}; ///< by length: no such run of backticks closes any more
};

} // namespace

ProtectedText protect_math(std::string_view source) { return MathFinder(source).run(); }

} // namespace switchyard
