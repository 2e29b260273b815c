#include "ui/chat/chat_page.h"

#include "ui/plain_text.h"

#include "app/services/settings.h"

#include <QApplication>
#include <QClipboard>
#include <QDragEnterEvent>
#include <QHBoxLayout>
#include <QKeyEvent>
#include <QLocale>
#include <QMimeData>
#include <QPointer>
#include <QStackedLayout>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// Keeps what is over and under the thread about as wide as its text.
class ReadingRow : public QWidget {
  public:
    ReadingRow(QWidget* content, int above, int below, QWidget* parent) : QWidget(parent) {
        auto* layout = new QHBoxLayout(this);
        layout->setContentsMargins(16, above, 16, below);
        layout->addStretch(1);
        layout->addWidget(content, 100);
        layout->addStretch(1);
        content->setMaximumWidth(800);
    }
};

/// Where the thread is, or what stands there while there is none. Both make do with the height that is left.
class Middle : public QWidget {
  public:
    using QWidget::QWidget;
    bool hasHeightForWidth() const override { return false; }
};

/// What is typed while the list or the thread has the focus goes to the composer.
class TypingGoesToComposer : public QObject {
  public:
    TypingGoesToComposer(ComposerEdit* edit, QObject* parent) : QObject(parent), edit_(edit) {}

    bool eventFilter(QObject*, QEvent* event) override {
        if (event->type() != QEvent::KeyPress)
            return false;
        const auto* key = static_cast<QKeyEvent*>(event);
        const bool plain = !(key->modifiers() & ~(Qt::ShiftModifier | Qt::KeypadModifier));
        const QString text = key->text();
        if (!plain || text.isEmpty() || !text.front().isPrint() || text.front().isSpace())
            return false;
        edit_->setFocus(Qt::OtherFocusReason);
        QCoreApplication::sendEvent(edit_, event);
        return true;
    }

  private:
    ComposerEdit* edit_;
};

} // namespace

/// What is written, and what is said of it, leaves some lines of the thread in sight.
void ChatPage::fitComposer() {
    const int least = 3 * fontMetrics().lineSpacing();
    QWidget* middle = thread_->parentWidget();
    if (middle->minimumHeight() != least)
        middle->setMinimumHeight(least);
    int room = height() - least;
    for (int i = 0; i < layout()->count(); ++i) {
        const QLayoutItem* item = layout()->itemAt(i);
        const QWidget* row = item->widget();
        if (row->isHidden() || row == middle)
            continue;
        if (row == composer_->parentWidget()) {
            const QMargins around = row->layout()->contentsMargins();
            room -= around.top() + around.bottom();
        } else {
            room -= item->hasHeightForWidth() ? item->heightForWidth(width()) : item->sizeHint().height();
        }
    }
    composer_->setRoom(room);
}

bool ChatPage::event(QEvent* event) {
    const bool done = QWidget::event(event);
    if (event->type() == QEvent::LayoutRequest || event->type() == QEvent::Resize)
        fitComposer();
    return done;
}

ChatPage::ChatPage(ChatController& controller, CurrentModel& model, Settings& settings,
                   SystemPrompts& prompts, WindowActions& actions, QWidget* parent)
    : QWidget(parent), controller_(controller), model_(model), settings_(settings), prompts_(prompts),
      actions_(actions) {
    setObjectName(u"chatPage"_s);
    list_ = new ChatList(actions_, parent);
    auto* stack_host = new Middle(this);
    thread_ = new ThreadView(stack_host);
    empty_ = new EmptyState(stack_host);
    find_ = new FindBar(this);
    system_ = new SystemPromptBar(prompts_, this);
    composer_ = new Composer(this);
    composer_->setStopTip(tipWithKey(actions_[Act::Stop]));
    problem_ = new PlainLabel(this);
    problem_->setObjectName(u"problemLine"_s);
    problem_->setWordWrap(true);
    problem_->setMargin(10);
    problem_->setProperty("banner", true);
    problem_->hide();
    temporary_ =
        new PlainLabel(tr("Temporary chat: nothing of it is written to the disk. It is gone once you show "
                          "another chat or close the window."),
                       this);
    temporary_->setObjectName(u"temporaryLine"_s);
    temporary_->setWordWrap(true);
    temporary_->setMargin(10);
    temporary_->setProperty("banner", true);
    temporary_->hide();
    model_offer_ = new ModelOffer(this);

    auto* stack = new QStackedLayout(stack_host);
    stack->addWidget(thread_);
    stack->addWidget(empty_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(0);
    layout->addWidget(problem_);
    layout->addWidget(temporary_);
    layout->addWidget(find_);
    layout->addWidget(new ReadingRow(system_, 4, 0, this));
    layout->addWidget(stack_host, 1);
    layout->addWidget(model_offer_);
    toast_ =
        new Toast(this, u"toast"_s, Toast::Place::Row); // over the thread it would cover an answer's buttons
    layout->addWidget(new ReadingRow(toast_, 0, 0, this));
    layout->addWidget(new ReadingRow(composer_, 4, 14, this));
    setMinimumWidth(360);
    setFocusProxy(composer_);
    setAcceptDrops(true);

    connectController();
    connectList();
    connectDeleted();
    connectWidgets();
    connectDrafts();
    connectContext();
    connectSystemPrompt();
    connectActions();
    showChats();
    showThread();
    showModel();
    composer_->setEnterSends(settings_.get<Setting::EnterSends>());
    if (const double points = settings_.get<Setting::ChatFontPoints>(); points > 0)
        thread_->setFontPoints(points);
    composer_->setFontPoints(thread_->fontPoints());
}

ChatPage::~ChatPage() { keepUnsent(); }

void ChatPage::connectController() {
    connect(&controller_.list(), &ChatListService::changed, this, &ChatPage::showChats);
    connect(&controller_, &ChatController::threadChanged, this, &ChatPage::showThread);
    connect(&controller_, &ChatController::messageChanged, this, [this](MessageId id) {
        if (const Message* message = controller_.message(id))
            thread_->updateMessage(*message);
        showContext();
        showActions();
    });
    connect(&controller_, &ChatController::runChanged, this, [this](ConversationId id) {
        if (id == controller_.current())
            showRun();
    });
    connect(thread_, &ThreadView::tokensNeeded, this,
            [this](const QList<MessageId>& messages) { controller_.chat().needTokens(messages); });
    connect(&controller_.undo(), &UndoStack::offered, this,
            [this](const QString& sentence, std::optional<ConversationId> in) {
                if (in && *in != shown_)
                    return; // it is not seen any more; the menu takes it back
                offer(sentence, [this] { controller_.undo().undo(); });
                deletion_offered_ = true;
                of_this_chat_ = in.has_value();
            });
    connect(&controller_, &ChatController::refused, this,
            [this](const QString& sentence) { toast_->show(sentence, {}, 8000); });
    connect(toast_, &Toast::actionTriggered, this, [this] {
        if (const auto undo = std::exchange(toast_undo_, {}))
            undo();
    });
    connect(&controller_, &ChatController::problem, this,
            [this](const QString& sentence, bool saving, bool stays) {
                if (stays)
                    return; // over all pages, until it was read
                if (saving) {
                    problem_->hide(); // it is over
                    toast_->show(sentence, {}, 8000);
                    return;
                }
                problem_->setText(fewLines(sentence));
                problem_->setVisible(!sentence.isEmpty());
            });
    connect(&model_, &CurrentModel::stateChanged, this, &ChatPage::showModel);
}

void ChatPage::connectWidgets() {
    connect(thread_, &ThreadView::triggered, this, &ChatPage::act);
    connect(thread_, &ThreadView::questionEdited, this,
            [this](MessageId id, const QString& text) { takeEdit(id, text, true, false); });
    connect(thread_, &ThreadView::answerEdited, this,
            [this](MessageId id, const QString& text, bool go_on) { takeEdit(id, text, false, go_on); });
    connect(thread_, &ThreadView::fontPointsChanged, this, [this](qreal points) {
        composer_->setFontPoints(points);
        settings_.set<Setting::ChatFontPoints>(points);
    });
    connect(&settings_, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::EnterSends)
            composer_->setEnterSends(settings_.get<Setting::EnterSends>());
        if (setting == Setting::FontSize) // once the new font is there
            QMetaObject::invokeMethod(
                this, [this] { composer_->setFontPoints(thread_->fontPoints()); }, Qt::QueuedConnection);
    });
    connect(find_, &FindBar::queryChanged, thread_, &ThreadView::setFind);
    connect(find_, &FindBar::stepRequested, thread_, &ThreadView::findStep);
    connect(find_, &FindBar::closed, this, [this] {
        thread_->setFind({});
        thread_->setFocus();
    });
    connect(thread_, &ThreadView::found, find_, &FindBar::setFound);
    connect(composer_, &Composer::zoomRequested, thread_, &ThreadView::zoom);
    connect(composer_, &Composer::sendRequested, this, &ChatPage::sendText);
    connect(composer_, &Composer::stopRequested, this, &ChatPage::stop);
    connect(composer_, &Composer::escapePressed, this, &ChatPage::handleEscape);
    connect(composer_, &Composer::nothingToUndo, &actions_[Act::Undo], &QAction::trigger);
    connect(empty_, &EmptyState::promptChosen, this, [this](const QString& prompt) {
        composer_->replaceText(prompt);
        focusComposer();
    });
    auto* typing = new TypingGoesToComposer(composer_->edit(), this);
    list_->view()->installEventFilter(typing);
    thread_->installEventFilter(typing);
    composer_->setTokenCounter([this](const QString& text, std::function<void(int)> answer) {
        model_.countTokens(text, std::move(answer));
    });
}

// ---- What the controller says ----

void ChatPage::showChats() {
    list_->setChats(controller_.list().chats(), controller_.list().folders());
    list_->setCurrent(controller_.current());
    empty_->setFirstStart(controller_.list().isRead() && controller_.list().chats().isEmpty());
    list_->setDeleted(controller_.list().removed());
}

void ChatPage::showThread() {
    const Conversation& conversation = controller_.conversation();
    const bool other_chat = shown_ != controller_.current();
    const MessageId last_id = conversation.thread().isEmpty() ? 0 : conversation.thread().last().id;
    const bool new_answer = last_id != last_shown_ && last_id != 0 &&
                            conversation.thread().last().state == MessageState::Streaming;
    rememberPlace();
    if (other_chat) {
        system_->finish(); // in the chat before
        keepUnsent();
        thread_->endEdit();
        shown_ = controller_.current();
        if (of_this_chat_)
            toast_->hide(); // of the one before
        chat_ = std::make_shared<ConversationId>(shown_);
        system_->showChat(conversation.system_prompt);
        composer_->showChat(shown_, conversation.unsent.text, conversation.unsent.files);
        thread_->setEdits(conversation.unsent.edits);
        list_->setCurrent(shown_);
        branch_ = 0;
        temporary_->setVisible(controller_.isTemporary());
        showWaiting();
    }
    last_shown_ = last_id;
    const auto place = places_.constFind(last_id);
    const bool known = !conversation.thread().isEmpty() && place != places_.constEnd();
    thread_->setThread(conversation.thread(), (other_chat && !known) || (new_answer && !known));
    auto* stack = static_cast<QStackedLayout*>(thread_->parentWidget()->layout());
    stack->setCurrentWidget(conversation.thread().isEmpty() ? static_cast<QWidget*>(empty_) : thread_);
    if (known)
        thread_->setPlace(*place);
    if (other_chat)
        thread_->resumeEdit();
    if (wanted_message_ != 0 && controller_.message(wanted_message_))
        thread_->scrollToMessage(std::exchange(wanted_message_, 0));
    showRun();
    showContext();
    showActions();
}

/// A reader who comes back to a branch or a chat finds it where it was.
void ChatPage::rememberPlace() {
    if (last_shown_ != 0 && thread_->messageCount() > 0)
        places_.insert(last_shown_, thread_->place());
}

void ChatPage::showRun() {
    const RunStatus* status = controller_.run(controller_.current());
    thread_->setBusy(status != nullptr);
    composer_->setGenerating(status != nullptr);
    look_ahead_.start();
    showActions();
    if (!status)
        return;
    QString progress;
    switch (status->phase) {
    case RunStatus::Phase::Queued:
        progress = std::any_of(controller_.list().chats().begin(), controller_.list().chats().end(),
                               [this](const auto& chat) { return chat.generating && chat.id != shown_; })
                       ? tr("Waiting for its turn: another chat is being answered")
                       : tr("Starting");
        break;
    case RunStatus::Phase::Prefill:
        progress = status->prefill_total > 0 ? tr("Reading: %1 of %2 tokens")
                                                   .arg(QLocale().toString(status->prefill_done),
                                                        QLocale().toString(status->prefill_total))
                                             : tr("Reading");
        break;
    case RunStatus::Phase::Decoding:
        break;
    }
    thread_->setProgress(status->message, progress);
}

void ChatPage::setSleeping(bool sleeping) {
    sleeping_ = sleeping;
    showModel();
}

void ChatPage::showModel() {
    switch (model_.state()) {
    case ModelState::Ready:
        composer_->setReady(true, {});
        composer_->recount();
        keepUnsent(); // what waits is sent as it is now
        break;
    case ModelState::Loading:
        composer_->setReady(true, {}); // sending waits for the model
        break;
    case ModelState::None:
    case ModelState::Failed:
        if (sleeping_) {
            composer_->setReady(true, {}); // sending wakes it
            break;
        }
        composer_->setReady(false, tr("No model is loaded: choose one above the thread."));
        break;
    }
    system_->setSystemRole(model_.capabilities().system_role);
    showContext();
    showActions();
}

const Message* ChatPage::last(Author author) const {
    const QList<Message>& thread = controller_.conversation().thread();
    for (qsizetype i = thread.size(); i-- > 0;) {
        if (thread[i].author == author)
            return &thread[i];
    }
    return nullptr;
}

// ---- What the user does ----

void ChatPage::act(MessageAction action, MessageId id) {
    const Message* message = controller_.message(id);
    if (!message)
        return;
    const bool question = message->author == Author::User;
    const QList<MessageId> siblings = message->siblings;
    switch (action) {
    case MessageAction::Regenerate:
        if (mayAsk() && (question ? controller_.chat().answer(id) : controller_.chat().regenerate(id)))
            branch_ = 0;
        break;
    case MessageAction::RunAgain:
        if (mayAsk() && controller_.chat().runAgain(id))
            branch_ = 0;
        break;
    case MessageAction::PreviousBranch:
        selectBranch(siblings, siblings.indexOf(id) - 1);
        break;
    case MessageAction::NextBranch:
        selectBranch(siblings, siblings.indexOf(id) + 1);
        break;
    case MessageAction::Continue:
        if (mayAsk() && controller_.chat().continueAnswer(id))
            thread_->jumpToEnd();
        break;
    case MessageAction::Delete:
        branch_ = 0;
        thread_->setFocus(); // its button goes, and Ctrl+Z is not for the composer
        controller_.deleteMessage(id);
        break;
    case MessageAction::ShowPrompt:
        showPrompt(*message);
        break;
    case MessageAction::Copy:
    case MessageAction::CopyText:
    case MessageAction::Edit:
        break; // the thread has done it
    }
}

/// Goes to one of these versions; the keys go on among them, whatever branches stand below.
void ChatPage::selectBranch(const QList<MessageId>& siblings, qsizetype index) {
    if (index < 0 || index >= siblings.size())
        return;
    branches_ = siblings;
    branch_ = siblings[index];
    controller_.chat().selectBranch(branch_);
    showActions();
}

void ChatPage::undoDelete() {
    if (deletion_offered_ && toast_->offers())
        toast_->hide(); // it offers the same
    controller_.undo().undo();
}

void ChatPage::newChat() {
    keepUnsent();
    wanted_message_ = 0;
    controller_.newChat();
    focusComposer();
}

void ChatPage::open(ConversationId id) {
    keepUnsent();
    wanted_message_ = 0;
    controller_.openChat(id);
}

void ChatPage::newTemporaryChat() {
    keepUnsent();
    wanted_message_ = 0;
    controller_.newTemporaryChat();
    focusComposer();
}

void ChatPage::propose(const QString& text) {
    newChat();
    const QString typed = composer_->text();
    composer_->replaceText(typed.isEmpty() ? text : typed + u'\n' + text);
}

void ChatPage::focusComposer() { composer_->edit()->setFocus(Qt::ShortcutFocusReason); }

void ChatPage::focusSearch() { list_->focusSearch(); }

void ChatPage::openFind() {
    if (!controller_.conversation().thread().isEmpty())
        find_->open(thread_->selectedPhrase());
}

/// Of a question that has no answer: answers it.
void ChatPage::regenerateLast() {
    if (const QList<Message>& thread = controller_.conversation().thread(); !thread.isEmpty())
        act(MessageAction::Regenerate, thread.last().id);
}

void ChatPage::editLastQuestion() {
    if (const Message* question = last(Author::User); question && !controller_.busy())
        thread_->beginEdit(question->id);
}

void ChatPage::switchBranch(int step) {
    const Branches among = branches();
    selectBranch(among.siblings, among.at + step);
}

ChatPage::Branches ChatPage::branches() const {
    if (branch_ != 0) // it may not be shown yet
        return {branches_, branches_.indexOf(branch_)};
    const QList<Message>& thread = controller_.conversation().thread();
    for (qsizetype i = thread.size(); i-- > 0;) {
        if (thread[i].siblings.size() > 1)
            return {thread[i].siblings, thread[i].siblings.indexOf(thread[i].id)};
    }
    return {};
}

void ChatPage::copyLastAnswer() {
    if (const Message* answer = last(Author::Assistant))
        QApplication::clipboard()->setText(answer->text());
}

bool ChatPage::handleEscape() {
    if (!find_->isHidden())
        find_->close();
    else if (thread_->editing())
        thread_->endEdit();
    else
        return stop();
    return true;
}

bool ChatPage::stop() {
    if (controller_.cancelWaiting(controller_.current()))
        toast_->hide();
    else if (controller_.busy())
        controller_.chat().stop();
    else
        return false;
    return true;
}

void ChatPage::highlightToken(MessageId message, int index) { thread_->highlightToken(message, index); }

/// Files dropped anywhere on the page go to the composer.
void ChatPage::dragEnterEvent(QDragEnterEvent* event) {
    if (!localFiles(event->mimeData()).isEmpty())
        event->acceptProposedAction();
}

void ChatPage::dropEvent(QDropEvent* event) {
    composer_->addFiles(localFiles(event->mimeData()));
    event->acceptProposedAction();
}

} // namespace switchyard
