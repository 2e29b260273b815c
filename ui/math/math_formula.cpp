#include "ui/math/math_formula.h"

#include "ui/math/math_layout.h"
#include "ui/math/math_parser.h"

#include <QFontInfo>
#include <QFontMetricsF>
#include <QGlyphRun>
#include <QPainter>

#include <algorithm>
#include <utility>

namespace switchyard {
namespace {

/// Formulas that are surely remembered: the last ones that were asked for. At most twice as many are.
constexpr qsizetype most_known = 1000;
/// Wider or higher ones (em) are not for reading.
constexpr double largest = 400;

/// Without the marks around it.
std::string_view withoutMarks(std::string_view source) {
    const std::size_t mark = source.starts_with("$$") || source.starts_with('\\') ? 2 : 1;
    return source.size() >= 2 * mark ? source.substr(mark, source.size() - 2 * mark) : std::string_view();
}

} // namespace

MathFormula::MathFormula(std::shared_ptr<const MathFont> font, MathBox box, QStringList words,
                         const QFont& words_font)
    : font_(std::move(font)), box_(std::move(box)), words_(std::move(words)), words_font_(words_font) {
    // One run of glyphs a size.
    std::ranges::stable_sort(box_.items, {}, [](const MathItem& item) {
        return std::pair(static_cast<int>(item.kind), item.size);
    });
}

void MathFormula::paint(QPainter& painter, const QPointF& origin, double scale) const {
    painter.save();
    painter.translate(origin);
    painter.scale(scale, scale);
    const QColor colour = painter.pen().color();
    for (std::size_t i = 0; i < box_.items.size();) {
        const MathItem& item = box_.items[i];
        if (item.kind == MathItem::Kind::Glyph) {
            QList<quint32> ids;
            QList<QPointF> places;
            for (;
                 i < box_.items.size() && box_.items[i].kind == item.kind && box_.items[i].size == item.size;
                 ++i) {
                ids.append(box_.items[i].glyph);
                places.append({box_.items[i].x, box_.items[i].y});
            }
            QGlyphRun run;
            run.setRawFont(font_->raw(item.size));
            run.setGlyphIndexes(ids);
            run.setPositions(places);
            painter.drawGlyphRun({}, run);
            continue;
        }
        if (item.kind == MathItem::Kind::Rule) {
            painter.fillRect(QRectF(item.x, item.y, item.width, item.height), colour);
        } else {
            QFont font = words_font_;
            font.setPixelSize(std::max(1, static_cast<int>(item.size)));
            font.setBold(item.glyph & 1);
            font.setItalic(item.glyph & 2);
            painter.setFont(font);
            painter.drawText(QPointF(item.x, item.y), words_[item.words]);
        }
        ++i;
    }
    painter.restore();
}

MathSetter::MathSetter(const QFont& text, const QStringList& families) : text_(text), families_(families) {}

MathFormulaPtr MathSetter::set(std::string_view source, bool display, double pixels) {
    if (!font_) {
        font_ = std::make_shared<const MathFont>(families_);
        if (font_->valid()) { // letters as high as those of the text beside them
            const double text = QFontMetricsF(text_).xHeight() / std::max(1, QFontInfo(text_).pixelSize());
            share_ = std::clamp(text / font_->xHeight(), 1.0, 1.2);
        }
    }
    if (!font_->valid())
        return nullptr;
    QByteArray key(source.data(), static_cast<qsizetype>(source.size()));
    key += display ? 'd' : 't';
    key += QByteArray::number(pixels);
    if (const auto it = known_.constFind(key); it != known_.cend())
        return *it;
    if (known_.size() >= most_known)
        older_ = std::exchange(known_, {});
    if (const auto it = older_.constFind(key); it != older_.cend())
        return *known_.insert(key, *it);
    ++made_;
    return *known_.insert(key, make(withoutMarks(source), display, pixels * share_));
}

MathFormulaPtr MathSetter::make(std::string_view source, bool display, double pixels) const {
    const std::optional<MathList> list = parseTex(source);
    if (!list)
        return nullptr;
    MathLayout layout(*font_, pixels, text_);
    MathBox box = layout.set(*list, display);
    if (box.items.empty() || box.width > largest * pixels || box.height() > largest * pixels)
        return nullptr;
    return std::make_shared<const MathFormula>(font_, std::move(box), layout.words(), text_);
}

} // namespace switchyard
