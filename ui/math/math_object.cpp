#include "ui/math/math_object.h"

#include <QAbstractTextDocumentLayout>
#include <QFontInfo>
#include <QFontMetricsF>
#include <QPainter>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextLayout>
#include <QTextTable>

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

constexpr int object_type = QTextFormat::UserObject + 1;
constexpr int source_property = 0x100010, formula_property = 0x100011, alone_property = 0x100012;
/// Smaller than this share of its size a formula that may be scrolled is not made.
constexpr double smallest_scale = 0.8;

MathFormulaPtr formulaOf(const QTextFormat& format) {
    return format.property(formula_property).value<MathFormulaPtr>();
}

/// A document puts an object on the line, with nothing below it, or else by the middle: half of its height,
/// and a quarter of the height of an "x" of its font, above the line. So the font says where the baseline is.
double middleOf(const QTextFormat& format) {
    return QFontMetrics(format.toCharFormat().font()).xHeight() / 2.0;
}

/// How large a formula can be shown where the text is so wide.
double shownScale(const MathFormula& formula, const QTextDocument& document, int position,
                  const QTextFormat& format) {
    if (document.textWidth() <= 0)
        return 1;
    const QTextBlock block = document.findBlock(position);
    const QTextBlockFormat around = block.blockFormat();
    double room = document.textWidth() - around.leftMargin() - around.rightMargin() - 2;
    QTextCursor cursor(block);
    if (const QTextTable* table = cursor.currentTable(); table && table->columns() > 1)
        room *= 0.7; // how wide a column becomes is not known yet
    const double scale = room > 0 && formula.width() > room ? room / formula.width() : 1;
    return standsAlone(format.toCharFormat()) ? std::max(scale, smallest_scale) : scale;
}

/// From the top of a line to its baseline.
double baselineOf(const QTextLine& line) {
    return line.ascent() + (line.leadingIncluded() ? std::max(0.0, line.leading()) : 0);
}

/// The size of the font whose "x" is about so high, in few steps: each size is a font of its own.
int fontSizeFor(double x_height, const QFont& text) {
    const double step = x_height < 40 ? 4 : x_height < 120 ? 16 : 64;
    const double rounded = std::min(256.0, std::floor(x_height / step) * step);
    const double share = QFontMetricsF(text).xHeight() / std::max(1, QFontInfo(text).pixelSize());
    return std::max(1, static_cast<int>(std::lround(rounded / std::max(share, 0.1))));
}

} // namespace

void MathObject::install(QTextDocument& document) {
    auto* object = new MathObject(&document);
    document.documentLayout()->registerHandler(object_type, object);
}

QSizeF MathObject::intrinsicSize(QTextDocument* document, int position, const QTextFormat& format) {
    const MathFormulaPtr formula = formulaOf(format);
    if (!formula)
        return {};
    const double scale = shownScale(*formula, *document, position, format), middle = middleOf(format);
    const double ascent = formula->ascent() * scale, descent = formula->descent() * scale;
    return {formula->width() * scale, std::max({2 * ascent - middle, 2 * descent + middle, 1.0})};
}

void MathObject::drawObject(QPainter* painter, const QRectF& rect, QTextDocument* document, int position,
                            const QTextFormat& format) {
    const MathFormulaPtr formula = formulaOf(format);
    const QTextBlock block = document->findBlock(position);
    const QTextLine line = block.layout()->lineForTextPosition(position - block.position());
    if (!formula || !line.isValid())
        return;
    // The rectangle is in the middle of the line.
    const double above = baselineOf(line), height = above + line.descent();
    const double baseline = rect.top() - (height - rect.height()) / 2 + above;
    formula->paint(*painter, {rect.left(), baseline}, shownScale(*formula, *document, position, format));
}

QTextCharFormat formulaFormat(const QTextCharFormat& beside, const QFont& text, const MathFormulaPtr& formula,
                              const QString& source, bool alone) {
    QTextCharFormat format = beside;
    if (alone)
        format.setProperty(alone_property, true);
    format.setObjectType(object_type);
    format.setVerticalAlignment(QTextCharFormat::AlignMiddle);
    format.clearProperty(QTextFormat::FontPointSize);
    format.setProperty(QTextFormat::FontPixelSize,
                       fontSizeFor(2 * (formula->ascent() - formula->descent()), text));
    format.setProperty(source_property, source);
    format.setProperty(formula_property, QVariant::fromValue(formula));
    return format;
}

bool isFormula(const QTextCharFormat& format) { return format.objectType() == object_type; }

bool standsAlone(const QTextCharFormat& format) { return format.boolProperty(alone_property); }

void paintSelectedFormulas(QPainter& painter, const QTextDocument& document, int from, int to,
                           const QColor& colour, const QBrush& back, const QRectF& clip) {
    painter.setPen(colour);
    for (QTextBlock block = document.findBlock(from); block.isValid() && block.position() < to;
         block = block.next()) {
        const QRectF rect = document.documentLayout()->blockBoundingRect(block);
        if (!clip.isNull() && rect.top() > clip.bottom())
            return;
        if (!clip.isNull() && rect.bottom() < clip.top())
            continue;
        for (auto it = block.begin(); !it.atEnd(); ++it) {
            const QTextFragment fragment = it.fragment();
            const MathFormulaPtr formula = formulaOf(fragment.charFormat());
            const int end = std::min(fragment.position() + fragment.length(), to);
            for (int at = std::max(fragment.position(), from); formula && at < end; ++at) {
                const QTextLine line = block.layout()->lineForTextPosition(at - block.position());
                if (!line.isValid())
                    continue;
                const int in_block = at - block.position(); // of which either side may be the left one
                const double x = std::min(line.cursorToX(in_block), line.cursorToX(in_block + 1));
                const QPointF place = rect.topLeft() + QPointF(x, line.y() + baselineOf(line));
                const double scale = shownScale(*formula, document, at, fragment.charFormat());
                const double ascent = formula->ascent() * scale;
                const QSizeF size(formula->width() * scale, ascent + formula->descent() * scale);
                painter.fillRect(QRectF(place - QPointF(0, ascent), size), back);
                formula->paint(painter, place, scale);
            }
        }
    }
}

double formulaWidth(const QTextCharFormat& format) {
    const MathFormulaPtr formula = formulaOf(format);
    return formula ? formula->width() : 0;
}

QString formulaSource(const QTextCharFormat& format) { return format.stringProperty(source_property); }

} // namespace switchyard
