// Character tables made by tests/oracle/unicode_tables.py, and how they are unpacked: the same on every
// system, whatever its libraries know of Unicode.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace switchyard {

/// General categories in the order of the tables.
enum class Category : std::uint8_t {
    Lu,
    Ll,
    Lt,
    Lm,
    Lo,
    Mn,
    Mc,
    Me,
    Nd,
    Nl,
    No,
    Pc,
    Pd,
    Ps,
    Pe,
    Pi,
    Pf,
    Po,
    Sm,
    Sc,
    Sk,
    So,
    Zs,
    Zl,
    Zp,
    Cc,
    Cf,
    Co,
    Cs,
    Cn
};

/// Both ends belong to it.
struct CodeRange {
    char32_t first, last;
    bool operator==(const CodeRange&) const = default;
};
/// Ascending, without overlaps and without two that touch.
using CodeRanges = std::vector<CodeRange>;

bool contains(const CodeRanges& ranges, char32_t code);
CodeRanges both(const CodeRanges& a, const CodeRanges& b); ///< what is in a and in b
CodeRanges joined(CodeRanges a, const CodeRanges& b);      ///< what is in a or in b

/// Numbers are spelled with 64 characters: five bits each, the little end first, the sixth bit says that more
/// follow. Every table is unpacked once, at its first use.
namespace unicode_tables {

extern const std::string_view kCategories, kScripts, kScriptNames, kAlphabeticMarks, kLowerBesideLl,
    kUpperBesideLu, kChanged, kNumeric, kPunctuation, kWordCharacters, kAccents, kNormalized, kLowerCase;

/// Gap and length of each range.
CodeRanges unpack_set(std::string_view packed);

} // namespace unicode_tables

/// The characters of a general category by its short name ("L", "Lu"); nullptr where there is none of it.
const CodeRanges* category_ranges(std::string_view name);
/// The characters of a script by its long or short name, whatever the case; nullptr where there is none.
const CodeRanges* script_ranges(std::string_view name);
/// Characters whose category is another one than in Unicode 14, most of them for being newer.
const CodeRanges& changed_since_14();

} // namespace switchyard
