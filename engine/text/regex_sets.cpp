#include "engine/text/regex_sets.h"

#include <array>
#include <cctype>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace switchyard {

namespace {

constexpr std::string_view white_space = "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{"
                                         "2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
// Letters, marks, decimal numbers, connectors, letter-like symbols.
constexpr std::string_view word = "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}"
                                  "\\x{1f150}-\\x{1f169}\\x{1f170}-\\x{1f189}";
// Outside of a class \w has the numbers of Latin-1, too.
constexpr std::string_view latin_numbers = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";
// The ranges are what versions of Unicode after 14 added to the property.
constexpr std::string_view alphabetic = "\\p{Alphabetic}\\x{363}-\\x{36f}\\x{c04}\\x{f82}\\x{f83}"
                                        "\\x{1dd3}-\\x{1de6}\\x{11080}\\x{11081}";
constexpr std::string_view lower_case = "\\p{Lowercase}\\x{10fc}\\x{a7f2}-\\x{a7f4}\\x{ab69}";

std::optional<RegexSet> posix_set(std::string_view name) {
    const auto text = [](std::string_view contents) { return RegexSet{std::string(contents)}; };
    if (name == "alpha" || name == "alphabetic")
        return text(alphabetic);
    if (name == "alnum")
        return RegexSet{std::string(alphabetic) + "\\p{Nd}"};
    if (name == "upper")
        return text("\\p{Uppercase}");
    if (name == "lower" || name == "lowercase")
        return text(lower_case);
    if (name == "digit")
        return text("\\p{Nd}");
    if (name == "xdigit")
        return text("0-9A-Fa-f");
    if (name == "punct")
        return text("\\p{P}\\p{S}");
    if (name == "space")
        return text(white_space);
    if (name == "blank")
        return text("\\x{9}\\p{Zs}");
    if (name == "cntrl")
        return text("\\p{Cc}");
    if (name == "word")
        return text(word);
    if (name == "graph")
        return RegexSet{"\\p{Z}\\p{Cc}\\p{Cn}\\p{Cs}", true};
    if (name == "print")
        return RegexSet{"\\x{2028}\\x{2029}\\p{Cc}\\p{Cn}\\p{Cs}", true};
    return std::nullopt;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 18> long_categories = {
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
     {"Control", "Cc"}}};

// PCRE2 counts the script extensions to a script where it is not told otherwise.
bool is_script(std::string_view name) {
    const std::string pattern = "\\p{sc:" + std::string(name) + "}";
    int error = 0;
    PCRE2_SIZE offset = 0;
    pcre2_code* code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(), PCRE2_UTF,
                                     &error, &offset, nullptr);
    pcre2_code_free(code);
    return code != nullptr;
}

} // namespace

std::optional<RegexSet> regex_escape_set(char letter, bool in_class) {
    const bool negated = letter >= 'A' && letter <= 'Z';
    switch (letter) {
    case 's':
    case 'S':
        return RegexSet{std::string(white_space), negated};
    case 'w':
    case 'W':
        return RegexSet{std::string(word) + std::string(in_class ? "" : latin_numbers), negated};
    case 'h':
    case 'H':
        return RegexSet{"0-9A-Fa-f", negated};
    case 'd':
    case 'D':
        return RegexSet{"\\p{Nd}", negated};
    default:
        return std::nullopt;
    }
}

std::optional<RegexSet> regex_posix_set(std::string_view name) {
    return name == "alphabetic" || name == "lowercase" ? std::nullopt : posix_set(name);
}

RegexSet regex_property_set(std::string_view name) {
    std::string small;
    for (const char c : name)
        small += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (small == "punct") // the POSIX class has the symbols, too
        return {"\\p{P}"};
    if (small == "word")
        return *regex_escape_set('w', false);
    if (auto set = posix_set(small))
        return *std::move(set);
    for (const auto& [from, to] : long_categories)
        if (name == from)
            name = to;
    const bool script = name.size() > 2 && name != "Any" && is_script(name);
    return {(script ? "\\p{sc:" : "\\p{") + std::string(name) + "}"};
}

} // namespace switchyard
