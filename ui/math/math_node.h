// A formula as it was written: what the parser makes, and the layout sets.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace switchyard {

/// What decides the space beside it, as TeX has it.
enum class MathClass : std::uint8_t {
    Ordinary,
    Operator,
    Binary,
    Relation,
    Opening,
    Closing,
    Punctuation,
    Inner
};

/// Which letters of a kind stand for those that were written.
enum class MathAlphabet : std::uint8_t {
    Default, ///< Latin and small Greek letters italic
    Upright,
    Italic,
    Bold,
    BoldItalic, ///< letters as by default, but bold
    Blackboard,
    Calligraphic,
    Fraktur,
    SansSerif,
    Typewriter
};

enum class MathKind : std::uint8_t {
    Symbol,    ///< `character`
    Row,       ///< parts[0]
    Words,     ///< `text`: of an operator's name or of text, in `alphabet`
    Space,     ///< `amount` em
    Style,     ///< `number`: from here on to the end of the row, 0 to 3
    Fraction,  ///< parts: above, below; `amount`: thickness of the bar, -1: the font's own; `number`: style,
               ///< -1: as it stands
    Radical,   ///< parts: what is under it, index (may be empty)
    Scripts,   ///< parts: what they belong to, above, below (may be empty)
    Accent,    ///< parts[0]; `character` over it
    Line,      ///< parts[0]; a rule over or under it
    Brace,     ///< parts[0]; `character` as wide as it, over or under it
    Stack,     ///< parts: base, above, below
    Arrow,     ///< `character` as wide as parts: above, below
    Fenced,    ///< `character` and `closing` (0: none) around the parts, `middle` between them
    Delimiter, ///< `character` as high as `number` says, 1 to 4
    Array,     ///< parts: cells, row by row; `array` says how
    Boxed,     ///< parts[0] in a frame
    Phantom,   ///< parts[0], not seen; `number`: 1 its width, 2 its height, 3 both
    Struck     ///< parts[0] with `character` over it: "\not"
};

enum class MathLimits : std::uint8_t { AsStyle, Above, Beside };

struct MathArray {
    int columns = 0;
    std::string align;           ///< of each column: l, c or r
    std::vector<double> gaps;    ///< em before each column but the first
    std::vector<double> row_gap; ///< em after each row, beside the usual
    std::vector<int> rules;      ///< rows that have a rule above them; the number of rows: at the end
    std::vector<int> bars;       ///< columns that have a rule before them
    bool display = false;        ///< cells are set large
    bool small = false;          ///< cells are set as scripts
    bool roomy = false;          ///< rows stand further apart, as equations below each other
};

struct MathNode;
using MathList = std::vector<MathNode>;

/// Is moved, not copied: what is within it may be large.
struct MathNode {
    MathNode() = default;
    MathNode(MathNode&&) noexcept = default;
    MathNode& operator=(MathNode&&) noexcept = default;
    ~MathNode() = default;

    MathKind kind = MathKind::Symbol;
    MathClass type = MathClass::Ordinary;
    MathAlphabet alphabet = MathAlphabet::Default;
    MathLimits limits = MathLimits::AsStyle;
    bool takes_limits = false; ///< of operators: scripts stand above and below in large formulas
    bool above = true;         ///< lines and braces
    bool wide = false;         ///< accents that grow with what is under them
    char32_t character = 0, closing = 0;
    std::vector<char32_t> middle;
    int number = 0;
    double amount = 0;
    std::u32string text;
    std::vector<MathList> parts;
    std::shared_ptr<const MathArray> array;
};

} // namespace switchyard
