// What stands above, below and beside: scripts, limits, accents, lines, braces, labels of arrows.
#include "ui/math/math_layout.h"

namespace switchyard {

/// `width` as wide as the widest, everything centred.
static double centred(double width, double inner) { return (width - inner) / 2; }

MathBox MathLayout::scripts(const MathNode& node, MathStyle style) {
    const MathList& base = node.parts[0];
    const bool has_above = !node.parts[1].empty(), has_below = !node.parts[2].empty();
    const MathNode* nucleus = base.empty() ? nullptr : &base.front();
    MathBox box = row(base, style);
    const bool bare = nucleus && nucleus->kind == MathKind::Symbol;
    box.letter = bare && nucleus->type != MathClass::Operator;
    const bool primes_only = has_above && node.parts[1].front().character == U'′' && !has_below;
    MathBox above = row(node.parts[1], style.script(false)), below = row(node.parts[2], style.script(true));
    const bool stands_above =
        nucleus && nucleus->limits != MathLimits::Beside &&
        (nucleus->limits == MathLimits::Above || (nucleus->takes_limits && style.level == 0)) && !primes_only;
    return stands_above
               ? limits(std::move(box), std::move(above), std::move(below), has_above, has_below, style)
               : beside(std::move(box), std::move(above), std::move(below), has_above, has_below, style);
}

MathBox MathLayout::beside(MathBox nucleus, MathBox above, MathBox below, bool has_above, bool has_below,
                           MathStyle style) {
    using enum MathMeasure;
    const MathStyle small = style.script(false);
    double up = nucleus.letter ? 0 : nucleus.ascent - measure(SuperscriptBaselineDropMax, small);
    double down = nucleus.letter ? 0 : nucleus.descent + measure(SubscriptBaselineDropMin, small);
    up = std::max({up, measure(style.cramped ? SuperscriptShiftUpCramped : SuperscriptShiftUp, style),
                   above.descent + measure(SuperscriptBottomMin, style)});
    down = std::max(down, measure(SubscriptShiftDown, style));
    if (!has_above) {
        down = std::max(down, below.ascent - measure(SubscriptTopMax, style));
    } else if (has_below) {
        const double gap = (up - above.descent) - (below.ascent - down);
        const double least = measure(SubSuperscriptGapMin, style);
        if (gap < least) {
            down += least - gap;
            const double raise = std::min(
                measure(SuperscriptBottomMaxWithSubscript, style) - (up - above.descent), least - gap);
            if (raise > 0) {
                up += raise;
                down -= raise;
            }
        }
    }
    const double right = nucleus.width, left = nucleus.width - nucleus.italic;
    MathBox out;
    out.width = right;
    out.put(std::move(nucleus), 0, 0);
    if (has_above) {
        out.width = std::max(out.width, right + above.width);
        out.put(std::move(above), right, -up);
    }
    if (has_below) {
        out.width = std::max(out.width, left + below.width);
        out.put(std::move(below), left, down);
    }
    out.width += measure(SpaceAfterScript, style);
    out.accent_x = out.width / 2;
    return out;
}

MathBox MathLayout::limits(MathBox nucleus, MathBox above, MathBox below, bool has_above, bool has_below,
                           MathStyle style) {
    using enum MathMeasure;
    MathBox out;
    const double lean = nucleus.italic / 2, axis_top = nucleus.ascent, axis_bottom = nucleus.descent;
    out.width = std::max({nucleus.width, above.width, below.width});
    const double middle = out.width / 2;
    const double nucleus_x = centred(out.width, nucleus.width);
    out.put(std::move(nucleus), nucleus_x, 0);
    if (has_above) {
        const double gap = std::max(measure(UpperLimitGapMin, style),
                                    measure(UpperLimitBaselineRiseMin, style) - above.descent);
        const double x = middle - above.width / 2 + lean, y = -(axis_top + gap + above.descent);
        out.put(std::move(above), x, y);
    }
    if (has_below) {
        const double gap = std::max(measure(LowerLimitGapMin, style),
                                    measure(LowerLimitBaselineDropMin, style) - below.ascent);
        const double x = middle - below.width / 2 - lean, y = axis_bottom + gap + below.ascent;
        out.put(std::move(below), x, y);
    }
    out.accent_x = middle;
    return out;
}

MathBox MathLayout::accent(const MathNode& node, MathStyle style) {
    MathBox base = row(node.parts[0], style.tight());
    const double px = size(style), base_x = base.accent_x;
    MathGlyphId id = font_.glyphId(node.character);
    if (!id)
        return base;
    if (node.wide)
        id = font_.grown(id, base.width / px, false, true).pieces.front().id;
    const MathGlyph& mark = font_.glyph(id);
    const double raise = base.ascent - std::min(base.ascent, measure(MathMeasure::AccentBaseHeight, style));
    const bool attached = mark.accent_x != 0 && !node.wide;
    const double mark_x = (attached ? mark.accent_x : (mark.left + mark.right) / 2) * px;
    MathBox above = glyphBox(id, px);
    above.descent = std::min(above.descent, 0.0);
    MathBox out;
    out.width = base.width;
    out.italic = base.italic;
    out.accent_x = base_x;
    out.put(std::move(base), 0, 0);
    out.put(std::move(above), (node.wide ? out.width / 2 : base_x) - mark_x, -raise);
    return out;
}

MathBox MathLayout::line(const MathNode& node, MathStyle style) {
    using enum MathMeasure;
    MathBox base = row(node.parts[0], node.above ? style.tight() : style);
    const double gap = measure(node.above ? OverbarVerticalGap : UnderbarVerticalGap, style);
    const double thick = measure(node.above ? OverbarRuleThickness : UnderbarRuleThickness, style);
    MathBox out;
    out.width = base.width;
    out.accent_x = out.width / 2;
    const double y = node.above ? -(base.ascent + gap + thick) : base.descent + gap;
    out.put(std::move(base), 0, 0);
    out.rule(0, y, out.width, thick);
    return out;
}

MathBox MathLayout::brace(const MathNode& node, MathStyle style) {
    MathBox base = row(node.parts[0], node.above ? style.tight() : style);
    const double px = size(style), gap = 0.1 * px;
    MathBox across = grownAcross(node.character, base.width, px);
    MathBox out;
    out.width = std::max(base.width, across.width);
    out.accent_x = out.width / 2;
    const double x = centred(out.width, across.width);
    const double y = node.above ? -(base.ascent + gap + across.descent) : base.descent + gap + across.ascent;
    const double base_x = centred(out.width, base.width);
    out.put(std::move(base), base_x, 0);
    out.put(std::move(across), x, y);
    return out;
}

MathBox MathLayout::stack(const MathNode& node, MathStyle style) {
    MathBox base = row(node.parts[0], style);
    base.italic = 0;
    MathBox above = row(node.parts[1], style.script(false)), below = row(node.parts[2], style.script(true));
    return limits(std::move(base), std::move(above), std::move(below), !node.parts[1].empty(),
                  !node.parts[2].empty(), style);
}

MathBox MathLayout::arrow(const MathNode& node, MathStyle style) {
    const double px = size(style), gap = 0.12 * px;
    MathBox above = row(node.parts[0], style.script(false)), below = row(node.parts[1], style.script(true));
    MathBox across =
        grownAcross(node.character, std::max({above.width, below.width, 0.6 * px}) + 0.8 * px, px);
    MathBox out;
    out.width = across.width;
    out.accent_x = out.width / 2;
    const double top = across.ascent, bottom = across.descent;
    out.put(std::move(across), 0, 0);
    if (!node.parts[0].empty()) {
        const double x = centred(out.width, above.width), y = -(top + gap + above.descent);
        out.put(std::move(above), x, y);
    }
    if (!node.parts[1].empty()) {
        const double x = centred(out.width, below.width), y = bottom + gap + below.ascent;
        out.put(std::move(below), x, y);
    }
    return out;
}

} // namespace switchyard
