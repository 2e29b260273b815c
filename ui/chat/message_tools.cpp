#include "ui/chat/message_tools.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QEvent>
#include <QTimer>

using namespace Qt::StringLiterals;

namespace switchyard {

MessageTools::MessageTools(QWidget* parent) : QWidget(parent) {
    copy_ = addButton(u"copy"_s, tr("Copy"), u"copyButton"_s, MessageAction::Copy);
    answer_ =
        addButton(u"regenerate"_s, tr("Answer this question"), u"answerButton"_s, MessageAction::Regenerate);
    regenerate_ = addButton(u"regenerate"_s, tr("Answer again with a new seed"), u"regenerateButton"_s,
                            MessageAction::Regenerate);
    edit_ = addButton(u"edit"_s, tr("Edit"), u"editButton"_s, MessageAction::Edit);
    previous_ = addButton(u"chevron-left"_s, tr("Previous version"), u"previousBranchButton"_s,
                          MessageAction::PreviousBranch);
    branch_ = new PlainLabel(this);
    branch_->setObjectName(u"branchLabel"_s);
    branch_->setAlignment(Qt::AlignCenter);
    next_ =
        addButton(u"chevron-right"_s, tr("Next version"), u"nextBranchButton"_s, MessageAction::NextBranch);
    continue_ =
        addButton(u"continue"_s, tr("Continue this answer"), u"continueButton"_s, MessageAction::Continue);
    delete_ = addButton(u"trash"_s, tr("Delete"), u"deleteButton"_s, MessageAction::Delete);
    more_ = new CalmButton(u"more"_s, tr("More"), this);
    more_->setObjectName(u"moreButton"_s);
    more_->setPopupMode(QToolButton::InstantPopup);
    auto* menu = new QMenu(more_);
    copy_text_ = menu->addAction(tr("Copy as text"), this,
                                 [this] { Q_EMIT triggered(MessageAction::CopyText, message_); });
    copy_text_->setObjectName(u"copyTextAction"_s);
    copy_text_->setToolTip(tr("As it is shown, formulas as TeX"));
    copy_markdown_ = menu->addAction(tr("Copy as Markdown"), this,
                                     [this] { Q_EMIT triggered(MessageAction::Copy, message_); });
    copy_markdown_->setObjectName(u"copyMarkdownAction"_s);
    copy_markdown_->setToolTip(tr("As it was written, with its marks"));
    run_again_ = menu->addAction(tr("Run again exactly"), this,
                                 [this] { Q_EMIT triggered(MessageAction::RunAgain, message_); });
    run_again_->setToolTip(tr("The same settings, seed and dial moves, as a new version"));
    run_again_->setObjectName(u"runAgainAction"_s);
    QAction* show_prompt = menu->addAction(tr("The prompt as sent"), this,
                                           [this] { Q_EMIT triggered(MessageAction::ShowPrompt, message_); });
    show_prompt->setToolTip(tr("The text and the special tokens that the model read before this answer"));
    show_prompt->setObjectName(u"showPromptAction"_s);
    menu->setToolTipsVisible(true);
    answer_with_ = menu->addMenu(tr("Answer again with"));
    answer_with_->setObjectName(u"answerWithMenu"_s);
    answer_with_->setToolTipsVisible(true);
    answer_with_->menuAction()->setToolTip(tr("Another model answers this question, as a new version"));
    connect(answer_with_, &QMenu::aboutToShow, this, [this] { Q_EMIT modelsWanted(answer_with_, message_); });
    more_->setMenu(menu);
    run_line_ = new PlainLabel(this);
    run_line_->setObjectName(u"runLine"_s);
    run_line_->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    for (QLabel* label : {branch_, run_line_}) {
        QFont font = label->font();
        font.setPointSizeF(font.pointSizeF() * 0.92);
        label->setFont(font);
        label->setForegroundRole(QPalette::PlaceholderText);
    }
    fade_.setDuration(140);
    fade_.setStartValue(0.0);
    fade_.setEndValue(1.0);
    connect(&fade_, &QVariantAnimation::valueChanged, this,
            [this](const QVariant& value) { setReveal(value.toReal()); });
    conceal();
}

CalmButton* MessageTools::addButton(const QString& icon, const QString& name, const QString& object_name,
                                    MessageAction action) {
    auto* button = new CalmButton(icon, name, this);
    button->setObjectName(object_name);
    connect(button, &QToolButton::clicked, this, [this, action] { Q_EMIT triggered(action, message_); });
    return button;
}

void MessageTools::bind(const MessageContent& content, bool busy, bool unanswered, bool draft) {
    const bool other = message_ != content.id;
    message_ = content.id;
    setObjectName(u"messageTools-%1"_s.arg(content.id));
    question_ = content.author != Author::Assistant;
    const bool still = !content.streaming();
    const bool cut = content.state == MessageState::Stopped || content.state == MessageState::Interrupted ||
                     content.cut_short ||
                     (content.state == MessageState::Failed && content.has(PartKind::Text));
    copy_->setVisible(still && content.has(PartKind::Text));
    answer_->setVisible(still && question_ && unanswered);
    regenerate_->setVisible(still && !question_);
    edit_->setVisible(still);
    continue_->setVisible(still && !question_ && cut);
    delete_->setVisible(still);
    const bool says = content.has(PartKind::Text);
    more_->setVisible(still && !question_);
    copy_text_->setVisible(says);
    copy_markdown_->setVisible(says);
    run_again_->setEnabled(content.reusable && !busy);
    answer_with_->setEnabled(!busy);
    const bool branches = content.siblings.size() > 1; // to look at the others while one is written, too
    previous_->setVisible(branches);
    branch_->setVisible(branches);
    next_->setVisible(branches);
    showVersion(content);
    previous_->setEnabled(content.branch() > 0);
    next_->setEnabled(content.branch() + 1 < content.siblings.size());
    for (QWidget* asking : std::initializer_list<QWidget*>{answer_, regenerate_, edit_, continue_, delete_})
        asking->setEnabled(!busy);
    edit_->setName(draft       ? tr("Go on with the change you began")
                   : question_ ? tr("Edit and ask again")
                               : tr("Edit this answer"));
    line_ = oneLine(content.line);
    run_line_->setVisible(!question_ && !line_.isEmpty());
    run_line_->setToolTip(plainTip(line_));
    run_line_->setAccessibleName(tr("In force: %1").arg(line_));
    if (other) {
        copy_->setIconName(u"copy"_s);
        copy_->setName(tr("Copy"));
    }
    arrange();
}

/// "2/3", and where they are by several models which one this is by.
void MessageTools::showVersion(const MessageContent& content) {
    constexpr int kWidest = 190; // of a model's name
    QString text = u"%1/%2"_s.arg(content.branch() + 1).arg(content.siblings.size());
    QString name = tr("Version %1 of %2").arg(content.branch() + 1).arg(content.siblings.size());
    if (const QString model = oneLine(content.modelName()); content.models_differ && !model.isEmpty()) {
        text += u" · "_s + branch_->fontMetrics().elidedText(model, Qt::ElideMiddle, kWidest);
        name =
            tr("Version %1 of %2, by %3").arg(content.branch() + 1).arg(content.siblings.size()).arg(model);
    }
    branch_->setText(text);
    branch_->setAccessibleName(name);
    branch_->setToolTip(plainTip(name));
}

void MessageTools::arrange() {
    const QList<QWidget*> all = {copy_,   answer_, regenerate_, edit_,   previous_,
                                 branch_, next_,   continue_,   delete_, more_};
    int total = 0;
    const auto width_of = [this](QWidget* widget) {
        return widget == branch_ ? branch_->sizeHint().width() + 6 : widget->sizeHint().width();
    };
    for (QWidget* widget : all)
        total += widget->isHidden() ? 0 : width_of(widget);
    int x = question_ ? width() - total : -6; // icons are inset: flush with the text
    for (QWidget* widget : all) {
        if (widget->isHidden())
            continue;
        widget->setGeometry(x, 0, width_of(widget), height());
        x += width_of(widget);
    }
    const int room = width() - x - 12;
    run_line_->setGeometry(width() - std::max(room, 0), 0, std::max(room, 0), height());
    run_line_->setText(run_line_->fontMetrics().elidedText(line_, Qt::ElideRight, std::max(room, 0)));
}

void MessageTools::setRevealed(bool revealed) {
    if (revealed == revealed_)
        return;
    revealed_ = revealed;
    fade_.setDirection(revealed ? QAbstractAnimation::Forward : QAbstractAnimation::Backward);
    if (fade_.state() != QAbstractAnimation::Running)
        fade_.start();
}

void MessageTools::conceal() {
    fade_.stop();
    revealed_ = false;
    setReveal(0);
}

void MessageTools::setReveal(qreal reveal) {
    // The arrows beside "2/3" stay: that there are other versions must not be a secret of the mouse.
    for (CalmButton* button : {copy_, answer_, regenerate_, edit_, continue_, delete_, more_})
        button->setReveal(reveal);
}

void MessageTools::confirmCopy() {
    copy_->setIconName(u"check"_s);
    copy_->setName(tr("Copied"));
    QTimer::singleShot(1600, this, [this] {
        copy_->setIconName(u"copy"_s);
        copy_->setName(tr("Copy"));
    });
}

void MessageTools::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    arrange();
}

void MessageTools::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        arrange();
}

} // namespace switchyard
