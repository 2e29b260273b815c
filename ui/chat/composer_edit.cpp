#include "ui/chat/composer.h"

#include "ui/chat/field_text.h"

#include <QInputMethodEvent>
#include <QKeyEvent>
#include <QMimeData>
#include <QUrl>

namespace switchyard {

QStringList localFiles(const QMimeData* source) {
    QStringList paths;
    for (const QUrl& url : source->urls()) {
        if (url.isLocalFile())
            paths += url.toLocalFile();
    }
    return paths;
}

ComposerEdit::ComposerEdit(QWidget* parent) : QPlainTextEdit(parent) {}

void ComposerEdit::keyPressEvent(QKeyEvent* event) {
    const bool enter = event->key() == Qt::Key_Return || event->key() == Qt::Key_Enter;
    if (enter && composing_) {
        event->accept(); // the input method's own
        return;
    }
    if (enter) {
        const bool shift = event->modifiers() & Qt::ShiftModifier;
        const bool control = event->modifiers() & Qt::ControlModifier;
        if (control || (enter_sends_ && !shift)) {
            Q_EMIT sendRequested();
        } else {
            insertPlainText(QStringLiteral("\n"));
            ensureCursorVisible();
        }
        event->accept();
        return;
    }
    if (event->key() == Qt::Key_Escape && !composing_) {
        Q_EMIT escapePressed();
        event->accept();
        return;
    }
    if (event->matches(QKeySequence::Undo) && take_back_ && take_back_()) {
        event->accept();
        return;
    }
    if (event->matches(QKeySequence::Undo) && !document()->isUndoAvailable() &&
        !document()->isRedoAvailable()) {
        Q_EMIT nothingToUndo();
        event->accept();
        return;
    }
    const bool control = event->modifiers() & Qt::ControlModifier;
    if (control && (event->key() == Qt::Key_Plus || event->key() == Qt::Key_Equal)) {
        Q_EMIT zoomRequested(1);
    } else if (control && event->key() == Qt::Key_Minus) {
        Q_EMIT zoomRequested(-1);
    } else if (control && event->key() == Qt::Key_0) {
        Q_EMIT zoomRequested(0);
    } else {
        QPlainTextEdit::keyPressEvent(event);
        return;
    }
    event->accept();
}

void ComposerEdit::inputMethodEvent(QInputMethodEvent* event) {
    composing_ = !event->preeditString().isEmpty();
    if (!event->commitString().isEmpty() && !fitsHere(event->commitString())) {
        Q_EMIT longTextPasted(event->commitString());
        event->setCommitString({});
    }
    QPlainTextEdit::inputMethodEvent(event);
}

/// Whether the field can take the text in place of what is selected.
bool ComposerEdit::fitsHere(const QString& text) const {
    if (text.size() > longest_field)
        return false;
    const QString all = fieldText(*document());
    const QTextCursor cursor = textCursor();
    return fitsField(QString(all.left(cursor.selectionStart()) + text + all.mid(cursor.selectionEnd())));
}

bool ComposerEdit::canInsertFromMimeData(const QMimeData* source) const {
    return source && (!localFiles(source).isEmpty() || source->hasText());
}

void ComposerEdit::insertFromMimeData(const QMimeData* source) {
    if (!source)
        return; // X11 has none where nothing was copied yet
    if (const QStringList paths = localFiles(source); !paths.isEmpty())
        Q_EMIT filesDropped(paths);
    else if (const QString text = source->text(); !fitsHere(text))
        Q_EMIT longTextPasted(text);
    else
        QPlainTextEdit::insertFromMimeData(source);
}

} // namespace switchyard
