#include "engine/text/regex_sets.h"

#include "engine/text/unicode_tables.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <utility>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace switchyard {

namespace {

constexpr std::string_view white_space = "\\x{9}-\\x{d}\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{"
                                         "2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}";
// Letter-like symbols, which \w has besides letters, marks, decimal numbers and connectors.
constexpr std::string_view letter_like = "\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}"
                                         "\\x{1f170}-\\x{1f189}";
// Outside of a class \w has the numbers of Latin-1, too.
constexpr std::string_view latin_numbers = "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}";

std::string spelled(const CodeRanges& ranges) {
    std::string out;
    const auto append = [&](char32_t first, char32_t last) {
        char text[32];
        std::snprintf(text, sizeof text, "\\x{%x}-\\x{%x}", static_cast<unsigned>(first),
                      static_cast<unsigned>(last));
        if (first <= last)
            out += text;
    };
    for (const CodeRange& range : ranges) { // surrogates, which no text has, may not be named
        append(range.first, std::min<char32_t>(range.last, 0xD7FF));
        append(std::max<char32_t>(range.first, 0xE000), range.last);
    }
    return out;
}

/// Whether PCRE2's own tables are of Unicode 14 or newer: ours add to those, and take nothing from them.
bool library_has_14() {
    static const bool has = [] {
        char version[64] = {};
        return pcre2_config(PCRE2_CONFIG_UNICODE_VERSION, version) < 64 && std::atoi(version) >= 14;
    }();
    return has;
}

/// A general category: where it can be the library's, which is quick, and what our tables have besides.
std::string category(std::string_view name) {
    const CodeRanges& ranges = *category_ranges(name);
    // U+1171E has left Mn since, the only character to leave a category.
    if (name == "Cs")
        return "\\p{Cs}";
    if (!library_has_14() || name.starts_with('C') || name == "Mn")
        return spelled(ranges);
    return "\\p{" + std::string(name) + "}" + spelled(both(ranges, changed_since_14()));
}

std::string categories(std::initializer_list<std::string_view> names) {
    std::string out;
    for (const std::string_view name : names)
        out += category(name);
    return out;
}

std::string word() { return categories({"L", "M", "Nd", "Nl", "Pc"}) + std::string(letter_like); }
std::string alphabetic() {
    return categories({"L", "Nl"}) + spelled(unicode_tables::unpack_set(unicode_tables::kAlphabeticMarks));
}

std::optional<RegexSet> posix_set(std::string_view name) {
    const auto text = [](std::string_view contents) { return RegexSet{std::string(contents)}; };
    if (name == "alpha" || name == "alphabetic")
        return text(alphabetic());
    if (name == "alnum")
        return RegexSet{alphabetic() + category("Nd")};
    if (name == "upper")
        return text(category("Lu") + spelled(unicode_tables::unpack_set(unicode_tables::kUpperBesideLu)));
    if (name == "lower" || name == "lowercase")
        return text(category("Ll") + spelled(unicode_tables::unpack_set(unicode_tables::kLowerBesideLl)));
    if (name == "digit")
        return text(category("Nd"));
    if (name == "xdigit")
        return text("0-9A-Fa-f");
    if (name == "punct")
        return text(categories({"P", "S"}));
    if (name == "space")
        return text(white_space);
    if (name == "blank")
        return text("\\x{9}" + category("Zs"));
    if (name == "cntrl")
        return text(category("Cc"));
    if (name == "word")
        return text(word());
    if (name == "graph")
        return RegexSet{categories({"Z", "Cc", "Cn", "Cs"}), true};
    if (name == "print")
        return RegexSet{"\\x{2028}\\x{2029}" + categories({"Cc", "Cn", "Cs"}), true};
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

} // namespace

std::optional<RegexSet> regex_escape_set(char letter, bool in_class) {
    const bool negated = letter >= 'A' && letter <= 'Z';
    switch (letter) {
    case 's':
    case 'S':
        return RegexSet{std::string(white_space), negated};
    case 'w':
    case 'W':
        return RegexSet{word() + std::string(in_class ? "" : latin_numbers), negated};
    case 'h':
    case 'H':
        return RegexSet{"0-9A-Fa-f", negated};
    case 'd':
    case 'D':
        return RegexSet{category("Nd"), negated};
    default:
        return std::nullopt;
    }
}

std::optional<RegexSet> regex_posix_set(std::string_view name) {
    return name == "alphabetic" || name == "lowercase" ? std::nullopt : posix_set(name);
}

RegexSet regex_property_set(std::string_view name) {
    if (name.empty())
        return {"\\p{}"};
    std::string small;
    for (const char c : name)
        small += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    if (small == "punct") // the POSIX class has the symbols, too
        return {category("P")};
    if (small == "word")
        return *regex_escape_set('w', false);
    if (auto set = posix_set(small))
        return *std::move(set);
    for (const auto& [from, to] : long_categories)
        if (name == from)
            name = to;
    std::string as_written = small; // "LU" is Lu
    as_written[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(as_written[0])));
    if (category_ranges(as_written))
        return {category(as_written)};
    if (const CodeRanges* script = script_ranges(name))
        return {spelled(*script)};
    return {"\\p{" + std::string(name) + "}"};
}

} // namespace switchyard
