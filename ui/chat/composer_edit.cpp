#include "ui/chat/composer.h"

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
    QPlainTextEdit::inputMethodEvent(event);
}

bool ComposerEdit::canInsertFromMimeData(const QMimeData* source) const {
    return !localFiles(source).isEmpty() || source->hasText();
}

void ComposerEdit::insertFromMimeData(const QMimeData* source) {
    if (const QStringList paths = localFiles(source); !paths.isEmpty())
        Q_EMIT filesDropped(paths);
    else
        QPlainTextEdit::insertFromMimeData(source);
}

} // namespace switchyard
