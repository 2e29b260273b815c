// Unicode as Python's str sees it: code points, white space, case mapping, character classes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

/// Decodes one code point at `pos` and moves `pos` behind it. Bytes that are no UTF-8 give U+FFFD, one a
/// byte.
char32_t decode_at(std::string_view text, std::size_t& pos);
void append_utf8(std::string& out, char32_t c);
std::u32string to_utf32(std::string_view text);
std::string to_utf8(std::u32string_view text);
/// The text with every invalid byte replaced by U+FFFD; the same text where it is valid.
std::string valid_utf8(std::string_view text);
/// Number of code points of valid UTF-8.
std::size_t count_code_points(std::string_view text);

inline bool is_ascii_digit(char c) { return c >= '0' && c <= '9'; }
bool is_space(char32_t c);     ///< str.isspace
bool is_alpha(char32_t c);     ///< str.isalpha
bool is_decimal(char32_t c);   ///< str.isdecimal
bool is_digit(char32_t c);     ///< str.isdigit
bool is_numeric(char32_t c);   ///< str.isnumeric
bool is_printable(char32_t c); ///< what repr() leaves as it is
bool is_lower(char32_t c);     ///< lower-case letters, modifiers included
bool is_upper(char32_t c);
bool is_title(char32_t c); ///< title-case digraphs
bool is_word(char32_t c);  ///< \w of a regular expression
bool is_identifier_start(char32_t c);
int decimal_value(char32_t c); ///< 0..9, or -1

std::u32string upper(std::u32string_view text);      ///< full mapping: one character may become three
std::u32string lower(std::u32string_view text);      ///< with the final sigma rule
std::u32string title(std::u32string_view text);      ///< every word's first letter in title case
std::u32string capitalize(std::u32string_view text); ///< first letter in title case, the rest lower
std::u32string swap_case(std::u32string_view text);
std::u32string case_fold(std::u32string_view text);

} // namespace switchyard::jinja
