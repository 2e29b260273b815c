// Splitting, stripping and replacing of text as Python does it.
#pragma once

#include "engine/text/jinja/value.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard::jinja {

enum class Side { Left, Right, Both };

/// Without the given characters (white space where nullopt) at its sides.
std::string strip_text(std::string_view text, const std::optional<std::u32string>& characters, Side side);
/// At runs of white space; at most `limit` cuts (-1: any number), counted from the right if so asked.
std::vector<std::string> split_space(std::string_view text, std::int64_t limit, bool from_right);
std::vector<std::string> split_text(std::string_view text, std::string_view separator, std::int64_t limit,
                                    bool from_right);
/// At all of Unicode's line ends.
std::vector<std::string> split_lines(std::string_view text, bool keep_ends);
/// The first `limit` places (-1: all). An empty `from` stands between all characters.
std::string replace_text(std::string_view text, std::string_view from, std::string_view to,
                         std::int64_t limit);
/// How often `wanted`, which is not empty, stands in the text, no place counted twice.
std::size_t count_text(std::string_view text, std::string_view wanted);
std::string repeat_text(std::string_view text, std::int64_t times);
/// Where a character starts, in bytes.
std::size_t byte_offset(const TextObject& text, std::int64_t character);

bool is_lower_text(std::u32string_view text); ///< str.islower
bool is_upper_text(std::u32string_view text); ///< str.isupper

} // namespace switchyard::jinja
