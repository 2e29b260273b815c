// Positions in a laid-out message: what stands at a point, and where a place in the text stands.
#include "ui/chat/long_text.h"
#include "ui/chat/message_layout.h"
#include "ui/math/math_object.h"

#include <QTextBlock>
#include <QTextCursor>

#include <algorithm>

namespace switchyard {
namespace {

/// A letter or digit of a script that puts spaces between words.
bool ofSpacedWord(QChar c) {
    switch (c.script()) {
    case QChar::Script_Han:
    case QChar::Script_Hiragana:
    case QChar::Script_Katakana:
    case QChar::Script_Bopomofo:
    case QChar::Script_Thai:
    case QChar::Script_Lao:
    case QChar::Script_Khmer:
    case QChar::Script_Myanmar:
        return false;
    default:
        return c.isLetterOrNumber() || c.isMark() || c == u'_';
    }
}

/// Where the word begins that `position` is inside of; `position` itself where it is in none. Tokens end
/// anywhere, and a sign between two letters would be read as one.
int wordStart(const QTextDocument& document, int position) {
    constexpr int far = 200; // characters: what is longer is no word
    int begin = position;
    if (document.characterAt(begin).isLowSurrogate())
        --begin;
    const int least = std::max(0, begin - far);
    if (!ofSpacedWord(document.characterAt(begin)))
        return begin;
    while (begin > least && ofSpacedWord(document.characterAt(begin - 1)))
        --begin;
    return begin > least || least == 0 ? begin : position;
}

/// Of the character behind a position.
QTextCharFormat formatAt(QTextDocument& document, int position) {
    QTextCursor cursor(&document);
    cursor.setPosition(std::min(position + 1, document.characterCount() - 1));
    return cursor.charFormat();
}

} // namespace

QRectF MessageLayout::caretRect(const Part& part, int position) const {
    QTextDocument* document = part.document();
    QTextBlock block = document->findBlock(position);
    if (block.blockFormat().boolProperty(spacerProperty) && block.previous().isValid())
        block = block.previous(); // after a code block: at its end
    const QTextLayout* layout = block.layout();
    const int in_block = std::clamp(position - block.position(), 0, block.length() - 1);
    const QTextLine line = layout->lineForTextPosition(in_block);
    const QRectF rect = document->documentLayout()->blockBoundingRect(block);
    const qreal x = line.isValid() ? line.cursorToX(in_block) : 0;
    const qreal height = style_.em() * 1.15;
    const qreal baseline = line.isValid() ? line.y() + line.ascent() : height;
    const qreal shift = part.wide.shift(rect.center().y());
    return QRectF(part.rect.left() + rect.left() + x + 2 - shift,
                  part.rect.top() + rect.top() + baseline - style_.em() * 0.92, 7, height);
}

const MessageLayout::Part* MessageLayout::part(int index) const {
    return index >= 0 && index < static_cast<int>(parts_.size()) ? &parts_[static_cast<std::size_t>(index)]
                                                                 : nullptr;
}

LayoutPosition MessageLayout::position(TextPlace place) const {
    const Part* where = part(place.part);
    return {place.part, where && where->markdown ? where->markdown->position(place.offset) : 0};
}

QRectF MessageLayout::positionRect(LayoutPosition position) const {
    const Part* where = part(position.part);
    return where && where->shown() ? caretRect(*where, position.position) : name_;
}

bool MessageLayout::shows(LayoutPosition position) const {
    const Part* where = part(position.part);
    return where && where->shown();
}

LayoutPosition MessageLayout::beforeWord(LayoutPosition position) const {
    const Part* where = part(position.part);
    return {position.part, where && where->document() ? wordStart(*where->document(), position.position)
                                                      : position.position};
}

/// The part at this height, or the nearest; -1: none is shown.
int MessageLayout::hitPart(const QPointF& point) const {
    int nearest = -1;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        if (!parts_[i].shown())
            continue;
        nearest = static_cast<int>(i);
        if (point.y() < parts_[i].rect.bottom() + 6)
            break;
    }
    return nearest;
}

LayoutHit MessageLayout::hit(const QPointF& point) const {
    LayoutHit hit;
    const int index = hitPart(point);
    hit.position.part = std::max(index, 0);
    const Part* where = part(index);
    if (!where || !slots_.editor.isNull())
        return hit;
    QTextDocument* document = where->document();
    QPointF inside = point - where->rect.topLeft();
    inside.rx() += where->wide.shift(inside.y());
    if (inside.y() < 0) {
        hit.position.position = 0;
        return hit;
    }
    if (inside.y() > where->rect.height()) {
        hit.position.position = document->characterCount() - 1;
        return hit;
    }
    hit.position.position = std::max(0, document->documentLayout()->hitTest(inside, Qt::FuzzyHit));
    hit.on_text = document->documentLayout()->hitTest(inside, Qt::ExactHit) >= 0;
    if (hit.on_text)
        hit.link = document->documentLayout()->anchorAt(inside);
    return hit;
}

bool MessageLayout::scrollWideAt(const QPointF& point, qreal by) {
    for (std::size_t i = 0; i < slots_.wides.size(); ++i) {
        const LayoutSlots::Wide& wide = slots_.wides[i];
        const Part& part = parts_[static_cast<std::size_t>(wide.part)];
        const qreal y = point.y() - part.rect.top();
        if (part.wide.at(y) == static_cast<std::size_t>(wide.band))
            return scrollWide(static_cast<int>(i), wide.scrolled + by);
    }
    return false;
}

bool MessageLayout::revealWide(LayoutPosition position) {
    const Part* where = part(position.part);
    if (!where || !where->shown() || where->wide.bands().empty())
        return false;
    const QRectF caret = caretRect(*where, position.position);
    const qreal y = caret.center().y() - where->rect.top();
    const std::optional<std::size_t> band = where->wide.at(y);
    if (!band)
        return false;
    const qreal seen = caret.left() - where->rect.left(), edge = where->wide.width() / 8;
    return (seen < 0 || seen > where->wide.width() - edge) &&
           scrollWideAt(caret.center(), seen - where->wide.width() / 2);
}

LayoutPosition MessageLayout::moved(LayoutPosition position, QTextCursor::MoveOperation operation) const {
    const Part* where = part(position.part);
    if (!where || !where->document())
        return position;
    QTextCursor cursor(where->document());
    cursor.setPosition(position.position);
    cursor.movePosition(operation);
    return {position.part, cursor.position()};
}

LayoutPosition MessageLayout::wordBegin(LayoutPosition position, bool line) const {
    return moved(position, line ? QTextCursor::StartOfBlock : QTextCursor::StartOfWord);
}

LayoutPosition MessageLayout::wordEnd(LayoutPosition position, bool line) const {
    return moved(position, line ? QTextCursor::EndOfBlock : QTextCursor::EndOfWord);
}

std::vector<TextStretch> MessageLayout::stretches(const LayoutRange& range, const std::set<int>& open) const {
    const auto& [from, to] = range;
    std::vector<TextStretch> all;
    for (int i = std::max(from.part, 0); i <= to.part && i < static_cast<int>(parts_.size()); ++i) {
        const Part& part = parts_[static_cast<std::size_t>(i)];
        const QTextDocument* document = part.document();
        if (!document || (part.kind != PartKind::Text && !open.contains(i)))
            continue;
        const int last = document->characterCount() - 1;
        const int begin = from.part < i ? 0 : std::clamp(from.position, 0, last);
        const int end = to.part > i ? last : std::clamp(to.position, 0, last);
        const bool whole = begin == 0 && end == last;
        all.push_back({document, begin, end, whole ? utf16(part.whole) : QString()});
    }
    return all;
}

bool MessageLayout::reaches(TextPlace place) const {
    const Part* where = part(place.part);
    return complete_ || !where || !where->markdown || where->markdown->source().size() >= place.offset;
}

std::optional<LayoutRange> MessageLayout::find(const QString& query, int nth, TextPlace place) const {
    const Part* where = part(place.part);
    if (!where || !where->document())
        return std::nullopt;
    const auto range = [&](const QTextCursor& at) {
        return LayoutRange{{place.part, at.selectionStart()}, {place.part, at.selectionEnd()}};
    };
    QTextDocument& document = *where->document();
    if (where->markdown) {
        const int from = where->markdown->position(place.offset);
        if (isFormula(formatAt(document, from))) { // what is looked for is in its source
            QTextCursor formula(&document);
            formula.setPosition(from);
            formula.setPosition(from + 1, QTextCursor::KeepAnchor);
            return range(formula);
        }
        QTextCursor at = document.find(query, from);
        if (at.isNull())
            at = document.find(query, from, QTextDocument::FindBackward);
        return at.isNull() ? std::nullopt : std::optional(range(at));
    }
    std::optional<LayoutRange> last;
    QTextCursor at(&document);
    for (int i = 0; i <= nth; ++i) {
        at = document.find(query, at);
        if (at.isNull())
            break;
        last = range(at);
    }
    return last;
}

} // namespace switchyard
