// The commands of TeX that stand for one character, and what characters are in a formula.
#pragma once

#include "ui/math/math_node.h"

#include <string_view>

namespace switchyard {

struct MathSymbol {
    char32_t character = 0; ///< 0: not found
    MathClass type = MathClass::Ordinary;
    bool takes_limits = false; ///< as a sum does, in large formulas
};

/// `name` without its backslash.
MathSymbol mathSymbol(std::string_view name);
/// What a character that stands for itself is.
MathSymbol mathCharacter(char32_t c);
/// Names that are set upright, as "sin"; `takes_limits` of "lim". Empty: none.
struct MathName {
    std::u32string text;
    bool takes_limits = false;
};
MathName mathName(std::string_view name);
/// The character over a letter: of "hat" U+0302; 0: none.
struct MathAccent {
    char32_t character = 0;
    bool wide = false;
};
MathAccent mathAccent(std::string_view name);
/// The letter of that alphabet; the same character where it has none.
char32_t mathLetter(char32_t c, MathAlphabet alphabet);

} // namespace switchyard
