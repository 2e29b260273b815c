#include "ui/chat/prompt_window.h"

#include "ui/chat/paged_edit.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QClipboard>
#include <QFontDatabase>
#include <QHBoxLayout>
#include <QLocale>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

PromptWindow::PromptWindow(QWidget* parent) : QDialog(parent) {
    setObjectName(u"promptWindow"_s);
    setAttribute(Qt::WA_DeleteOnClose);
    setWindowTitle(tr("The prompt as sent"));
    resize(760, 620);
    said_ = new PlainLabel(this);
    said_->setObjectName(u"promptWindow.said"_s);
    said_->setWordWrap(true);
    text_ = new PagedEdit(this);
    text_->setObjectName(u"promptWindow.text"_s);
    text_->setAccessibleName(tr("The prompt"));
    text_->setReadOnly(true);
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
    text_->setProperty("editor", true);
    QFont font = QFontDatabase::systemFont(QFontDatabase::FixedFont);
    font.setPointSizeF(QApplication::font().pointSizeF());
    text_->setFont(font);
    copy_ = new QPushButton(tr("Copy"), this);
    copy_->setObjectName(u"promptWindow.copy"_s);
    auto* close = new QPushButton(tr("Close"), this);
    close->setObjectName(u"promptWindow.close"_s);
    close->setDefault(true);
    pages_ = new QWidget(this);
    earlier_ = new QPushButton(tr("Earlier"), pages_);
    later_ = new QPushButton(tr("Later"), pages_);
    place_ = new PlainLabel(pages_);
    place_->setProperty("muted", true);
    auto* pages = new QHBoxLayout(pages_);
    pages->setContentsMargins(0, 0, 0, 0);
    pages->addWidget(earlier_);
    pages->addWidget(later_);
    pages->addWidget(place_);
    auto* buttons = new QHBoxLayout;
    buttons->addWidget(pages_);
    buttons->addStretch();
    buttons->addWidget(copy_);
    buttons->addWidget(close);
    auto* layout = new QVBoxLayout(this);
    layout->addWidget(said_);
    layout->addWidget(text_, 1);
    layout->addLayout(buttons);
    connect(earlier_, &QPushButton::clicked, this, [this] { text_->showPage(-1); });
    connect(later_, &QPushButton::clicked, this, [this] { text_->showPage(+1); });
    connect(text_, &PagedEdit::pageChanged, this, &PromptWindow::markSpecial);
    connect(copy_, &QPushButton::clicked, this, [this] { QApplication::clipboard()->setText(prompt_.text); });
    connect(close, &QPushButton::clicked, this, &QDialog::close);
}

void PromptWindow::show(const ShownPrompt& prompt, quint64 sent, const QString& model) {
    prompt_ = prompt;
    const bool any = prompt.error.isEmpty();
    const QString counted = tr("%n tokens.", nullptr, prompt.tokens);
    if (!any)
        said_->setText(fewLines(prompt.error));
    else if (sent != 0 && sent == prompt.hash)
        said_->setText(
            oneParagraph({tr("Exactly what %1 read before this answer.").arg(oneLine(model)), counted}));
    else if (sent == 0)
        said_->setText(oneParagraph(
            {tr("Made anew by %1: the answer's record does not say what was sent.").arg(oneLine(model)),
             counted}));
    else
        said_->setText(oneParagraph(
            {tr("Made anew by %1, and not what was sent: the model, its template or the messages are others "
                "than they were.")
                 .arg(oneLine(model)),
             counted}));
    if (prompt.left_out > 0)
        said_->setText(oneParagraph(
            {said_->text(), tr("The chat's %n oldest messages were left out.", nullptr, prompt.left_out)}));
    text_->setVisible(any);
    copy_->setVisible(any);
    text_->setWholeText(prompt.text);
    text_->moveCursor(QTextCursor::Start);
    QDialog::show();
}

/// Those of the page that is shown.
void PromptWindow::markSpecial() {
    const ThemeColours& colours = coloursOf(QApplication::palette());
    const qsizetype begin = text_->before(), end = prompt_.text.size() - text_->after();
    QTextCharFormat look;
    look.setBackground(colours.accentSoft);
    look.setFontWeight(QFont::Bold);
    QList<QTextEdit::ExtraSelection> marks;
    for (const ShownPrompt::Span& span : prompt_.special) {
        if (span.begin < begin || span.end > end)
            continue;
        QTextCursor cursor(text_->document());
        cursor.setPosition(static_cast<int>(span.begin - begin));
        cursor.setPosition(static_cast<int>(span.end - begin), QTextCursor::KeepAnchor);
        marks.append({cursor, look});
    }
    text_->setExtraSelections(marks);
    pages_->setVisible(text_->paged());
    earlier_->setEnabled(text_->before() > 0);
    later_->setEnabled(text_->after() > 0);
    place_->setText(tr("Characters %1 to %2 of %3")
                        .arg(QLocale().toString(begin + 1), QLocale().toString(end),
                             QLocale().toString(prompt_.text.size())));
}

} // namespace switchyard
