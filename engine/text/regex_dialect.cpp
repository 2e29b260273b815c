// Spells a pattern of the Oniguruma or Rust dialect as PCRE2 does. What differs: \s, \w, \b and \h, nested
// and intersected classes, POSIX classes, scripts, (?m), \uHHHH, and {n,m}+ (which repeats, and is not
// possessive).
#include "engine/base/error.h"
#include "engine/text/regex.h"
#include "engine/text/regex_sets.h"

#include <cctype>
#include <optional>
#include <utility>
#include <vector>

namespace switchyard {

namespace {

// What an escape stands for: text as it is, or a set.
struct Escape {
    std::string text;
    std::optional<RegexSet> set;
};

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
                out_ += as_atom(escape(false));
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

    // \p{name}, \P{name}, \p{^name}; without a brace the letter stands for itself.
    Escape property() {
        bool negated = in_[at_ + 1] == 'P';
        const std::size_t end = in_.find('}', at_);
        if (at_ + 2 >= in_.size() || in_[at_ + 2] != '{' || end == std::string_view::npos) {
            at_ += 2;
            return {std::string(1, in_[at_ - 1]), std::nullopt};
        }
        std::string_view name = in_.substr(at_ + 3, end - at_ - 3);
        at_ = end + 1;
        if (!name.empty() && name[0] == '^') {
            negated = !negated;
            name.remove_prefix(1);
        }
        RegexSet set = regex_property_set(name);
        set.negated ^= negated;
        return {"", std::move(set)};
    }

    static std::string as_class(const RegexSet& set) {
        return (set.negated ? "[^" : "[") + set.contents + "]";
    }
    static std::string as_atom(const Escape& escape) {
        return escape.set ? as_class(*escape.set) : escape.text;
    }

    // \b and \B by the word characters of \w.
    std::string boundary(bool negated) {
        at_ += 2;
        const std::string one = as_class(*regex_escape_set('w', false));
        const std::string between = "(?<=" + one + ")(?!" + one + ")|(?<!" + one + ")(?=" + one + ")";
        return (negated ? "(?!" : "(?:") + between + ")";
    }

    // One escape, inside a class or outside of one.
    Escape escape(bool in_class) {
        if (at_ + 1 >= in_.size())
            fail("it ends in a backslash");
        const char letter = in_[at_ + 1];
        if (auto set = regex_escape_set(letter, in_class)) {
            at_ += 2;
            return {"", std::move(set)};
        }
        if (letter == 'u')
            return {hex_escape(4), std::nullopt};
        if (letter == 'p' || letter == 'P')
            return property();
        if (!in_class && (letter == 'b' || letter == 'B'))
            return {boundary(letter == 'B'), std::nullopt};
        if (const std::size_t end = in_.find('}', at_);
            letter == 'x' && end != std::string_view::npos && at_ + 2 < in_.size() && in_[at_ + 2] == '{') {
            std::string plain(in_.substr(at_, end + 1 - at_));
            at_ = end + 1;
            return {std::move(plain), std::nullopt};
        }
        // Q and E mean something to PCRE2 only; O is any character.
        constexpr std::string_view literal_letters = "QE";
        at_ += 2;
        if (letter == 'O')
            return {"(?s:.)", std::nullopt};
        if (literal_letters.find(letter) != std::string_view::npos)
            return {std::string(1, letter), std::nullopt};
        std::string plain(in_.substr(at_ - 2, 2));
        while (at_ < in_.size() && (static_cast<unsigned char>(in_[at_]) & 0xC0) == 0x80)
            plain += in_[at_++];
        return {std::move(plain), std::nullopt};
    }

    // [:name:] or [:^name:].
    RegexSet posix_class() {
        const std::size_t end = in_.find(":]", at_);
        if (end == std::string_view::npos)
            fail("a class has no end");
        std::string_view name = in_.substr(at_ + 2, end - at_ - 2);
        at_ = end + 2;
        const bool negated = name.starts_with('^');
        name.remove_prefix(negated);
        auto set = regex_posix_set(name);
        if (!set)
            fail("a POSIX class is unknown");
        set->negated ^= negated;
        return *std::move(set);
    }

    static void add_set(const RegexSet& set, std::string& flat, std::vector<std::string>& nested) {
        if (set.negated)
            nested.push_back(as_class(set));
        else
            flat += set.contents;
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
                add_set(posix_class(), flat, nested);
            } else if (c == '[') {
                nested.push_back(char_class());
            } else if (c == '&' && at_ + 1 < in_.size() && in_[at_ + 1] == '&') {
                close_term();
                at_ += 2;
            } else if (c == '\\') {
                const Escape one = escape(true);
                if (one.set)
                    add_set(*one.set, flat, nested);
                else
                    flat += one.text;
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
