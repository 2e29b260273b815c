#include "ui/chat/system_prompt_bar.h"

#include "ui/chat/paged_edit.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLineEdit>
#include <QMenu>
#include <QStackedLayout>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kPauseMs = 400;
constexpr int kFewestLines = 3, kMostLines = 10;
constexpr int kLongestName = 80;

} // namespace

SystemPromptBar::SystemPromptBar(SystemPrompts& prompts, QWidget* parent)
    : QWidget(parent), prompts_(prompts) {
    setObjectName(u"systemPrompt"_s);
    buildHeader();
    buildMenu();
    edit_ = new PagedEdit(this);
    edit_->setObjectName(u"systemPrompt.edit"_s);
    edit_->setAccessibleName(tr("System prompt"));
    edit_->setAccessibleDescription(tr("What the model is told before all messages of this chat"));
    edit_->setPlaceholderText(tr("What the model is told before all messages: who it is, how it answers"));
    edit_->setProperty("editor", true);
    edit_->setTabChangesFocus(true);
    edit_->installEventFilter(this);
    note_ = new PlainLabel(this);
    note_->setObjectName(u"systemPrompt.note"_s);
    error_ = new PlainLabel(this);
    error_->setObjectName(u"systemPrompt.error"_s);
    error_->setProperty("error", true);
    error_->hide();
    for (QLabel* label : {note_, error_}) {
        label->setWordWrap(true);
        label->setProperty("small", true);
    }
    note_->setProperty("muted", true);

    auto* head = new QHBoxLayout;
    head->setSpacing(4);
    head->addWidget(header_);
    head->addLayout(line_, 1);
    head->addWidget(menu_button_);
    body_ = new QWidget(this);
    auto* inner = new QVBoxLayout(body_);
    inner->setContentsMargins(4, 0, 4, 6);
    inner->setSpacing(4);
    inner->addWidget(edit_);
    inner->addWidget(note_);
    body_->hide();
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(2);
    layout->addLayout(head);
    layout->addWidget(error_);
    layout->addWidget(body_);

    timer_.setSingleShot(true);
    timer_.setInterval(kPauseMs);
    connect(&timer_, &QTimer::timeout, this, [this] { Q_EMIT changed(text()); });
    connect(edit_, &QPlainTextEdit::textChanged, this, [this] {
        fit();
        if (showing_)
            return;
        timer_.start();
        say({});
    });
    connect(edit_->document()->documentLayout(), &QAbstractTextDocumentLayout::documentSizeChanged, this,
            &SystemPromptBar::fit);
    connect(header_, &QToolButton::toggled, this, &SystemPromptBar::unfold);
    setSystemRole(SystemRole::Heard);
    showSummary();
}

void SystemPromptBar::buildHeader() {
    header_ = new QToolButton(this);
    header_->setObjectName(u"systemPrompt.fold"_s);
    header_->setCheckable(true);
    header_->setProperty("section", true);
    header_->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
    header_->setIconSize({14, 14});
    header_->setIcon(themedIcon(u"chevron-right"_s));
    header_->setText(tr("System prompt"));
    header_->setAccessibleName(tr("System prompt"));
    summary_ = new PlainLabel(this);
    summary_->setObjectName(u"systemPrompt.summary"_s);
    summary_->setProperty("muted", true);
    summary_->setMinimumWidth(40);
    summary_->installEventFilter(this);
    name_field_ = new QLineEdit(this);
    name_field_->setObjectName(u"systemPrompt.name"_s);
    name_field_->setAccessibleName(tr("Name of the system prompt"));
    name_field_->setMaxLength(kLongestName);
    name_field_->installEventFilter(this);
    connect(name_field_, &QLineEdit::returnPressed, this, &SystemPromptBar::takeName);
    line_ = new QStackedLayout;
    line_->addWidget(summary_);
    line_->addWidget(name_field_);
}

void SystemPromptBar::buildMenu() {
    menu_button_ = new CalmButton(u"more"_s, tr("Named system prompts"), this);
    menu_button_->setObjectName(u"systemPrompt.menuButton"_s);
    menu_button_->setPopupMode(QToolButton::InstantPopup);
    menu_ = new QMenu(menu_button_);
    menu_->setObjectName(u"systemPrompt.menu"_s);
    menu_button_->setMenu(menu_);
    connect(menu_, &QMenu::aboutToShow, this, &SystemPromptBar::fillMenu);
}

// ---- Named ones ----

void SystemPromptBar::fillMenu() {
    menu_->clear();
    const QStringList names = prompts_.names();
    const QString now = text();
    if (!names.contains(name_))
        name_.clear();
    for (const QString& name : names) {
        if (name_.isEmpty() && prompts_.load(name) == now)
            name_ = name;
    }
    for (const QString& name : names) {
        QAction* entry = menu_->addAction(menuText(name), this, [this, name] { choose(name); });
        entry->setObjectName(u"systemPrompt.choose."_s + name);
        entry->setCheckable(true);
        entry->setChecked(name == name_);
    }
    menu_->addSeparator();
    QAction* none = menu_->addAction(tr("None"), this, [this] { choose({}); });
    none->setObjectName(u"systemPrompt.none"_s);
    none->setCheckable(true);
    none->setChecked(now.trimmed().isEmpty());
    menu_->addSeparator();
    const bool named = !name_.isEmpty(), something = !now.trimmed().isEmpty();
    const bool other = named && prompts_.load(name_) != now;
    const auto add = [this](const QString& title, const QString& id, bool on, auto slot) {
        QAction* action = menu_->addAction(title, this, slot);
        action->setObjectName(u"systemPrompt."_s + id);
        action->setEnabled(on);
        return action;
    };
    add(named ? tr("Save as “%1”").arg(menuText(name_)) : tr("Save"), u"save"_s, other && something,
        [this] { save(name_); });
    add(tr("Save under a name…"), u"saveAs"_s, something, [this] { askName(false); });
    add(tr("Rename…"), u"rename"_s, named, [this] { askName(true); });
    add(tr("Delete"), u"delete"_s, named, [this] { remove(); });
    menu_->addSeparator();
    QAction* use = add(tr("Begin new chats with it"), u"newChats"_s, named, [this] {
        const QString chosen = new_chats_ == name_ ? QString() : name_;
        Q_EMIT newChatsChosen(chosen);
    });
    use->setCheckable(true);
    use->setChecked(named && new_chats_ == name_);
}

void SystemPromptBar::choose(const QString& name) {
    QString error;
    const std::optional<QString> chosen = name.isEmpty() ? QString() : prompts_.load(name, &error);
    say(error);
    if (!chosen)
        return;
    finish();
    name_ = name;
    const QString before = text();
    setText(*chosen);
    if (*chosen == before)
        return;
    Q_EMIT changed(*chosen);
    Q_EMIT finished(before);
}

void SystemPromptBar::save(const QString& name) {
    QString error;
    if (prompts_.save(name, text(), &error))
        name_ = name;
    say(error);
}

void SystemPromptBar::askName(bool rename) {
    renaming_ = rename;
    name_field_->setPlaceholderText(rename ? tr("New name") : tr("Name of the system prompt"));
    name_field_->setText(rename ? name_ : QString());
    name_field_->selectAll();
    line_->setCurrentWidget(name_field_);
    name_field_->setFocus();
}

void SystemPromptBar::takeName() {
    const QString name = name_field_->text().trimmed();
    if (name.isEmpty())
        return;
    QString error;
    if (renaming_) {
        const QString from = name_;
        if (prompts_.rename(from, name, &error)) {
            name_ = name;
            Q_EMIT renamed(from, name);
        }
    } else if (prompts_.has(name)) {
        error = tr("There is a system prompt “%1” already: choose another name, or choose it in the menu and "
                   "save over it.")
                    .arg(name);
    } else if (prompts_.save(name, text(), &error)) {
        name_ = name;
    }
    say(error);
    if (!error.isEmpty())
        return;
    line_->setCurrentWidget(summary_);
    showSummary();
    menu_button_->setFocus();
}

void SystemPromptBar::remove() {
    QString error;
    const QString name = std::exchange(name_, {});
    const std::optional<QString> was = prompts_.load(name, &error);
    if (was && prompts_.remove(name, &error))
        Q_EMIT deleted(name, *was);
    say(error);
    showSummary();
}

// ---- The text ----

QString SystemPromptBar::text() const { return edit_->wholeText(); }

void SystemPromptBar::showChat(const QString& text) {
    timer_.stop();
    name_.clear();
    line_->setCurrentWidget(summary_);
    say({});
    setText(text);
    before_ = text;
}

void SystemPromptBar::setText(const QString& text) {
    if (text != this->text()) {
        timer_.stop();
        showing_ = true;
        edit_->setWholeText(text);
        showing_ = false;
        before_ = text;
    }
    showSummary();
}

void SystemPromptBar::setSystemRole(SystemRole role) {
    const QString acts = tr("Acts from the next answer on.");
    note_->setText(role == SystemRole::Heard
                       ? acts
                       : oneParagraph({acts, tr("This model's chat template knows no system prompt, so the "
                                                "text goes in front of the first question.")}));
}

void SystemPromptBar::setNewChats(const QString& name) { new_chats_ = name; }

void SystemPromptBar::flush() {
    if (!timer_.isActive())
        return;
    timer_.stop();
    Q_EMIT changed(text());
}

void SystemPromptBar::finish() {
    flush();
    showSummary();
    if (const QString before = std::exchange(before_, text()); before != before_)
        Q_EMIT finished(before);
}

void SystemPromptBar::unfold(bool open) {
    header_->setChecked(open);
    header_->setIcon(themedIcon(open ? u"chevron-down"_s : u"chevron-right"_s));
    if (open != body_->isHidden())
        return;
    body_->setVisible(open);
    if (open) {
        fit();
        edit_->setFocus();
    } else {
        finish();
    }
    showSummary();
}

bool SystemPromptBar::isUnfolded() const { return !body_->isHidden(); }

void SystemPromptBar::say(const QString& error) {
    error_->setText(fewLines(error));
    error_->setVisible(!error.isEmpty());
}

/// Unfolded, the field says it.
void SystemPromptBar::showSummary() {
    const QString words = oneLine(text().trimmed());
    const QString said = words.isEmpty() ? tr("none") : words;
    summary_->setText(isUnfolded() ? QString()
                                   : summary_->fontMetrics().elidedText(said, Qt::ElideRight,
                                                                        std::max(40, summary_->width())));
    summary_->setToolTip(words.isEmpty() || isUnfolded() ? QString() : wrappedTip(words));
    header_->setAccessibleDescription(
        isUnfolded() ? tr("Folds the system prompt")
                     : tr("%1. Unfolds it, to be changed.").arg(words.isEmpty() ? tr("None") : words));
}

void SystemPromptBar::fit() {
    const int lines =
        std::clamp(static_cast<int>(std::ceil(edit_->document()->size().height())), kFewestLines, kMostLines);
    edit_->setFixedHeight(lines * edit_->fontMetrics().lineSpacing() +
                          static_cast<int>(2 * edit_->document()->documentMargin()) + 16);
}

bool SystemPromptBar::eventFilter(QObject* object, QEvent* event) {
    const auto is_key = [event](int key) {
        return (event->type() == QEvent::KeyPress || event->type() == QEvent::ShortcutOverride) &&
               static_cast<QKeyEvent*>(event)->key() == key;
    };
    if (object == summary_ && event->type() == QEvent::MouseButtonPress) {
        unfold(true);
        return true;
    }
    if (object == edit_ && event->type() == QEvent::FocusOut &&
        static_cast<QFocusEvent*>(event)->reason() != Qt::PopupFocusReason &&
        static_cast<QFocusEvent*>(event)->reason() != Qt::ActiveWindowFocusReason)
        finish();
    if ((object == edit_ || object == name_field_) && is_key(Qt::Key_Escape)) {
        if (event->type() == QEvent::ShortcutOverride) {
            event->accept(); // the window's own Esc stops the answer
        } else if (object == edit_) {
            header_->setFocus();
            unfold(false);
        } else {
            line_->setCurrentWidget(summary_);
            menu_button_->setFocus();
        }
        return true;
    }
    return QWidget::eventFilter(object, event);
}

void SystemPromptBar::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    showSummary();
    fit();
}

void SystemPromptBar::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        fit();
}

} // namespace switchyard
