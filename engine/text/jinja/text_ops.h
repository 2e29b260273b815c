// Searching, splitting, stripping and replacing of text as Python does it. None takes longer than the texts
// are long, whatever stands in them.
#pragma once

#include "engine/text/jinja/value.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

enum class Side { Left, Right, Both };

/// Where `wanted` stands first, or last, in bytes; npos where it does not.
std::size_t find_text(std::string_view text, std::string_view wanted, std::size_t from = 0);
std::size_t find_last_text(std::string_view text, std::string_view wanted);
/// Without the given characters (white space where nullopt) at its sides.
TextSpan strip_text(std::string_view text, const std::optional<std::u32string>& characters, Side side);
/// At runs of white space; at most `limit` cuts (-1: any number), counted from the right if so asked.
std::vector<TextSpan> split_space(std::string_view text, std::int64_t limit, bool from_right);
std::vector<TextSpan> split_text(std::string_view text, std::string_view separator, std::int64_t limit,
                                 bool from_right);
/// At all of Unicode's line ends.
std::vector<TextSpan> split_lines(std::string_view text, bool keep_ends);
/// The first `limit` places (-1: all). An empty `from` stands between all characters.
MarkedText replace_text(const MarkedText& text, std::string_view from, const MarkedText& to,
                        std::int64_t limit);
/// How often `wanted`, which is not empty, stands in the text, no place counted twice.
std::size_t count_text(std::string_view text, std::string_view wanted);
MarkedText repeat_text(const MarkedText& text, std::int64_t times);
std::string repeat_text(std::string_view text, std::int64_t times);
/// Where a character starts, in bytes.
std::size_t byte_offset(const TextObject& text, std::int64_t character);
/// The first characters of a text.
MarkedText first_characters(const MarkedText& text, std::int64_t count);
/// What `map` makes of the characters. Marks are exact where each stays one character; else, where any is
/// marked, all of the result is.
MarkedText map_characters(const MarkedText& text, std::u32string (*map)(std::u32string_view));

inline std::string_view view_of(std::string_view text, TextSpan span) {
    return text.substr(span.begin, span.end - span.begin);
}

bool is_lower_text(std::u32string_view text); ///< str.islower
bool is_upper_text(std::u32string_view text); ///< str.isupper

} // namespace switchyard::jinja
