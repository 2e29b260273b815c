// What a formula is once it is set: glyphs, rules and words at their places.
#pragma once

#include "ui/math/math_font.h"

#include <QString>

#include <algorithm>
#include <vector>

namespace switchyard {

/// Lengths in pixels; y counts downwards from the baseline.
struct MathItem {
    enum class Kind { Glyph, Rule, Words };
    Kind kind = Kind::Glyph;
    double x = 0, y = 0;          ///< of a glyph's or words' origin, of a rule's upper left corner
    double size = 0;              ///< of a glyph's or words' font
    double width = 0, height = 0; ///< of a rule
    MathGlyphId glyph = 0;
    int words = 0; ///< index
};

struct MathBox {
    double width = 0, ascent = 0, descent = 0;
    double italic = 0;   ///< of its width, what it leans over what stands below it
    double accent_x = 0; ///< where an accent stands
    bool letter = false; ///< one glyph: its scripts stand as they do at a letter
    std::vector<MathItem> items;

    double height() const { return ascent + descent; }
    /// Puts another box at a place in this one, which becomes as high as that needs.
    void put(MathBox&& box, double x, double y) {
        ascent = std::max(ascent, box.ascent - y);
        descent = std::max(descent, box.descent + y);
        for (MathItem& item : box.items) {
            item.x += x;
            item.y += y;
            items.push_back(item);
        }
    }
    void rule(double x, double y, double rule_width, double thickness) {
        MathItem item;
        item.kind = MathItem::Kind::Rule;
        item.x = x;
        item.y = y;
        item.width = rule_width;
        item.height = thickness;
        items.push_back(item);
        ascent = std::max(ascent, -y);
        descent = std::max(descent, y + thickness);
    }
};

} // namespace switchyard
