#include "ui/chat/chat_page.h"

#include <QApplication>
#include <QClipboard>
#include <QDataStream>
#include <QResizeEvent>
#include <QStackedLayout>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int narrow = 1200; // pixels; below, one side column at a time

/// Keeps the composer as wide as the thread's text.
class ComposerRow : public QWidget {
  public:
    ComposerRow(Composer* composer, QWidget* parent) : QWidget(parent), composer_(composer) {
        auto* layout = new QHBoxLayout(this);
        layout->setContentsMargins(16, 4, 16, 14);
        layout->addStretch(1);
        layout->addWidget(composer, 100);
        layout->addStretch(1);
        composer->setMaximumWidth(800);
    }

  private:
    Composer* composer_;
};

} // namespace

ChatPage::ChatPage(ChatController& controller, Generator& generator, QWidget* parent)
    : QWidget(parent), controller_(controller), generator_(generator) {
    setObjectName(u"chatPage"_s);
    list_ = new ChatList(this);
    thread_ = new ThreadView(this);
    empty_ = new EmptyState(this);
    composer_ = new Composer(this);
    problem_ = new QLabel(this);
    problem_->setObjectName(u"problemLine"_s);
    problem_->setTextFormat(Qt::PlainText);
    problem_->setWordWrap(true);
    problem_->setMargin(10);
    problem_->setAutoFillBackground(true);
    problem_->setBackgroundRole(QPalette::AlternateBase);
    problem_->hide();

    thread_area_ = new QWidget(this);
    auto* stack_host = new QWidget(thread_area_);
    auto* stack = new QStackedLayout(stack_host);
    stack->addWidget(thread_);
    stack->addWidget(empty_);
    auto* area = new QVBoxLayout(thread_area_);
    area->setContentsMargins(0, 0, 0, 0);
    area->setSpacing(0);
    area->addWidget(problem_);
    area->addWidget(stack_host, 1);
    area->addWidget(new ComposerRow(composer_, thread_area_));

    rows_ = new QSplitter(Qt::Vertical, this);
    rows_->setObjectName(u"chatRows"_s);
    rows_->setChildrenCollapsible(false);
    rows_->addWidget(thread_area_);
    middle_ = new QWidget(this);
    auto* middle = new QVBoxLayout(middle_);
    middle->setContentsMargins(0, 0, 0, 0);
    middle->setSpacing(0);
    middle->addWidget(rows_, 1);
    middle_->setMinimumWidth(360);

    columns_ = new QSplitter(Qt::Horizontal, this);
    columns_->setObjectName(u"chatColumns"_s);
    columns_->setChildrenCollapsible(false);
    columns_->addWidget(list_);
    columns_->addWidget(middle_);
    columns_->setStretchFactor(0, 0);
    columns_->setStretchFactor(1, 1);
    columns_->setSizes({240, 900});
    columns_->setHandleWidth(1);
    rows_->setHandleWidth(1);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(columns_);
    toast_ = new Toast(stack_host);

    setTabOrder(list_, thread_);
    setTabOrder(thread_, composer_);
    connectController();
    connectWidgets();
    showChats();
    showThread();
    showModel();
    composer_->setFontPoints(thread_->fontPoints());
    setFocusProxy(composer_);
}

void ChatPage::connectController() {
    connect(&controller_, &ChatController::chatsChanged, this, &ChatPage::showChats);
    connect(&controller_, &ChatController::threadChanged, this, &ChatPage::showThread);
    connect(&controller_, &ChatController::messageChanged, this, [this](MessageId id) {
        if (const Message* message = controller_.message(id))
            thread_->updateMessage(*message);
        showContext();
    });
    connect(&controller_, &ChatController::runChanged, this, [this](ConversationId id) {
        if (id == controller_.current())
            showRun();
    });
    connect(&controller_, &ChatController::undoOffered, this,
            [this](const QString& sentence) { toast_->show(sentence, tr("Undo")); });
    connect(toast_, &Toast::actionTriggered, &controller_, &ChatController::undoDelete);
    connect(&controller_, &ChatController::problem, this, [this](const QString& sentence, bool) {
        problem_->setText(sentence);
        problem_->setVisible(!sentence.isEmpty());
    });
    connect(&generator_, &Generator::modelStateChanged, this, &ChatPage::showModel);
}

void ChatPage::connectWidgets() {
    connect(list_, &ChatList::newChatRequested, this, &ChatPage::newChat);
    connect(list_, &ChatList::chatActivated, this, [this](ConversationId id, MessageId message) {
        wanted_message_ = message;
        if (id == controller_.current() && message != 0)
            thread_->scrollToMessage(std::exchange(wanted_message_, 0));
        else
            controller_.openChat(id);
    });
    connect(list_, &ChatList::renameRequested, &controller_, &ChatController::renameChat);
    connect(list_, &ChatList::deleteRequested, &controller_, &ChatController::deleteChat);
    connect(list_, &ChatList::searchRequested, this, [this](const QString& text) {
        controller_.search(text, [self = QPointer<ChatPage>(this), text](QList<SearchHit> hits) {
            if (self && self->list_->query() == text)
                self->list_->setHits(hits);
        });
    });
    connect(thread_, &ThreadView::triggered, this, &ChatPage::act);
    connect(thread_, &ThreadView::questionEdited, this,
            [this](MessageId id, const QString& text) { controller_.editQuestion(id, text); });
    connect(thread_, &ThreadView::answerEdited, this, [this](MessageId id, const QString& text, bool go_on) {
        controller_.editAnswer(id, text);
        if (go_on)
            controller_.continueAnswer(id);
    });
    connect(thread_, &ThreadView::fontPointsChanged, composer_, &Composer::setFontPoints);
    connect(composer_, &Composer::zoomRequested, thread_, &ThreadView::zoom);
    connect(composer_, &Composer::sendRequested, this, &ChatPage::send);
    connect(composer_, &Composer::stopRequested, this, &ChatPage::stop);
    connect(composer_, &Composer::escapePressed, this, &ChatPage::stop);
    connect(composer_, &Composer::draftChanged, &controller_, &ChatController::saveDraft);
    connect(empty_, &EmptyState::promptChosen, this, [this](const QString& prompt) {
        composer_->setText(prompt);
        focusComposer();
    });
    composer_->setTokenCounter([this](const QString& text, std::function<void(int)> answer) {
        generator_.countTokens(text, std::move(answer));
    });
}

// ---- What the controller says ----

void ChatPage::showChats() {
    list_->setChats(controller_.chats());
    list_->setCurrent(controller_.current());
}

void ChatPage::showThread() {
    const Conversation& conversation = controller_.conversation();
    const bool other_chat = shown_ != controller_.current();
    const MessageId last_id = conversation.thread.isEmpty() ? 0 : conversation.thread.last().id;
    const bool new_answer =
        last_id != last_shown_ && last_id != 0 && conversation.thread.last().state == MessageState::Streaming;
    if (other_chat) {
        // The first message of a new chat gives it its id: what is being written belongs to it.
        const bool was_new = shown_ == 0 && !conversation.thread.isEmpty() && new_answer;
        if (!was_new)
            composer_->setText(conversation.draft);
        shown_ = controller_.current();
        list_->setCurrent(shown_);
    }
    last_shown_ = last_id;
    thread_->setThread(conversation.thread, other_chat || new_answer);
    auto* stack = static_cast<QStackedLayout*>(thread_->parentWidget()->layout());
    stack->setCurrentWidget(conversation.thread.isEmpty() ? static_cast<QWidget*>(empty_) : thread_);
    if (wanted_message_ != 0)
        thread_->scrollToMessage(std::exchange(wanted_message_, 0));
    showRun();
    showContext();
}

void ChatPage::showRun() {
    const RunStatus* status = controller_.run(controller_.current());
    thread_->setBusy(status != nullptr);
    composer_->setGenerating(status != nullptr);
    if (!status)
        return;
    QString progress;
    switch (status->phase) {
    case RunStatus::Phase::Queued:
        progress = std::any_of(controller_.chats().begin(), controller_.chats().end(),
                               [this](const auto& chat) { return chat.generating && chat.id != shown_; })
                       ? tr("Waiting for its turn: another chat is being answered")
                       : tr("Starting");
        break;
    case RunStatus::Phase::Prefill:
        progress = status->prefill_total > 0
                       ? tr("Reading: %1 of %2 tokens").arg(status->prefill_done).arg(status->prefill_total)
                       : tr("Reading");
        break;
    case RunStatus::Phase::Decoding:
        break;
    }
    thread_->setProgress(status->message, progress);
}

void ChatPage::showModel() {
    switch (generator_.modelState()) {
    case ModelState::Ready:
        thread_->setFilePrecision(generator_.capabilities().model_name,
                                  generator_.capabilities().file_precision);
        composer_->setReady(true, {});
        composer_->recount();
        if (std::exchange(send_when_ready_, false))
            send(composer_->text(), composer_->files());
        break;
    case ModelState::Loading:
        composer_->setReady(true, {}); // sending waits for the model
        break;
    case ModelState::None:
    case ModelState::Failed:
        send_when_ready_ = false;
        composer_->setReady(false, tr("No model is loaded: choose one above the thread."));
        break;
    }
    showContext();
}

/// What the thread holds: the prompt and the answer of its last run.
void ChatPage::showContext() {
    int used = 0;
    if (const Message* answer = last(Author::Assistant))
        used = answer->run.timings.prompt_tokens + static_cast<int>(answer->run.tokens.size());
    const bool ready = generator_.modelState() == ModelState::Ready;
    composer_->setContext(used, ready ? generator_.capabilities().context : 0);
}

const Message* ChatPage::last(Author author) const {
    const QList<Message>& thread = controller_.conversation().thread;
    for (qsizetype i = thread.size(); i-- > 0;) {
        if (thread[i].author == author)
            return &thread[i];
    }
    return nullptr;
}

// ---- What the user does ----

void ChatPage::send(const QString& text, const QList<MessagePart>& files) {
    if (generator_.modelState() == ModelState::Loading) {
        send_when_ready_ = true;
        toast_->show(tr("The model is still loading. The message is sent as soon as it is ready."), {}, 4000);
        return;
    }
    // First the field, so that the draft of the chat does not come back.
    composer_->clear();
    if (!controller_.send(text, files)) {
        composer_->setText(text);
        return;
    }
    thread_->jumpToEnd();
}

void ChatPage::act(MessageAction action, MessageId id) {
    const Message* message = controller_.message(id);
    if (!message)
        return;
    const qsizetype branch = message->siblings.indexOf(id);
    switch (action) {
    case MessageAction::Regenerate:
        controller_.regenerate(id);
        break;
    case MessageAction::RunAgain:
        controller_.runAgain(id);
        break;
    case MessageAction::PreviousBranch:
        if (branch > 0)
            controller_.selectBranch(message->siblings[branch - 1]);
        break;
    case MessageAction::NextBranch:
        if (branch >= 0 && branch + 1 < message->siblings.size())
            controller_.selectBranch(message->siblings[branch + 1]);
        break;
    case MessageAction::Continue:
        controller_.continueAnswer(id);
        thread_->jumpToEnd();
        break;
    case MessageAction::Delete:
        controller_.deleteMessage(id);
        break;
    case MessageAction::Copy:
    case MessageAction::Edit:
        break; // the thread has done it
    }
}

void ChatPage::newChat() {
    controller_.newChat();
    focusComposer();
}

void ChatPage::focusComposer() { composer_->edit()->setFocus(Qt::ShortcutFocusReason); }

void ChatPage::findChat() {
    setListShown(true);
    list_->focusSearch();
}

void ChatPage::regenerateLast() {
    if (const Message* answer = last(Author::Assistant))
        controller_.regenerate(answer->id);
}

void ChatPage::editLastQuestion() {
    if (const Message* question = last(Author::User); question && !controller_.busy())
        thread_->beginEdit(question->id);
}

void ChatPage::switchBranch(int step) {
    const QList<Message>& thread = controller_.conversation().thread;
    for (qsizetype i = thread.size(); i-- > 0;) {
        if (thread[i].siblings.size() > 1) {
            act(step < 0 ? MessageAction::PreviousBranch : MessageAction::NextBranch, thread[i].id);
            return;
        }
    }
}

void ChatPage::copyLastAnswer() {
    if (const Message* answer = last(Author::Assistant))
        QApplication::clipboard()->setText(answer->text());
}

void ChatPage::stop() {
    send_when_ready_ = false;
    controller_.stop();
}

void ChatPage::highlightToken(MessageId message, int index) { thread_->highlightToken(message, index); }

// ---- Columns ----

void ChatPage::setHeader(QWidget* header) {
    delete header_;
    header_ = header;
    if (header)
        static_cast<QVBoxLayout*>(middle_->layout())->insertWidget(0, header);
}

void ChatPage::setSideColumn(QWidget* column) {
    delete side_;
    side_ = column;
    if (!column)
        return;
    columns_->addWidget(column);
    columns_->setStretchFactor(2, 0);
    columns_->setSizes({240, 820, 300});
    applyColumns();
}

void ChatPage::setDock(QWidget* dock) {
    delete dock_;
    dock_ = dock;
    if (!dock)
        return;
    rows_->addWidget(dock);
    rows_->setStretchFactor(0, 1);
    rows_->setStretchFactor(1, 0);
    rows_->setSizes({500, 240});
}

void ChatPage::setListShown(bool shown) {
    side_last_ = shown ? false : side_last_;
    list_wanted_ = shown;
    applyColumns();
    Q_EMIT listShownChanged(shown);
}

void ChatPage::setSideShown(bool shown) {
    side_last_ = shown ? true : side_last_;
    side_wanted_ = shown;
    applyColumns();
    Q_EMIT sideShownChanged(shown);
}

/// In a narrow window the column asked for last stands alone.
void ChatPage::applyColumns() {
    const bool one = width() < narrow && side_ && side_wanted_ && list_wanted_;
    list_->setVisible(list_wanted_ && (!one || !side_last_));
    if (side_)
        side_->setVisible(side_wanted_ && (!one || side_last_));
}

void ChatPage::setDockShown(bool shown) {
    if (dock_)
        dock_->setVisible(shown);
}

bool ChatPage::dockShown() const { return dock_ && !dock_->isHidden(); }

void ChatPage::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    applyColumns();
}

QByteArray ChatPage::saveState() const {
    QByteArray bytes;
    QDataStream stream(&bytes, QIODevice::WriteOnly);
    stream << quint8(1) << columns_->saveState() << rows_->saveState() << list_wanted_ << side_wanted_
           << (dock_ ? !dock_->isHidden() : true) << double(thread_->fontPoints());
    return bytes;
}

void ChatPage::restoreState(const QByteArray& state) {
    QDataStream stream(state);
    quint8 version = 0;
    QByteArray columns, rows;
    bool list = true, side = true, dock = true;
    double points = 0;
    stream >> version >> columns >> rows >> list >> side >> dock >> points;
    if (stream.status() != QDataStream::Ok || version != 1)
        return;
    columns_->restoreState(columns);
    rows_->restoreState(rows);
    list_wanted_ = list;
    side_wanted_ = side;
    setDockShown(dock);
    if (points > 0)
        thread_->setFontPoints(points);
    applyColumns();
}

} // namespace switchyard
