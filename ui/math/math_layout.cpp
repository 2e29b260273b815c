#include "ui/math/math_layout.h"

#include "ui/math/math_symbols.h"

#include <QFontMetricsF>

namespace switchyard {
namespace {

/// Between two classes, as TeX has it: 1 thin, 2 medium, 3 thick; negative: not in scripts.
constexpr int gaps[8][8] = {
    // Ord Op Bin Rel Open Close Punct Inner
    {0, 1, -2, -3, 0, 0, 0, -1},     // Ord
    {1, 1, 0, -3, 0, 0, 0, -1},      // Op
    {-2, -2, 0, 0, -2, 0, 0, -2},    // Bin
    {-3, -3, 0, 0, -3, 0, 0, -3},    // Rel
    {0, 0, 0, 0, 0, 0, 0, 0},        // Open
    {0, 1, -2, -3, 0, 0, 0, -1},     // Close
    {-1, -1, 0, -1, -1, -1, -1, -1}, // Punct
    {-1, 1, -2, -3, -1, 0, -1, -1},  // Inner
};

double gapBetween(MathClass left, MathClass right, bool script) {
    constexpr double widths[] = {0, 3 / 18.0, 4 / 18.0, 5 / 18.0};
    const int gap = gaps[static_cast<int>(left)][static_cast<int>(right)];
    return gap < 0 && script ? 0 : widths[gap < 0 ? -gap : gap];
}

bool counts(const MathNode& node) { return node.kind != MathKind::Space && node.kind != MathKind::Style; }

/// A sign between two things is one only where it stands between them.
std::vector<MathClass> classesOf(const MathList& list, bool follows) {
    using enum MathClass;
    std::vector<MathClass> types;
    MathClass leading = Ordinary;
    MathClass* before = follows ? &leading : nullptr;
    types.reserve(list.size());
    for (const MathNode& node : list) {
        types.push_back(node.type);
        if (!counts(node))
            continue;
        MathClass& now = types.back();
        const bool ends = now == Relation || now == Closing || now == Punctuation;
        if (before && *before == Binary && ends)
            *before = Ordinary;
        const bool begins = !before || *before == Binary || *before == Operator || *before == Relation ||
                            *before == Opening || *before == Punctuation;
        if (now == Binary && begins)
            now = Ordinary;
        before = &now;
    }
    if (before && *before == Binary)
        *before = Ordinary;
    return types;
}

} // namespace

MathBox MathLayout::row(const MathList& list, MathStyle style, bool follows) {
    MathBox out;
    const std::vector<MathClass> types = classesOf(list, follows);
    const MathClass leading = MathClass::Ordinary;
    const MathClass* before = follows ? &leading : nullptr;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i].kind == MathKind::Style) {
            style.level = list[i].number;
            continue;
        }
        if (list[i].kind == MathKind::Space) {
            out.width += list[i].amount * size(style);
            continue;
        }
        MathBox box = node(list[i], style);
        if (before)
            out.width += gapBetween(*before, types[i], style.level > 1) * size(style);
        before = &types[i];
        const double at = out.width;
        out.width += box.width;
        if (list.size() == 1 && !follows) {
            out.italic = box.italic;
            out.accent_x = box.accent_x;
            out.letter = box.letter;
        }
        out.put(std::move(box), at, 0);
    }
    out.width = std::max(out.width, 0.0);
    if (!out.letter)
        out.accent_x = out.width / 2;
    return out;
}

MathBox MathLayout::node(const MathNode& node, MathStyle style) {
    switch (node.kind) {
    case MathKind::Symbol:
        return symbol(node, style);
    case MathKind::Row:
        return row(node.parts[0], style);
    case MathKind::Words:
        return words(node, style);
    case MathKind::Fraction:
        return fraction(node, style);
    case MathKind::Radical:
        return radical(node, style);
    case MathKind::Scripts:
        return scripts(node, style);
    case MathKind::Accent:
        return accent(node, style);
    case MathKind::Line:
        return line(node, style);
    case MathKind::Brace:
        return brace(node, style);
    case MathKind::Stack:
        return stack(node, style);
    case MathKind::Arrow:
        return arrow(node, style);
    case MathKind::Fenced:
        return fenced(node, style);
    case MathKind::Delimiter:
        return delimiter(node.character, (0.6 + 0.6 * node.number) * pixels_, style);
    case MathKind::Array:
        return array(node, style);
    case MathKind::Boxed:
        return boxed(node, style);
    case MathKind::Struck:
        return struck(node, style);
    case MathKind::Phantom: {
        MathBox box = row(node.parts[0], style);
        box.items.clear();
        if (node.number == 1)
            box.ascent = box.descent = 0;
        if (node.number == 2)
            box.width = 0;
        return box;
    }
    case MathKind::Space:
    case MathKind::Style:
        break; // the row's
    }
    return {};
}

MathBox MathLayout::glyphBox(MathGlyphId id, double size) const {
    const MathGlyph& glyph = font_.glyph(id);
    MathBox box;
    box.italic = glyph.italic * size;
    box.width = glyph.advance * size + box.italic;
    box.ascent = glyph.top * size;
    box.descent = -glyph.bottom * size;
    box.accent_x = glyph.accent_x * size;
    box.letter = true;
    MathItem item;
    item.glyph = id;
    item.size = size;
    box.items.push_back(item);
    return box;
}

MathBox MathLayout::symbol(const MathNode& node, MathStyle style) {
    const char32_t c = mathLetter(node.character, node.alphabet);
    MathGlyphId id = font_.glyphId(c);
    if (!id)
        id = font_.glyphId(node.character);
    if (!id)
        return foreign(QString::fromUcs4(&node.character, 1), node.alphabet, size(style));
    if (node.type != MathClass::Operator)
        return glyphBox(id, size(style));
    if (style.level == 0) {
        const double least = std::max(font_.measure(MathMeasure::DisplayOperatorMinHeight), 1.2);
        id = font_.grown(id, least, true).pieces.front().id;
    }
    MathBox large = glyphBox(id, size(style)), out;
    const double axis = measure(MathMeasure::AxisHeight, style);
    const double half = large.height() / 2, shift = large.ascent - half - axis;
    out.width = large.width;
    out.italic = large.italic;
    out.put(std::move(large), 0, shift);
    out.ascent = half + axis;
    out.descent = half - axis;
    return out;
}

/// Text that the font for mathematics does not have.
MathBox MathLayout::foreign(const QString& text, MathAlphabet alphabet, double size) {
    QFont font = words_font_;
    font.setPixelSize(std::max(1, static_cast<int>(size)));
    font.setBold(alphabet == MathAlphabet::Bold);
    font.setItalic(alphabet == MathAlphabet::Italic);
    const QFontMetricsF metrics(font);
    const double scale = size / font.pixelSize();
    MathBox box;
    box.width = metrics.horizontalAdvance(text) * scale;
    box.ascent = metrics.ascent() * scale * 0.85;
    box.descent = metrics.descent() * scale * 0.85;
    box.accent_x = box.width / 2;
    MathItem item;
    item.kind = MathItem::Kind::Words;
    item.size = size;
    item.words = static_cast<int>(words_.size());
    item.glyph = (font.bold() ? 1 : 0) + (font.italic() ? 2 : 0);
    words_.append(text);
    box.items.push_back(item);
    return box;
}

MathBox MathLayout::words(const MathNode& node, MathStyle style) {
    const double px = size(style);
    const bool known = std::ranges::all_of(node.text, [&](char32_t c) {
        return c == U' ' || c == U'\u2009' || font_.glyphId(mathLetter(c, node.alphabet)) || font_.glyphId(c);
    });
    if (!known)
        return foreign(QString::fromUcs4(node.text.data(), static_cast<qsizetype>(node.text.size())),
                       node.alphabet, px);
    MathBox out;
    for (const char32_t c : node.text) {
        if (c == U' ' || c == U'\u2009') {
            out.width += (c == U' ' ? 0.25 : 1 / 6.0) * px;
            continue;
        }
        MathGlyphId id = font_.glyphId(mathLetter(c, node.alphabet));
        MathBox box = glyphBox(id ? id : font_.glyphId(c), px);
        const double at = out.width;
        out.width += box.width - (node.alphabet == MathAlphabet::Italic ? box.italic : 0);
        out.put(std::move(box), at, 0);
    }
    out.accent_x = out.width / 2;
    return out;
}

} // namespace switchyard
