// Editing a message in the thread. What was changed and not saved stays the message's draft.
#include "ui/chat/thread_view.h"

#include <QApplication>

#include <algorithm>

namespace switchyard {

void ThreadView::beginEdit(MessageId id, const QString& text) {
    if (!find(id))
        return;
    geometry_.stopFollowing();
    openEditor(id, text);
    // Ctrl+E edits a question that may be far above.
    if (!viewport()->rect().contains(messageRect(indexOf(id))))
        scrollToMessage(id);
    editor_->edit()->setFocus();
    editor_->edit()->ensureCursorVisible();
}

void ThreadView::resumeEdit() {
    const QList<MessageId> ids = edits_.keys();
    const auto last = std::find_if(ids.rbegin(), ids.rend(), [this](MessageId id) { return find(id); });
    if (last != ids.rend())
        openEditor(*last, {});
}

/// PRECOND: the thread has the message
void ThreadView::openEditor(MessageId id, const QString& text) {
    endEdit();
    ThreadRow* row = find(id);
    const bool question = row->content.author != Author::Assistant;
    const QString own = QString::fromStdString(row->content.text());
    editor_ = new MessageEditor(question, style_.text, viewport());
    edited_ = id;
    editor_->resize(static_cast<int>(geometry_.columnWidth()), 120);
    editor_->show();
    editor_->edit()->setWholeText(text.isNull() ? edits_.value(id, own) : text);
    connect(editor_, &MessageEditor::left, this, &ThreadView::endEdit);
    connect(editor_, &MessageEditor::cancelled, this, [this, id] {
        const QString discarded = edits_.value(id);
        dropEdit();
        refresh();
        if (!discarded.isNull())
            Q_EMIT editDiscarded(id, discarded);
    });
    connect(editor_, &MessageEditor::heightChanged, this, [this] {
        if (ThreadRow* edited = find(edited_))
            edited->width = -1;
        refresh();
    });
    connect(editor_->edit(), &QPlainTextEdit::textChanged, this, &ThreadView::keepEdit);
    connect(editor_, &MessageEditor::accepted, this,
            [this, id, question](const QString& accepted, bool go_on) {
                dropEdit();
                if (question)
                    Q_EMIT questionEdited(id, accepted);
                else
                    Q_EMIT answerEdited(id, accepted, go_on);
                refresh(); // after it: a message that is replaced now need not be laid out before
            });
    keepEdit();
    row->width = -1;
    refresh();
}

void ThreadView::keepEdit() {
    const ThreadRow* row = find(edited_);
    if (!editor_ || !row)
        return;
    const QString text = editor_->edit()->wholeText();
    const QString before = edits_.value(edited_);
    if (text == QString::fromStdString(row->content.text()))
        edits_.remove(edited_);
    else
        edits_.insert(edited_, text);
    if (before != edits_.value(edited_))
        edit_timer_.start();
}

void ThreadView::flushEdits() {
    if (!edit_timer_.isActive())
        return;
    edit_timer_.stop();
    Q_EMIT editsChanged();
}

void ThreadView::setEdits(const QMap<MessageId, QString>& edits) {
    edit_timer_.stop();
    edits_ = edits;
}

void ThreadView::endEdit() {
    if (!editor_)
        return;
    closeEditor();
    refresh();
    flushEdits();
}

/// The change was saved, or is not wanted. What is shown follows with the next refresh().
void ThreadView::dropEdit() {
    if (edits_.remove(edited_) > 0)
        edit_timer_.start();
    closeEditor();
    flushEdits();
}

void ThreadView::closeEditor() {
    const bool had_focus = editor_->isAncestorOf(QApplication::focusWidget());
    MessageEditor* closed = editor_;
    editor_ = nullptr;
    if (ThreadRow* row = find(edited_)) {
        row->width = -1;
        row->stale = true;
    }
    edited_ = 0;
    if (had_focus)
        setFocus(); // before the focus goes elsewhere by itself
    closed->hide();
    closed->deleteLater();
}

} // namespace switchyard
