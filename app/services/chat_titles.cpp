#include "app/services/chat_titles.h"

#include "app/services/settings.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

constexpr std::size_t kMostWishes = 32; ///< of a session that is never idle; the oldest keep their gist
constexpr int kMostAttempts = 3;        ///< that gave way to something else

} // namespace

ChatTitles::ChatTitles(ChatController& controller, CurrentModel& model, RunService& runs,
                       const Settings& settings, int quiet_ms, QObject* parent)
    : QObject(parent), controller_(controller), model_(model), runs_(runs), settings_(settings) {
    quiet_.setSingleShot(true);
    quiet_.setInterval(quiet_ms);
    connect(&quiet_, &QTimer::timeout, this, &ChatTitles::ask);
    connect(&controller_, &ChatController::answerEnded, this, &ChatTitles::takeAnswer);
    connect(&controller_, &ChatController::runChanged, this, &ChatTitles::follow);
    connect(&controller_, &ChatController::waitingChanged, this, &ChatTitles::follow);
    connect(&model_, &CurrentModel::stateChanged, this, &ChatTitles::follow);
    connect(&settings_, &Settings::changed, this, &ChatTitles::follow);
}

ChatTitles::~ChatTitles() { giveWay(); }

/// A chat that was just answered for the first time, and has no other title yet than its gist.
void ChatTitles::takeAnswer(const OpenChat& chat) {
    const QList<Message>& thread = chat.conversation().thread();
    const ConversationSummary* listed = controller_.list().find(chat.id());
    if (!listed || listed->title_by != TitleBy::Gist || thread.size() < 2 ||
        thread[0].author != Author::User || thread[1].author != Author::Assistant ||
        thread[1].state == MessageState::Failed || thread[0].text().trimmed().isEmpty() ||
        thread[1].text().trimmed().isEmpty())
        return;
    std::erase_if(wishes_, [&](const Wish& wish) { return wish.chat == chat.id(); });
    wishes_.push_back({chat.id(), {thread[0].text(), thread[1].text(), listed->title}});
    if (wishes_.size() > kMostWishes)
        wishes_.pop_front();
    follow();
}

/// Whatever else runs or is about to comes first.
bool ChatTitles::mayAsk() const {
    return model_.state() == ModelState::Ready && settings_.get<Setting::ModelTitles>() &&
           !controller_.anyBusy();
}

bool ChatTitles::isWanted(const Wish& wish) const {
    const ConversationSummary* listed = controller_.list().find(wish.chat);
    return listed && listed->title_by == TitleBy::Gist;
}

void ChatTitles::follow() {
    if (!mayAsk()) {
        quiet_.stop();
        giveWay();
    } else if (!run_ && !wishes_.empty() && !quiet_.isActive()) {
        quiet_.start();
    }
}

void ChatTitles::ask() {
    if (run_ || !mayAsk())
        return;
    std::erase_if(wishes_, [this](const Wish& wish) { return !isWanted(wish); });
    if (wishes_.empty())
        return;
    Wish& wish = wishes_.front();
    ++wish.attempts;
    complete_ = false;
    written_ = {};
    written_.state = MessageState::Streaming;
    Tuning tuning = model_.capabilities().defaults;
    tuning.model = model_.tuning();
    GenerationRequest request = titleRequest(model_.key(), tuning, wish.material);
    run_ = std::make_unique<RunRecorder>(written_, request);
    run_->setRun(runs_.submit(std::move(request), this,
                              [this](RunId run, const std::vector<RunEvent>& events) { take(run, events); }));
}

/// The run ends; its chat has another try later.
void ChatTitles::giveWay() {
    if (!run_)
        return;
    runs_.cancel(run_->status().run);
    run_.reset();
    if (wishes_.front().attempts >= kMostAttempts)
        wishes_.pop_front();
}

void ChatTitles::take(RunId run, const std::vector<RunEvent>& events) {
    if (!run_ || run_->status().run != run)
        return;
    run_->take(written_, events);
    if (written_.state != MessageState::Streaming)
        return finish();
    if (!complete_ && isTitleComplete(written_.text())) {
        complete_ = true;
        runs_.cancel(run);
    }
}

void ChatTitles::finish() {
    run_.reset();
    const FinishReason reason = written_.run.finish;
    const Wish wish = std::move(wishes_.front());
    wishes_.pop_front();
    const bool whole = reason == FinishReason::EndOfTurn || complete_;
    const ConversationSummary* listed = controller_.list().find(wish.chat);
    if (listed && reason != FinishReason::Failed && (whole || reason == FinishReason::MaxTokens)) {
        const QString title = whole ? titleIn(written_.text(), wish.material) : QString();
        const auto& chats = controller_.list().chats();
        const bool taken = std::ranges::find(chats, title, &ConversationSummary::title) != chats.end();
        // Also where the gist stays: it is not asked again.
        controller_.list().rename(wish.chat, title.isEmpty() || taken ? listed->title : title,
                                  TitleBy::Model);
    }
    follow();
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_chat_titles.cpp"
