// TeX mathematics and the marks of footnotes inside Markdown. A Markdown parser would eat backslashes and
// underscores of the one, and take the other ("[^1]: words") for an address that is not shown. So it is given
// a text of the same length in which every formula and mark is filled with bytes that mean nothing to it;
// what is shown is always read from the source, at the same offset. Hence nothing in a text can be taken for
// a mark.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace switchyard {

/// Stands for what the parser is not to read, as a formula's bytes or a null: never part of UTF-8, and to the
/// parser a letter like any other.
inline constexpr char filler = '\xFE';

enum class SpanKind {
    Formula,
    Display, ///< $$...$$ or \[...\]
    Note     ///< [^1]; at the head of a line with the colon behind it
};

struct ProtectedSpan {
    std::size_t begin = 0, end = 0; ///< bytes of the source
    SpanKind kind = SpanKind::Formula;
};

struct ProtectedText {
    std::string text;                 ///< as long as the source
    std::vector<ProtectedSpan> spans; ///< in order, not overlapping
};

/// Labels of footnotes longer than this (bytes) are text.
inline constexpr std::size_t longest_note = 64;
/// Formulas longer than this (bytes) are text.
inline constexpr std::size_t longest_formula = 4000;

/// Finds \(...\), \[...\], $$...$$ and $...$ outside code and addresses. A single dollar opens only before a
/// non-space and closes only after one and not before a digit, so that prices stay prices. What opens and is
/// not closed (yet) keeps its backslash. A single tilde is a character, too. So are the marks of footnotes
/// found. Linear in the length of the source.
ProtectedText protect_math(std::string_view source);

} // namespace switchyard
