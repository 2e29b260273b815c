// Sets a formula by TeX's rules, with the measures of a font's MATH table.
#pragma once

#include "ui/math/math_box.h"
#include "ui/math/math_node.h"

#include <QFont>
#include <QStringList>

namespace switchyard {

/// How large, and whether what stands above has little room.
struct MathStyle {
    int level = 1; ///< 0 display, 1 text, 2 script, 3 script of a script
    bool cramped = false;
    MathStyle script(bool below) const { return {level < 2 ? 2 : 3, cramped || below}; }
    MathStyle part(bool below) const { return {level < 3 ? level + 1 : 3, cramped || below}; }
    MathStyle tight() const { return {level, true}; }
};

class MathLayout {
  public:
    /// `pixels`: size of the text. `words`: the font of what `font` does not have.
    MathLayout(const MathFont& font, double pixels, const QFont& words)
        : font_(font), pixels_(pixels), words_font_(words) {}

    MathBox set(const MathList& list, bool display) { return row(list, {display ? 0 : 1, false}); }
    /// Texts of the words' items.
    const QStringList& words() const { return words_; }

  private:
    // math_layout.cpp
    /// `follows`: something ordinary that is not seen stands before it.
    MathBox row(const MathList& list, MathStyle style, bool follows = false);
    MathBox node(const MathNode& node, MathStyle style);
    MathBox symbol(const MathNode& node, MathStyle style);
    MathBox words(const MathNode& node, MathStyle style);
    MathBox foreign(const QString& text, MathAlphabet alphabet, double size);
    MathBox glyphBox(MathGlyphId id, double size) const;

    // math_scripts.cpp
    MathBox scripts(const MathNode& node, MathStyle style);
    MathBox beside(MathBox nucleus, MathBox above, MathBox below, bool has_above, bool has_below,
                   MathStyle style);
    MathBox limits(MathBox nucleus, MathBox above, MathBox below, bool has_above, bool has_below,
                   MathStyle style);
    MathBox accent(const MathNode& node, MathStyle style);
    MathBox line(const MathNode& node, MathStyle style);
    MathBox brace(const MathNode& node, MathStyle style);
    MathBox stack(const MathNode& node, MathStyle style);
    MathBox arrow(const MathNode& node, MathStyle style);

    // math_structures.cpp
    MathBox fraction(const MathNode& node, MathStyle style);
    MathBox radical(const MathNode& node, MathStyle style);
    MathBox fenced(const MathNode& node, MathStyle style);
    MathBox array(const MathNode& node, MathStyle style);
    MathBox boxed(const MathNode& node, MathStyle style);
    MathBox struck(const MathNode& node, MathStyle style);
    MathBox fence(MathBox inside, char32_t left, char32_t right, MathStyle style);
    double fenceHeight(const MathBox& inside, MathStyle style) const;
    /// A delimiter of at least this height (pixels), about the axis.
    MathBox delimiter(char32_t c, double height, MathStyle style);
    MathBox grownDown(const MathAssembly& grown, double top, double size) const;
    MathBox grownAcross(char32_t c, double width, double size, bool not_larger = false) const;

    double size(MathStyle style) const { return pixels_ * font_.scriptShare(style.level - 1); }
    double measure(MathMeasure which, MathStyle style) const { return font_.measure(which) * size(style); }

    const MathFont& font_;
    double pixels_;
    QFont words_font_;
    QStringList words_;
};

} // namespace switchyard
