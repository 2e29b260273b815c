#include "ui/chat/message_editor.h"

#include "ui/plain_text.h"

#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLocale>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

MessageEditor::MessageEditor(bool question, const QFont& font, QWidget* parent)
    : QWidget(parent), edit_(new PagedEdit(this)), pages_(new QWidget(this)), save_(new QPushButton(this)) {
    setObjectName(u"messageEditor"_s);
    edit_->setObjectName(u"messageEditorText"_s);
    edit_->setAccessibleName(question ? tr("Edit the question") : tr("Edit the answer"));
    edit_->setFont(font);
    edit_->setProperty("editor", true);
    edit_->setTabChangesFocus(true);
    edit_->installEventFilter(this);
    place_ = new PlainLabel(pages_);
    place_->setObjectName(u"messageEditorPlace"_s);
    place_->setForegroundRole(QPalette::PlaceholderText);
    earlier_ = new QPushButton(tr("Earlier part"), pages_);
    earlier_->setObjectName(u"messageEditorEarlier"_s);
    later_ = new QPushButton(tr("Later part"), pages_);
    later_->setObjectName(u"messageEditorLater"_s);
    connect(earlier_, &QPushButton::clicked, edit_, [this] { edit_->showPage(-1); });
    connect(later_, &QPushButton::clicked, edit_, [this] { edit_->showPage(1); });
    pages_->hide();
    auto* row = new QHBoxLayout(pages_);
    row->setContentsMargins(0, 0, 0, 0);
    row->addWidget(place_, 1);
    row->addWidget(earlier_);
    row->addWidget(later_);
    connect(edit_, &PagedEdit::pageChanged, this, &MessageEditor::showPages);
    connect(edit_, &QPlainTextEdit::textChanged, this, &MessageEditor::heightChanged);
    auto* cancel = new QPushButton(tr("Cancel"), this);
    cancel->setObjectName(u"messageEditorCancel"_s);
    cancel->setToolTip(tr("Throws the change away; Esc keeps it for later"));
    connect(cancel, &QPushButton::clicked, this, &MessageEditor::cancelled);
    save_->setText(question ? tr("Ask again") : tr("Save"));
    save_->setObjectName(u"messageEditorSave"_s);
    save_->setProperty("primary", true);
    save_->setToolTip(question ? tr("The question as it was stays as another version")
                               : tr("The answer as it was stays as another version"));
    connect(save_, &QPushButton::clicked, this, [this] { accept(false); });
    auto* buttons = new QHBoxLayout;
    buttons->addStretch();
    buttons->addWidget(cancel);
    if (!question) {
        auto* go_on = new QPushButton(tr("Save and continue"), this);
        go_on->setObjectName(u"messageEditorContinue"_s);
        connect(go_on, &QPushButton::clicked, this, [this] { accept(true); });
        buttons->addWidget(go_on);
    }
    buttons->addWidget(save_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(edit_);
    layout->addWidget(pages_);
    layout->addLayout(buttons);
    setFocusProxy(edit_);
}

int MessageEditor::wantedHeight() const {
    // A plain text document's height counts lines.
    const int lines = std::clamp(static_cast<int>(edit_->document()->size().height()), 3, 18);
    return lines * edit_->fontMetrics().lineSpacing() + 42 + save_->sizeHint().height() +
           (edit_->paged() ? pages_->sizeHint().height() + 6 : 0);
}

void MessageEditor::showPages() {
    const QLocale locale;
    const qsizetype shown = edit_->document()->characterCount() - 1;
    place_->setText(tr("Characters %1 to %2 of %3; the others stay as they are.")
                        .arg(locale.toString(edit_->before() + 1), locale.toString(edit_->before() + shown),
                             locale.toString(edit_->before() + shown + edit_->after())));
    earlier_->setEnabled(edit_->before() > 0);
    later_->setEnabled(edit_->after() > 0);
    pages_->setVisible(edit_->paged());
    Q_EMIT heightChanged();
}

void MessageEditor::accept(bool go_on) {
    const QString text = edit_->wholeText();
    if (!text.trimmed().isEmpty())
        Q_EMIT accepted(text, go_on);
}

bool MessageEditor::eventFilter(QObject* object, QEvent* event) {
    if (event->type() != QEvent::KeyPress && event->type() != QEvent::ShortcutOverride)
        return QWidget::eventFilter(object, event);
    const auto* key = static_cast<QKeyEvent*>(event);
    const bool enter = key->key() == Qt::Key_Return || key->key() == Qt::Key_Enter;
    const bool save = enter && key->modifiers() & Qt::ControlModifier;
    if (key->key() != Qt::Key_Escape && !save)
        return QWidget::eventFilter(object, event);
    if (event->type() == QEvent::ShortcutOverride)
        event->accept(); // the window has the same keys for its own Send and Stop
    else if (save)
        accept(false);
    else
        Q_EMIT left();
    return true;
}

} // namespace switchyard
