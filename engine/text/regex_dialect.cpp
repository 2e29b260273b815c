// Spells a pattern of the Oniguruma or Rust dialect as PCRE2 does. What differs: \s, \w and \h, nested and
// intersected classes, (?m), \uHHHH, long property names, and {n,m}+ (which repeats, and is not possessive).
#include "engine/base/error.h"
#include "engine/text/regex.h"

#include <array>
#include <cctype>
#include <utility>
#include <vector>

namespace switchyard {

namespace {

// White_Space and its complement as class contents.
constexpr std::string_view white_space = "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{"
                                         "2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
constexpr std::string_view not_white_space =
    "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}"
    "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}";
// Alphabetic, marks, decimal numbers and connectors; the last three ranges are letter-like symbols.
constexpr std::string_view word =
    "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}"
    "\\x{1f170}-\\x{1f189}";

constexpr std::array<std::pair<std::string_view, std::string_view>, 22> long_properties = {
    {{"Letter", "L"},
     {"Lowercase_Letter", "Ll"},
     {"Uppercase_Letter", "Lu"},
     {"Titlecase_Letter", "Lt"},
     {"Modifier_Letter", "Lm"},
     {"Other_Letter", "Lo"},
     {"Mark", "M"},
     {"Nonspacing_Mark", "Mn"},
     {"Number", "N"},
     {"Decimal_Number", "Nd"},
     {"Letter_Number", "Nl"},
     {"Other_Number", "No"},
     {"Punctuation", "P"},
     {"Symbol", "S"},
     {"Separator", "Z"},
     {"Space_Separator", "Zs"},
     {"Other", "C"},
     {"Control", "Cc"},
     {"Lower", "Ll"},
     {"Upper", "Lu"},
     {"Digit", "Nd"},
     {"Alpha", "L"}}};

class Translator {
  public:
    explicit Translator(std::string_view pattern) : in_(pattern) {}

    std::string run() {
        while (at_ < in_.size())
            element();
        return std::move(out_);
    }

  private:
    void element() {
        const char c = in_[at_];
        if (c == '}' || c == '*' || c == '+' || c == '?' || c == '|' || c == ')') {
            if (c == ')' && !groups_.empty()) {
                atom_ = groups_.back();
                groups_.pop_back();
            }
            out_ += c;
            ++at_;
        } else if (c == '{') {
            interval();
        } else if (c == '(') {
            group();
        } else {
            atom_ = out_.size();
            if (c == '\\')
                out_ += escape(false);
            else if (c == '[')
                out_ += char_class();
            else
                literal();
        }
    }

    void literal() {
        out_ += in_[at_++];
        while (at_ < in_.size() && (static_cast<unsigned char>(in_[at_]) & 0xC0) == 0x80)
            out_ += in_[at_++];
    }

    // {n,m}: a following + repeats the whole.
    void interval() {
        const std::size_t end = in_.find('}', at_);
        const std::size_t stop = in_.find_first_not_of("0123456789,", at_ + 1);
        if (end == std::string_view::npos || stop != end || end == at_ + 1) {
            atom_ = out_.size();
            out_ += "\\{";
            ++at_;
            return;
        }
        std::string bounds(in_.substr(at_, end + 1 - at_));
        if (bounds[1] == ',')
            bounds.insert(1, "0"); // {,m}
        out_ += bounds;
        at_ = end + 1;
        if (at_ < in_.size() && in_[at_] == '+') {
            out_.insert(atom_, "(?:");
            out_ += ')';
        }
    }

    void group() {
        groups_.push_back(out_.size());
        out_ += in_[at_++];
        if (at_ + 1 >= in_.size() || in_[at_] != '?')
            return;
        out_ += in_[at_++];
        // Inline options: m is "dot matches a line end" here, which PCRE2 calls s.
        while (at_ < in_.size() && (in_[at_] == 'i' || in_[at_] == 'm' || in_[at_] == 's' ||
                                    in_[at_] == 'x' || in_[at_] == '-' || in_[at_] == 'u')) {
            if (in_[at_] != 'u')
                out_ += in_[at_] == 'm' ? 's' : in_[at_];
            ++at_;
        }
    }

    std::string hex_escape(std::size_t digits) {
        const std::size_t begin = at_ + 2;
        if (begin + digits > in_.size())
            fail("an escape is cut off");
        at_ = begin + digits;
        return "\\x{" + std::string(in_.substr(begin, digits)) + "}";
    }

    std::string property() {
        const char kind = in_[at_ + 1];
        const std::size_t end = in_.find('}', at_);
        if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || end == std::string_view::npos) {
            const std::string whole(in_.substr(at_, 3)); // \pL
            at_ += whole.size();
            return whole;
        }
        std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
        at_ = end + 1;
        bool negated = kind == 'P';
        if (!name.empty() && name[0] == '^') {
            negated = !negated;
            name.remove_prefix(1);
        }
        for (const auto& [from, to] : long_properties)
            if (name == from)
                name = to;
        return std::string(negated ? "\\P{" : "\\p{") + std::string(name) + "}";
    }

    // One escape, inside a class or outside of one.
    std::string escape(bool in_class) {
        if (at_ + 1 >= in_.size())
            fail("it ends in a backslash");
        const auto set = [&](std::string_view inside, bool negated) {
            at_ += 2;
            return in_class ? std::string(inside)
                            : std::string(negated ? "[^" : "[") + std::string(inside) + "]";
        };
        switch (in_[at_ + 1]) {
        case 's':
            return set(white_space, false);
        case 'S':
            return in_class ? set(not_white_space, false) : set(white_space, true);
        case 'w':
            return set(word, false);
        case 'W':
            if (in_class)
                fail("\\W inside a class is not supported");
            return set(word, true);
        case 'h':
            return set("0-9a-fA-F", false);
        case 'd':
            return set("\\p{Nd}", false);
        case 'D':
            return set("\\P{Nd}", false);
        case 'u':
            return hex_escape(4);
        case 'p':
        case 'P':
            return property();
        default:
            break;
        }
        std::string plain(in_.substr(at_, 2));
        at_ += 2;
        while (at_ < in_.size() && (static_cast<unsigned char>(in_[at_]) & 0xC0) == 0x80)
            plain += in_[at_++];
        return plain;
    }

    // [...]: a union of its parts; && becomes a look-ahead, a nested class an alternative.
    std::string char_class() {
        if (++depth_ > 16)
            fail("classes are nested too deep");
        ++at_;
        const bool negated = at_ < in_.size() && in_[at_] == '^';
        at_ += negated;
        std::vector<std::string> terms; // intersected
        std::string flat;               // contents of one plain class
        std::vector<std::string> nested;
        const auto close_term = [&] {
            std::string term = flat.empty() ? "" : "[" + flat + "]";
            for (const std::string& part : nested)
                term += (term.empty() ? "" : "|") + part;
            terms.push_back(nested.empty() || term.empty() ? term : "(?:" + term + ")");
            flat.clear();
            nested.clear();
        };
        bool first = true;
        while (true) {
            if (at_ >= in_.size())
                fail("a class has no end");
            const char c = in_[at_];
            if (c == ']' && !first) {
                ++at_;
                break;
            }
            first = false;
            if (c == '[' && at_ + 1 < in_.size() && in_[at_ + 1] == ':') {
                const std::size_t end = in_.find(":]", at_);
                if (end == std::string_view::npos)
                    fail("a class has no end");
                flat += in_.substr(at_, end + 2 - at_);
                at_ = end + 2;
            } else if (c == '[') {
                nested.push_back(char_class());
            } else if (c == '&' && at_ + 1 < in_.size() && in_[at_ + 1] == '&') {
                close_term();
                at_ += 2;
            } else if (c == '\\') {
                flat += escape(true);
            } else {
                flat += c == ']' ? "\\]" : std::string(1, c);
                ++at_;
            }
        }
        --depth_;
        if (terms.empty() && nested.empty())
            return (negated ? "[^" : "[") + flat + "]";
        close_term();
        std::string all;
        for (std::size_t i = 0; i + 1 < terms.size(); ++i)
            all += "(?=" + terms[i] + ")";
        all += terms.back();
        return negated ? "(?:(?!" + all + ")(?s:.))" : "(?:" + all + ")";
    }

    [[noreturn]] void fail(const char* why) const {
        throw Error("Regular expression '" + std::string(in_) + "': " + why);
    }

    std::string_view in_;
    std::size_t at_ = 0;
    std::string out_;
    std::size_t atom_ = 0;            // where the last atom begins in out_
    std::vector<std::size_t> groups_; // where the open groups begin
    int depth_ = 0;
};

} // namespace

std::string literal_pattern(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool punctuation = c > ' ' && c < 0x7F && !std::isalnum(static_cast<unsigned char>(c));
        if (punctuation)
            out += '\\';
        out += c;
    }
    return out;
}

std::string to_pcre2(std::string_view pattern) { return Translator(pattern).run(); }

} // namespace switchyard
