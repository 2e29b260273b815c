#include "ui/chat/paged_edit.h"

#include "ui/chat/field_text.h"

#include <QInputMethodEvent>
#include <QKeyEvent>
#include <QMimeData>

#include <algorithm>

namespace switchyard {
namespace {

/// Fewer emoji than a field takes: the lines of a page are laid out four times where it is shown.
constexpr PageLimits page_limits{.pictures = 50};

/// Where a page begins that ends with the text and has `most` units or fewer.
qsizetype lastPage(QStringView text, qsizetype most) {
    qsizetype begin = std::max<qsizetype>(0, text.size() - most);
    if (begin > 0 && text[begin].isLowSurrogate())
        --begin;
    for (qsizetype size = 0; (size = fieldPage(text.mid(begin), page_limits)) < text.size() - begin;)
        begin += size;
    return begin;
}

} // namespace

PagedEdit::PagedEdit(QWidget* parent) : QPlainTextEdit(parent) {}

QString PagedEdit::page() const {
    return displaying_ || revision_ == document()->revision() ? untouched_ : fieldText(*document());
}

void PagedEdit::setWholeText(const QString& text) {
    earlier_.clear();
    const qsizetype size = fitsField(text) ? text.size() : fieldPage(text, page_limits);
    display({{}, text.left(size), text.mid(size), size == text.size() ? static_cast<int>(size) : 0});
}

void PagedEdit::display(const Pages& pages) {
    before_ = pages.before;
    after_ = pages.after;
    untouched_ = pages.page;
    displaying_ = true;
    setPlainText(pages.page);
    displaying_ = false;
    revision_ = document()->revision();
    QTextCursor cursor = textCursor();
    cursor.setPosition(std::min(pages.cursor, document()->characterCount() - 1));
    setTextCursor(cursor);
    ensureCursorVisible();
    Q_EMIT pageChanged();
}

void PagedEdit::showPage(int step) {
    const QString shown = page();
    earlier_.clear(); // which knows nothing of what was changed on this page
    if (step > 0 && !after_.isEmpty()) {
        const qsizetype size = fieldPage(after_, page_limits);
        display({before_ + shown, after_.left(size), after_.mid(size), 0});
    } else if (step < 0 && !before_.isEmpty()) {
        const qsizetype begin = lastPage(before_, longest_field);
        const QString previous = before_.mid(begin);
        display({before_.left(begin), previous, shown + after_, static_cast<int>(previous.size())});
    }
}

/// True where a text does not fit into the field beside what is there: it was taken as pages.
bool PagedEdit::takeLong(const QString& text) {
    const QTextCursor cursor = textCursor();
    const QString shown = fieldText(*document()); // in which the cursor counts
    const QString left = shown.left(cursor.selectionStart()), right = shown.mid(cursor.selectionEnd());
    if (text.size() < longest_field && fitsField(QString(left + text + right)))
        return false;
    earlier_.push_back({before_, page(), after_, cursor.position()});
    // Shown is the page that ends with the text.
    const QString before = before_ + left + text;
    const qsizetype begin = lastPage(before, longest_field / 2);
    const QString tail = before.mid(begin);
    const qsizetype more = fieldPage(QString(tail + right), page_limits) - tail.size();
    const qsizetype rest = std::max<qsizetype>(0, more);
    display({before.left(begin), tail + right.left(rest), right.mid(rest) + after_,
             static_cast<int>(tail.size())});
    return true;
}

void PagedEdit::keyPressEvent(QKeyEvent* event) {
    if (event->matches(QKeySequence::Undo) && !document()->isUndoAvailable() && !earlier_.empty()) {
        const Pages last = std::move(earlier_.back());
        earlier_.pop_back();
        display(last);
        event->accept();
        return;
    }
    QPlainTextEdit::keyPressEvent(event);
}

void PagedEdit::inputMethodEvent(QInputMethodEvent* event) {
    if (event->commitString().isEmpty() || !takeLong(event->commitString()))
        QPlainTextEdit::inputMethodEvent(event);
}

void PagedEdit::insertFromMimeData(const QMimeData* source) {
    if (source && !takeLong(source->text())) // X11 has none where nothing was copied yet
        QPlainTextEdit::insertFromMimeData(source);
}

} // namespace switchyard
