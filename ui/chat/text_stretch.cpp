#include "ui/chat/text_stretch.h"

#include "ui/chat/long_text.h"
#include "ui/chat/markdown_writer.h"
#include "ui/math/math_object.h"

#include <QTextCursor>
#include <QTextDocument>
#include <QTextTable>

#include <algorithm>

namespace switchyard {

namespace {

/// What a stretch of a paragraph says: of a formula its source, of what only turns the writing nothing.
QString shownText(const QTextBlock& block, int begin, int end) {
    QString text;
    for (auto it = block.begin(); !it.atEnd(); ++it) {
        const QTextFragment fragment = it.fragment();
        const int first = std::max(begin, fragment.position() - block.position());
        const int last = std::min(end, fragment.position() - block.position() + fragment.length());
        const QTextCharFormat format = fragment.charFormat();
        if (first >= last || format.boolProperty(isolateProperty))
            continue;
        if (isFormula(format))
            text += formulaSource(format).repeated(last - first);
        else
            text += block.text().mid(first, last - first);
    }
    return text;
}

} // namespace

PlainTextReader::PlainTextReader(const TextStretch& stretch)
    : from_(stretch.from), to_(stretch.to), block_(stretch.document->findBlock(stretch.from)) {}

bool PlainTextReader::read(QString& out, int most) {
    for (; most > 0 && block_.isValid() && block_.position() <= to_; block_ = block_.next(), --most) {
        if (block_.blockFormat().boolProperty(spacerProperty))
            continue;
        QTextTable* inside = QTextCursor(block_).currentTable();
        const int inside_row = inside ? inside->cellAt(block_.position()).row() : -1;
        if (!first_ && !block_.blockFormat().boolProperty(joinedProperty))
            out += inside && inside == table_ && inside_row == row_ ? u'\t' : u'\n';
        first_ = false;
        table_ = inside;
        row_ = inside_row;
        const int begin = std::max(from_ - block_.position(), 0);
        const int end = std::min(to_ - block_.position(), block_.length() - 1);
        if (end <= begin)
            continue;
        QString text = shownText(block_, begin, end);
        text.replace(QChar::LineSeparator, u'\n');
        text.replace(QChar::Nbsp, u' ');
        out += text;
    }
    return !block_.isValid() || block_.position() > to_;
}

} // namespace switchyard
