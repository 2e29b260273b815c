// TeX mathematics inside Markdown. A Markdown parser would eat its backslashes and underscores, so every
// formula is replaced by a placeholder before parsing and put back afterwards.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

struct MathSpan {
    std::size_t begin = 0, end = 0; ///< in the original
    std::size_t at = 0, size = 0;   ///< the placeholder, in the protected text
    bool display = false;           ///< $$...$$ or \[...\]
};

struct ProtectedText {
    std::string text;
    std::vector<MathSpan> spans;
    /// Offset in the original of an offset in `text`.
    std::size_t original(std::size_t offset) const;
};

/// Finds \(...\), \[...\], $$...$$ and $...$ outside code. A single dollar opens only before a non-space and
/// closes only after one and not before a digit, so that prices stay prices.
ProtectedText protect_math(std::string_view source);

/// Placeholders are "\uFDD0" + index + "\uFDD1": noncharacters, which text never holds; any in the source
/// were replaced by U+FFFD.
inline constexpr std::string_view math_open_mark = "\xEF\xB7\x90";
inline constexpr std::string_view math_close_mark = "\xEF\xB7\x91";

} // namespace switchyard
