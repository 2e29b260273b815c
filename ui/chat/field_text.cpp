#include "ui/chat/field_text.h"

#include <QApplication>
#include <QEvent>
#include <QFileDialog>
#include <QLineEdit>

namespace switchyard {
namespace {

/// Marks over one character cost by their square: so many are usual, and so many more a field takes.
constexpr int usual_field_marks = 8, most_field_marks = 400;
constexpr int longest_line_field = 1000, unbounded_line_field = 32'767; ///< the latter is Qt's own limit

class LineBound : public QObject {
  public:
    using QObject::QObject;

  protected:
    bool eventFilter(QObject* object, QEvent* event) override {
        if (event->type() != QEvent::Polish)
            return false;
        auto* field = qobject_cast<QLineEdit*>(object);
        if (field && field->maxLength() == unbounded_line_field &&
            !qobject_cast<QFileDialog*>(field->window())) { // paths are longer
            const int start = field->selectionStart(), length = field->selectionLength();
            field->setMaxLength(longest_line_field); // takes the text anew
            if (start >= 0)
                field->setSelection(start, length);
        }
        return false;
    }
};

} // namespace

qsizetype fieldPage(QStringView text, const PageLimits& limits) {
    qsizetype line = 0, lines = 0, pictures = 0, at = 0, whole = 0;
    int marks = 0, beyond = 0;
    for (; at < text.size() && at < limits.units; ++at) {
        const QChar c = text[at];
        marks = c.isMark() ? marks + 1 : 0;
        beyond += marks > usual_field_marks;
        pictures += c.unicode() >= 0xD83C && c.unicode() <= 0xD83E;
        if (line >= limits.line || lines >= limits.lines || beyond > most_field_marks ||
            pictures > limits.pictures)
            break;
        ++line;
        if (c == u'\n') {
            line = 0;
            ++lines;
            whole = at + 1;
        }
    }
    if (at >= text.size())
        return at;
    if (whole > 0)
        return whole;
    return at > 1 && text[at].isLowSurrogate() ? at - 1 : at;
}

QString fieldText(const QTextDocument& document) {
    QString text = document.toRawText();
    for (QChar& c : text) {
        if (c == QChar::ParagraphSeparator || c == QChar::LineSeparator || c == QChar(0xFDD0) ||
            c == QChar(0xFDD1))
            c = u'\n';
    }
    return text;
}

void boundLineFields() {
    static bool done = false;
    if (!std::exchange(done, true))
        qApp->installEventFilter(new LineBound(qApp));
}

} // namespace switchyard
