// Fractions, roots, delimiters, matrices, frames.
#include "ui/math/math_layout.h"

#include <algorithm>

namespace switchyard {
namespace {

constexpr double rule_em = 0.045; ///< thickness of rules in tables and frames

} // namespace

MathBox MathLayout::fraction(const MathNode& node, MathStyle style) {
    using enum MathMeasure;
    if (node.number >= 0)
        style.level = node.number;
    const bool display = style.level == 0, bar = node.amount != 0;
    MathBox above = row(node.parts[0], style.part(false)), below = row(node.parts[1], style.part(true));
    const double axis = measure(AxisHeight, style), thick = measure(FractionRuleThickness, style);
    double up = 0, down = 0;
    if (bar) {
        up = measure(display ? FractionNumeratorDisplayStyleShiftUp : FractionNumeratorShiftUp, style);
        down =
            measure(display ? FractionDenominatorDisplayStyleShiftDown : FractionDenominatorShiftDown, style);
        const double gap_above =
            measure(display ? FractionNumDisplayStyleGapMin : FractionNumeratorGapMin, style);
        const double gap_below =
            measure(display ? FractionDenomDisplayStyleGapMin : FractionDenominatorGapMin, style);
        up = std::max(up, axis + thick / 2 + gap_above + above.descent);
        down = std::max(down, below.ascent + gap_below + thick / 2 - axis);
    } else {
        up = measure(display ? StackTopDisplayStyleShiftUp : StackTopShiftUp, style);
        down = measure(display ? StackBottomDisplayStyleShiftDown : StackBottomShiftDown, style);
        const double gap = (up - above.descent) - (below.ascent - down);
        const double least = measure(display ? StackDisplayStyleGapMin : StackGapMin, style);
        if (gap < least) {
            up += (least - gap) / 2;
            down += (least - gap) / 2;
        }
    }
    MathBox out;
    const double side = node.character ? 0 : 0.12 * size(style), width = std::max(above.width, below.width);
    out.width = width + 2 * side;
    const double above_x = side + (width - above.width) / 2, below_x = side + (width - below.width) / 2;
    out.put(std::move(above), above_x, -up);
    out.put(std::move(below), below_x, down);
    if (bar)
        out.rule(side, -axis - thick / 2, width, thick);
    out.accent_x = out.width / 2;
    return node.character ? fence(std::move(out), node.character, node.closing, style) : out;
}

/// A grown glyph, its top at `top`.
MathBox MathLayout::grownDown(const MathAssembly& grown, double top, double size) const {
    MathBox out;
    const double bottom = top + grown.size * size;
    for (const MathAssembly::Piece& piece : grown.pieces) {
        MathBox box = glyphBox(piece.id, size);
        const double y = bottom - piece.offset * size - box.descent;
        out.width = std::max(out.width, font_.glyph(piece.id).advance * size);
        out.put(std::move(box), 0, y);
    }
    out.ascent = -top;
    out.descent = bottom;
    return out;
}

/// A character as wide as asked for, or as there is; on its own baseline.
MathBox MathLayout::grownAcross(char32_t c, double width, double size, bool not_larger) const {
    MathBox out;
    const MathGlyphId id = font_.glyphId(c);
    if (!id) {
        out.width = width;
        out.rule(0, 0, width, rule_em * size);
        return out;
    }
    out.ascent = -1e9;
    out.descent = -1e9;
    const MathAssembly grown = font_.grown(id, width / size, false, not_larger);
    for (const MathAssembly::Piece& piece : grown.pieces) {
        MathBox box = glyphBox(piece.id, size);
        const double x = (piece.offset - font_.glyph(piece.id).left) * size;
        out.put(std::move(box), x, 0);
    }
    out.width = grown.size * size;
    return out;
}

MathBox MathLayout::delimiter(char32_t c, double height, MathStyle style) {
    MathBox out;
    if (!c)
        return out;
    const double px = size(style), axis = measure(MathMeasure::AxisHeight, style);
    const MathGlyphId id = font_.glyphId(c);
    if (!id)
        return foreign(QString::fromUcs4(&c, 1), MathAlphabet::Upright, px);
    const MathAssembly grown = font_.grown(id, height / px, true);
    return grownDown(grown, -axis - grown.size * px / 2, px);
}

double MathLayout::fenceHeight(const MathBox& inside, MathStyle style) const {
    const double axis = measure(MathMeasure::AxisHeight, style);
    const double half = std::max(inside.ascent - axis, inside.descent + axis);
    return std::max(2 * half * 0.901, 2 * half - 0.5 * size(style));
}

MathBox MathLayout::fence(MathBox inside, char32_t left, char32_t right, MathStyle style) {
    const double height = fenceHeight(inside, style);
    MathBox opening = delimiter(left, height, style), closing = delimiter(right, height, style), out;
    const double inside_x = opening.width, closing_x = inside_x + inside.width;
    out.width = closing_x + closing.width;
    out.accent_x = out.width / 2;
    out.put(std::move(opening), 0, 0);
    out.put(std::move(inside), inside_x, 0);
    out.put(std::move(closing), closing_x, 0);
    return out;
}

MathBox MathLayout::fenced(const MathNode& node, MathStyle style) {
    std::vector<MathBox> parts;
    MathBox all;
    for (const MathList& part : node.parts) {
        parts.push_back(row(part, style));
        all.ascent = std::max(all.ascent, parts.back().ascent);
        all.descent = std::max(all.descent, parts.back().descent);
    }
    const double height = fenceHeight(all, style);
    MathBox inside;
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) {
            MathBox middle = delimiter(i <= node.middle.size() ? node.middle[i - 1] : 0, height, style);
            const double at = inside.width;
            inside.width += middle.width;
            inside.put(std::move(middle), at, 0);
        }
        const double at = inside.width;
        inside.width += parts[i].width;
        inside.put(std::move(parts[i]), at, 0);
    }
    // The middle ones are as high as the outer ones: what counts is what is inside.
    MathBox opening = delimiter(node.character, height, style),
            closing = delimiter(node.closing, height, style);
    MathBox out;
    const double null_width = 0.12 * size(style);
    const bool array =
        node.parts.size() == 1 && node.parts[0].size() == 1 && node.parts[0].front().kind == MathKind::Array;
    const double side = array ? 0.1 * size(style) : 0;
    const double inside_x = (node.character ? opening.width : null_width) + side;
    const double closing_x = inside_x + inside.width + side;
    out.width = closing_x + (node.closing ? closing.width : null_width);
    out.accent_x = out.width / 2;
    out.put(std::move(opening), 0, 0);
    out.put(std::move(inside), inside_x, 0);
    out.put(std::move(closing), closing_x, 0);
    return out;
}

MathBox MathLayout::radical(const MathNode& node, MathStyle style) {
    using enum MathMeasure;
    MathBox inside = row(node.parts[0], style.tight());
    const double px = size(style), thick = measure(RadicalRuleThickness, style);
    double gap = measure(style.level == 0 ? RadicalDisplayStyleVerticalGap : RadicalVerticalGap, style);
    const double least = inside.height() + gap + thick;
    const MathGlyphId id = font_.glyphId(U'√');
    if (!id)
        return inside;
    const MathAssembly grown = font_.grown(id, least / px, true);
    gap += std::max(0.0, (grown.size * px - least) / 2);
    const double top = -(inside.ascent + gap + thick);
    MathBox sign = grownDown(grown, top, px);
    const double sign_height = sign.height(), sign_bottom = sign.descent;
    MathBox out;
    double x = 0;
    if (!node.parts[1].empty()) {
        MathBox index = row(node.parts[1], {3, false});
        const double before = measure(RadicalKernBeforeDegree, style),
                     after = measure(RadicalKernAfterDegree, style);
        x = std::max(0.0, before + index.width + after);
        const double index_x = std::max(0.0, before) - std::min(0.0, before + index.width + after);
        const double y = sign_bottom - font_.radicalDegreeRaise() * sign_height - index.descent;
        out.put(std::move(index), index_x, y);
    }
    const double inside_x = x + sign.width, width = inside.width;
    out.put(std::move(sign), x, 0);
    out.rule(inside_x, top, width, thick);
    out.put(std::move(inside), inside_x, 0);
    out.ascent = std::max(out.ascent, -top + measure(RadicalExtraAscender, style));
    out.width = inside_x + width + 0.04 * px;
    out.accent_x = out.width / 2;
    return out;
}

MathBox MathLayout::array(const MathNode& node, MathStyle style) {
    const MathArray& how = *node.array;
    const std::size_t columns = static_cast<std::size_t>(how.columns), rows = node.parts.size() / columns;
    MathStyle cell_style = style;
    cell_style.level = how.display ? 0 : how.small ? std::max(style.level, 2) : std::max(style.level, 1);
    const double px = size(how.small ? cell_style : style), rule = rule_em * px;
    std::vector<MathBox> cells;
    std::vector<double> widths(columns, 0), ascents(rows, (how.small ? 0.6 : 0.78) * px),
        descents(rows, (how.small ? 0.2 : 0.34) * px);
    for (std::size_t i = 0; i < node.parts.size(); ++i) {
        // What follows "&=" is a relation with something before it.
        cells.push_back(row(node.parts[i], cell_style, how.display && i % columns % 2 == 1));
        widths[i % columns] = std::max(widths[i % columns], cells[i].width);
        ascents[i / columns] = std::max(ascents[i / columns], cells[i].ascent);
        descents[i / columns] = std::max(descents[i / columns], cells[i].descent);
    }
    const double between = (how.roomy ? 0.3 : how.small ? 0.05 : 0.1) * px;
    std::vector<double> baselines(rows);
    double y = 0;
    const auto rules_at = [&](std::size_t row) {
        return std::ranges::count(how.rules, static_cast<int>(row));
    };
    std::vector<double> rule_places;
    for (std::size_t r = 0; r <= rows; ++r) {
        for (auto left = rules_at(r); left > 0; --left) {
            rule_places.push_back(y + 0.1 * px);
            y += rule + 0.2 * px;
        }
        if (r == rows)
            break;
        baselines[r] = y + ascents[r];
        y += ascents[r] + descents[r] + (r + 1 < rows ? between + how.row_gap[r] * px : 0);
    }
    const double top = -measure(MathMeasure::AxisHeight, style) - y / 2;
    MathBox out;
    out.width = how.bars.empty() ? 0 : 0.25 * px;
    std::vector<double> bar_places;
    for (std::size_t c = 0; c <= columns; ++c) {
        if (c > 0 && c < columns)
            out.width += how.gaps[c - 1] * px;
        for (const int bar : how.bars) {
            if (bar == static_cast<int>(c))
                bar_places.push_back(out.width - (c > 0 && c < columns ? how.gaps[c - 1] * px / 2
                                                  : c == 0             ? 0.25 * px
                                                                       : -0.25 * px));
        }
        if (c == columns)
            break;
        for (std::size_t r = 0; r < rows; ++r) {
            MathBox& cell = cells[r * columns + c];
            const double spare = widths[c] - cell.width;
            const double x = out.width + (how.align[c] == 'l' ? 0 : how.align[c] == 'r' ? spare : spare / 2);
            out.put(std::move(cell), x, top + baselines[r]);
        }
        out.width += widths[c];
    }
    if (!how.bars.empty())
        out.width += 0.25 * px;
    for (const double place : rule_places)
        out.rule(0, top + place, out.width, rule);
    for (const double place : bar_places)
        out.rule(place - rule / 2, top, rule, y);
    out.ascent = std::max(out.ascent, -top);
    out.descent = std::max(out.descent, top + y);
    out.accent_x = out.width / 2;
    return out;
}

MathBox MathLayout::boxed(const MathNode& node, MathStyle style) {
    MathBox inside = row(node.parts[0], style), out;
    const double px = size(style), room = 0.3 * px, thick = rule_em * px;
    const double top = -(inside.ascent + room + thick), height = inside.height() + 2 * (room + thick);
    out.width = inside.width + 2 * (room + thick);
    out.accent_x = out.width / 2;
    out.put(std::move(inside), room + thick, 0);
    out.rule(0, top, out.width, thick);
    out.rule(0, top + height - thick, out.width, thick);
    out.rule(0, top, thick, height);
    out.rule(out.width - thick, top, thick, height);
    return out;
}

MathBox MathLayout::struck(const MathNode& node, MathStyle style) {
    MathBox base = row(node.parts[0], style), out;
    const double px = size(style);
    out.width = base.width;
    out.italic = base.italic;
    out.accent_x = base.accent_x;
    MathBox line;
    double x = 0, y = 0;
    if (node.character == 0x338) {
        const MathGlyphId id = font_.glyphId(0x338);
        if (id) {
            line = glyphBox(id, px);
            const MathGlyph& glyph = font_.glyph(id);
            x = base.width / 2 - (glyph.left + glyph.right) / 2 * px;
            y = (base.descent - base.ascent) / 2 + (glyph.top + glyph.bottom) / 2 * px;
        }
    } else {
        line = delimiter(node.character, 1.1 * base.height(), style);
        x = (base.width - line.width) / 2;
        y = (base.descent - base.ascent) / 2 - (line.descent - line.ascent) / 2;
    }
    out.put(std::move(base), 0, 0);
    out.put(std::move(line), x, y);
    return out;
}

} // namespace switchyard
