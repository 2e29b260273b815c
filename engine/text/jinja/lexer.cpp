#include "engine/text/jinja/lexer.h"

#include "engine/base/real_text.h"
#include "engine/text/jinja/failure.h"
#include "engine/text/jinja/unicode.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

namespace switchyard::jinja {
namespace {

int hex_value(char c) {
    if (is_ascii_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

std::string normalize_newlines(std::string_view source) {
    std::string out;
    out.reserve(source.size());
    for (std::size_t i = 0; i < source.size(); ++i) {
        if (source[i] != '\r') {
            out += source[i];
            continue;
        }
        out += '\n';
        if (i + 1 < source.size() && source[i + 1] == '\n')
            ++i;
    }
    if (!out.empty() && out.back() == '\n')
        out.pop_back();
    return out;
}

std::size_t skip_space(std::string_view text, std::size_t pos) {
    while (pos < text.size()) {
        std::size_t next = pos;
        if (!is_space(decode_at(text, next)))
            break;
        pos = next;
    }
    return pos;
}

/// Length of the text without the white space at its end.
std::size_t trimmed_size(std::string_view text) {
    std::size_t end = 0, pos = 0;
    while (pos < text.size())
        if (!is_space(decode_at(text, pos)))
            end = pos;
    return end;
}

class Lexer {
  public:
    explicit Lexer(std::string_view source) : source_(normalize_newlines(valid_utf8(source))) {}

    std::vector<Token> run() {
        while (pos_ < source_.size())
            lex_root();
        push(TokenType::End, "");
        return std::move(tokens_);
    }

  private:
    // A tag found in template text.
    struct Tag {
        std::size_t at = std::string::npos; ///< where its first brace is
        std::size_t end = 0;                ///< behind the tag's start and its sign
        char kind = 0;                      ///< '{' variable, '%' block, '#' comment, 'r' raw
        char sign = 0;                      ///< '-', '+' or 0
    };

    char at(std::size_t i) const { return i < source_.size() ? source_[i] : '\0'; }
    bool starts(std::size_t i, std::string_view what) const {
        return std::string_view(source_).substr(std::min(i, source_.size())).starts_with(what);
    }
    void push(TokenType type, std::string text) {
        Token token;
        token.type = type;
        token.text = std::move(text);
        token.line = line_;
        tokens_.push_back(std::move(token));
    }
    /// Moves to `end`, counting lines.
    void advance(std::size_t end) {
        line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(pos_),
                                             source_.begin() + static_cast<std::ptrdiff_t>(end), '\n'));
        line_starting_ = end > pos_ ? source_[end - 1] == '\n' : false;
        pos_ = end;
    }

    /// {% raw %} at i: where it ends, or npos.
    std::size_t match_raw_begin(std::size_t i, char& sign) const {
        std::size_t p = i + 2;
        sign = 0;
        if (at(p) == '-' || at(p) == '+')
            sign = at(p++);
        p = skip_space(source_, p);
        if (!starts(p, "raw"))
            return std::string::npos;
        p = skip_space(source_, p + 3);
        if (starts(p, "-%}"))
            return skip_space(source_, p + 3);
        return starts(p, "%}") ? p + 2 : std::string::npos;
    }

    Tag find_tag() const {
        for (std::size_t i = source_.find('{', pos_); i != std::string::npos; i = source_.find('{', i + 1)) {
            const char kind = at(i + 1);
            if (kind != '{' && kind != '%' && kind != '#')
                continue;
            Tag tag;
            tag.at = i;
            if (kind == '%') {
                const std::size_t raw_end = match_raw_begin(i, tag.sign);
                if (raw_end != std::string::npos) {
                    tag.end = raw_end;
                    tag.kind = 'r';
                    return tag;
                }
            }
            tag.kind = kind;
            tag.end = i + 2;
            tag.sign = 0;
            if (at(tag.end) == '-' || at(tag.end) == '+')
                tag.sign = at(tag.end++);
            return tag;
        }
        return {};
    }

    /// Template text before a tag, as its sign and lstrip_blocks leave it.
    std::string_view strip_before(std::string_view text, char sign, bool variable) const {
        if (sign == '-')
            return text.substr(0, trimmed_size(text));
        if (sign == '+' || variable)
            return text;
        const std::size_t newline = text.rfind('\n');
        const std::size_t start = newline == std::string_view::npos ? 0 : newline + 1;
        if (start == 0 && !line_starting_)
            return text;
        if (start < text.size() && skip_space(text, start) == text.size())
            return text.substr(0, start);
        return text;
    }

    void push_data(std::string_view text) {
        if (!text.empty())
            push(TokenType::Data, std::string(text));
    }

    void lex_root() {
        const Tag tag = find_tag();
        const std::string_view source = source_;
        if (tag.at == std::string::npos) {
            push_data(source.substr(pos_));
            advance(source_.size());
            return;
        }
        push_data(strip_before(source.substr(pos_, tag.at - pos_), tag.sign, tag.kind == '{'));
        advance(tag.at);
        const int line = line_;
        advance(tag.end);
        switch (tag.kind) {
        case '#':
            lex_comment(line);
            break;
        case 'r':
            lex_raw(line);
            break;
        default:
            push(tag.kind == '{' ? TokenType::VariableBegin : TokenType::BlockBegin, "");
            lex_tag(tag.kind == '{');
        }
    }

    /// The end of a block or comment tag at i ("%}" or "#}"), with its sign and the line end it takes; npos.
    std::size_t match_end(std::size_t i, std::string_view close) const {
        if (at(i) == '+' && starts(i + 1, close))
            return i + 1 + close.size();
        if (at(i) == '-' && starts(i + 1, close))
            return skip_space(source_, i + 1 + close.size());
        if (!starts(i, close))
            return std::string::npos;
        const std::size_t end = i + close.size();
        return at(end) == '\n' ? end + 1 : end;
    }

    void lex_comment(int line) {
        for (std::size_t i = pos_; i < source_.size(); ++i) {
            const std::size_t end = match_end(i, "#}");
            if (end == std::string::npos)
                continue;
            advance(end);
            return;
        }
        fail_at(line, "the comment is never closed: \"#}\" is missing");
    }

    void lex_raw(int line) {
        const std::string_view source = source_;
        for (std::size_t i = source_.find("{%", pos_); i != std::string::npos;
             i = source_.find("{%", i + 1)) {
            std::size_t p = i + 2;
            char sign = 0;
            if (at(p) == '-' || at(p) == '+')
                sign = at(p++);
            p = skip_space(source_, p);
            if (!starts(p, "endraw"))
                continue;
            const std::size_t end = match_end(skip_space(source_, p + 6), "%}");
            if (end == std::string::npos)
                continue;
            push_data(strip_before(source.substr(pos_, i - pos_), sign, false));
            advance(end);
            return;
        }
        fail_at(line, "the raw block is never closed: {% endraw %} is missing");
    }

    /// Tokens up to the end of a {{ }} or {% %} tag.
    void lex_tag(bool variable) {
        std::string open; // brackets still open: an end of tag counts only outside of them
        while (pos_ < source_.size()) {
            if (open.empty()) {
                const std::size_t end = variable ? match_variable_end() : match_end(pos_, "%}");
                if (end != std::string::npos) {
                    push(variable ? TokenType::VariableEnd : TokenType::BlockEnd, "");
                    advance(end);
                    return;
                }
            }
            const std::size_t blank = skip_space(source_, pos_);
            if (blank > pos_) {
                advance(blank);
                continue;
            }
            if (!lex_number() && !lex_name() && !lex_string())
                lex_operator(open);
        }
    }

    std::size_t match_variable_end() const {
        if (starts(pos_, "-}}"))
            return skip_space(source_, pos_ + 3);
        return starts(pos_, "}}") ? pos_ + 2 : std::string::npos;
    }

    /// Digits with single underscores between them; the end, or `i` where there are none.
    std::size_t match_digits(std::size_t i) const {
        std::size_t end = i;
        while (is_ascii_digit(at(end)) || (at(end) == '_' && end > i && is_ascii_digit(at(end + 1))))
            ++end;
        return end;
    }

    bool lex_number() {
        if (!is_ascii_digit(at(pos_)))
            return false;
        if (const std::size_t end = match_float(); end > pos_) {
            Token token;
            token.type = TokenType::Float;
            token.line = line_;
            token.real = real_of(plain_digits(pos_, end)).value_or(0);
            tokens_.push_back(std::move(token));
            advance(end);
            return true;
        }
        lex_integer();
        return true;
    }

    std::string plain_digits(std::size_t from, std::size_t to) const {
        std::string digits = source_.substr(from, to - from);
        std::erase(digits, '_');
        return digits;
    }

    /// A float needs a fraction or an exponent, and "a.1.2" holds none.
    std::size_t match_float() const {
        if (pos_ > 0 && source_[pos_ - 1] == '.')
            return pos_;
        const std::size_t whole = match_digits(pos_);
        std::size_t end = whole;
        if (at(whole) == '.' && is_ascii_digit(at(whole + 1)))
            end = match_digits(whole + 1);
        if (at(end) == 'e' || at(end) == 'E') {
            std::size_t exponent = end + 1;
            if (at(exponent) == '+' || at(exponent) == '-')
                ++exponent;
            const std::size_t exponent_end = match_digits(exponent);
            if (exponent_end > exponent)
                return exponent_end;
        }
        return end > whole ? end : pos_;
    }

    void lex_integer() {
        int base = 10;
        std::size_t start = pos_, end = pos_;
        if (at(pos_) == '0') {
            const char mark = static_cast<char>(at(pos_ + 1) | 0x20);
            const int prefix = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 0;
            if (prefix != 0)
                end = match_based(pos_ + 2, prefix);
            if (end > pos_ + 2) {
                base = prefix;
                start = pos_ + 2;
            } else {
                end = pos_ + 1;
                while (at(end) == '0' || (at(end) == '_' && at(end + 1) == '0'))
                    ++end;
            }
        } else {
            end = match_digits(pos_);
        }
        const std::string digits = plain_digits(start, end);
        Token token;
        token.type = TokenType::Integer;
        token.line = line_;
        const auto [rest, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), token.integer, base);
        if (error != std::errc() || rest != digits.data() + digits.size())
            fail_at(line_, "the number " + source_.substr(pos_, end - pos_) + " is too large");
        tokens_.push_back(std::move(token));
        advance(end);
    }

    std::size_t match_based(std::size_t i, int base) const {
        std::size_t end = i;
        const auto fits = [&](std::size_t k) {
            const int value = hex_value(at(k));
            return value >= 0 && value < base;
        };
        while (fits(end) || (at(end) == '_' && fits(end + 1)))
            ++end;
        return end;
    }

    bool lex_name() {
        std::size_t end = pos_;
        char32_t first = 0;
        while (end < source_.size()) {
            std::size_t next = end;
            const char32_t c = decode_at(source_, next);
            if (!is_word(c))
                break;
            if (end == pos_)
                first = c;
            end = next;
        }
        if (end == pos_)
            return false;
        if (!is_identifier_start(first))
            fail_at(line_, "invalid character in the name \"" + source_.substr(pos_, end - pos_) + "\"");
        push(TokenType::Name, source_.substr(pos_, end - pos_));
        advance(end);
        return true;
    }

    bool lex_string() {
        const char quote = at(pos_);
        if (quote != '\'' && quote != '"')
            return false;
        std::size_t end = pos_ + 1;
        while (end < source_.size() && source_[end] != quote)
            end += source_[end] == '\\' ? 2 : 1;
        if (end >= source_.size())
            fail_at(line_, "a string is never closed");
        push(TokenType::String, unescape(std::string_view(source_).substr(pos_ + 1, end - pos_ - 1)));
        advance(end + 1);
        return true;
    }

    std::string unescape(std::string_view text) const {
        std::string out;
        out.reserve(text.size());
        std::size_t i = 0;
        while (i < text.size()) {
            if (text[i] != '\\') {
                out += text[i++];
                continue;
            }
            i = unescape_one(text, i + 1, out);
        }
        return out;
    }

    /// The escape whose letter is at i; returns the position behind it.
    std::size_t unescape_one(std::string_view text, std::size_t i, std::string& out) const {
        static constexpr std::string_view letters = "\\'\"abfnrtv";
        static constexpr std::string_view values = "\\'\"\a\b\f\n\r\t\v";
        if (i >= text.size())
            fail_at(line_, "a string ends in a lone backslash");
        const char c = text[i];
        if (c == '\n')
            return i + 1;
        if (const auto at = letters.find(c); at != std::string_view::npos) {
            out += values[at];
            return i + 1;
        }
        if (c >= '0' && c <= '7') {
            char32_t value = 0;
            std::size_t end = i;
            while (end < text.size() && end < i + 3 && text[end] >= '0' && text[end] <= '7')
                value = value * 8 + static_cast<char32_t>(text[end++] - '0');
            append_utf8(out, value);
            return end;
        }
        if (c == 'x' || c == 'u' || c == 'U')
            return unescape_hex(text, i, out);
        if (c == 'N')
            fail_at(line_, "characters by name (\\N) are not supported");
        out += '\\';
        if (static_cast<unsigned char>(c) < 0x80) {
            out += c;
            return i + 1;
        }
        // Python spells the character as an escape first, whose backslash the one before it then takes.
        const char32_t code = decode_at(text, i);
        std::array<char, 12> hex{};
        std::snprintf(hex.data(), hex.size(),
                      code < 0x100     ? "x%02x"
                      : code < 0x10000 ? "u%04x"
                                       : "U%08x",
                      static_cast<unsigned>(code));
        out += hex.data();
        return i;
    }

    std::size_t unescape_hex(std::string_view text, std::size_t i, std::string& out) const {
        const std::size_t digits = text[i] == 'x' ? 2 : text[i] == 'u' ? 4 : 8;
        char32_t value = 0;
        for (std::size_t k = i + 1; k <= i + digits; ++k) {
            const int digit = k < text.size() ? hex_value(text[k]) : -1;
            if (digit < 0)
                fail_at(line_, std::string("a \\") + text[i] + " escape in a string is cut short");
            value = value * 16 + static_cast<char32_t>(digit);
        }
        if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
            fail_at(line_, "a string holds an escape that is no Unicode character");
        append_utf8(out, value);
        return i + 1 + digits;
    }

    void lex_operator(std::string& open) {
        static constexpr std::array<std::string_view, 27> operators = {
            "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]",
            "(",  ")",  "{",  "}",  ">",  "<",  "=", ".", ":", "|", ",", ";", ""};
        for (const std::string_view op : operators) {
            if (op.empty() || !starts(pos_, op))
                continue;
            const char c = op[0];
            if (c == '(' || c == '[' || c == '{')
                open += c == '(' ? ')' : c == '[' ? ']' : '}';
            if (c == ')' || c == ']' || c == '}') {
                if (open.empty())
                    fail_at(line_, std::string("unexpected '") + c + "'");
                if (open.back() != c)
                    fail_at(line_, std::string("unexpected '") + c + "', expected '" + open.back() + "'");
                open.pop_back();
            }
            push(TokenType::Operator, std::string(op));
            advance(pos_ + op.size());
            return;
        }
        std::size_t end = pos_;
        decode_at(source_, end);
        fail_at(line_, "unexpected character '" + source_.substr(pos_, end - pos_) + "'");
    }

    std::string source_;
    std::size_t pos_ = 0;
    int line_ = 1;
    bool line_starting_ = true; ///< the last match ended a line (or nothing was matched yet)
    std::vector<Token> tokens_;
};

} // namespace

std::vector<Token> tokenize(std::string_view source) { return Lexer(source).run(); }

std::string describe(const Token& token) {
    switch (token.type) {
    case TokenType::Data:
        return "template text";
    case TokenType::BlockBegin:
        return "'{%'";
    case TokenType::BlockEnd:
        return "'%}'";
    case TokenType::VariableBegin:
        return "'{{'";
    case TokenType::VariableEnd:
        return "'}}'";
    case TokenType::String:
        return "a string";
    case TokenType::Integer:
    case TokenType::Float:
        return "a number";
    case TokenType::End:
        return "the end of the template";
    default:
        return "'" + token.text + "'";
    }
}

} // namespace switchyard::jinja
