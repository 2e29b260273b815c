#include "ui/chat/system_prompt_bar.h"

#include "ui/chat/paged_edit.h"
#include "ui/icon_size.h"
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
    followFont(*header_, 14);
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
    if (!names.contains(name_))
        setName({}, {});
    for (const QString& name : names) {
        QAction* entry = menu_->addAction(menuText(name), this, [this, name] { choose(name); });
        entry->setObjectName(u"systemPrompt.choose."_s + name);
        entry->setCheckable(true);
        entry->setData(name);
    }
    menu_->addSeparator();
    const auto add = [this](const QString& title, const QString& id, auto slot) {
        QAction* action = menu_->addAction(title, this, slot);
        action->setObjectName(u"systemPrompt."_s + id);
        return action;
    };
    add(tr("None"), u"none"_s, [this] { choose({}); })->setCheckable(true);
    menu_->addSeparator();
    add({}, u"save"_s, [this] { save(name_); });
    add(tr("Save under a name…"), u"saveAs"_s, [this] { askName(false); });
    add(tr("Rename…"), u"rename"_s, [this] { askName(true); });
    add(tr("Delete"), u"delete"_s, [this] { remove(); });
    menu_->addSeparator();
    add(tr("Begin new chats with it"), u"newChats"_s, [this] {
        const QString chosen = new_chats_ == name_ ? QString() : name_;
        Q_EMIT newChatsChosen(chosen);
    })->setCheckable(true);
    lookForName();
    showStates();
}

/// Of the menu's entries: what is chosen, and what can be done with it.
void SystemPromptBar::showStates() {
    const QString now = text();
    const bool named = !name_.isEmpty(), something = !now.trimmed().isEmpty();
    const auto entry = [this](const QString& id) {
        return menu_->findChild<QAction*>(u"systemPrompt."_s + id, Qt::FindDirectChildrenOnly);
    };
    for (QAction* action : menu_->actions()) {
        if (const QString name = action->data().toString(); !name.isEmpty())
            action->setChecked(name == name_);
    }
    entry(u"none"_s)->setChecked(!something);
    entry(u"save"_s)->setText(named ? tr("Save as “%1”").arg(menuText(name_)) : tr("Save"));
    entry(u"save"_s)->setEnabled(named && something && named_ != now);
    entry(u"saveAs"_s)->setEnabled(something);
    entry(u"rename"_s)->setEnabled(named);
    entry(u"delete"_s)->setEnabled(named);
    entry(u"newChats"_s)->setEnabled(named);
    entry(u"newChats"_s)->setChecked(named && new_chats_ == name_);
}

/// Which named one stands here is found out beside the window, which may be long: each is a file.
void SystemPromptBar::lookForName() {
    const QString now = text();
    looking_ = name_.isEmpty() && !now.trimmed().isEmpty();
    const int look = ++look_;
    if (reader_)
        reader_->stop();
    if (!looking_)
        return;
    try {
        if (!reader_)
            reader_ = std::make_unique<Background>();
        reader_->run(
            this,
            [&prompts = prompts_, names = prompts_.names(), now](const std::stop_token& stop) {
                QString found;
                for (const QString& name : names) {
                    if (stop.stop_requested())
                        break;
                    if (prompts.load(name) == now)
                        found = name;
                }
                return found;
            },
            [this, look, now](const QString& found) {
                if (look != look_)
                    return;
                looking_ = false;
                if (name_.isEmpty() && text() == now)
                    setName(found, now);
                showStates();
            });
    } catch (const std::exception&) { // no thread, or no memory: it stays without a name
        looking_ = false;
    }
}

void SystemPromptBar::setName(const QString& name, const QString& text) {
    name_ = name;
    named_ = text;
}

void SystemPromptBar::choose(const QString& name) {
    QString error;
    const std::optional<QString> chosen = name.isEmpty() ? QString() : prompts_.load(name, &error);
    say(error);
    if (!chosen)
        return;
    finish();
    setName(name, *chosen);
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
        setName(name, text());
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
        setName(name, text());
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
    setName({}, {});
    ++look_; // what is found out about the chat before is of no use
    looking_ = false;
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
