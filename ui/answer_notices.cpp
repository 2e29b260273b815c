#include "ui/answer_notices.h"

#include "app/services/desktop_notices.h"
#include "app/services/settings.h"
#include "ui/chat/toast.h"
#include "ui/plain_text.h"

#include <QApplication>

using namespace Qt::StringLiterals;

namespace switchyard {

AnswerNotices::AnswerNotices(const ChatController& controller, const Settings& settings,
                             const QWidget& thread, QWidget& area, QObject* parent)
    : QObject(parent), controller_(controller), settings_(settings), thread_(thread),
      toast_(new Toast(&area, u"answerNotice"_s, Toast::Place::Top)) {
    connect(&controller_, &ChatController::answerEnded, this, &AnswerNotices::take);
    connect(toast_, &Toast::actionTriggered, this, [this] { Q_EMIT showRequested(chat_); });
    connect(&controller_, &ChatController::threadChanged, this, [this] {
        if (controller_.current() == chat_ && thread_.isVisible())
            toast_->hide(); // it is seen
    });
    connect(&controller_.list(), &ChatListService::changed, this, [this] {
        if (!toast_->isVisible())
            return;
        if (controller_.list().find(chat_))
            toast_->setSentence(sentence()); // it may have been renamed
        else
            toast_->hide();
    });
}

void AnswerNotices::take(const OpenChat& chat) {
    const Message* answer = chat.ended();
    const ConversationSummary* listed = controller_.list().find(chat.id());
    // Who stopped it knows.
    if (!answer || answer->state == MessageState::Stopped || (!listed && !chat.isTemporary()))
        return;
    QWidget* window = thread_.window();
    if (!window->isActiveWindow()) {
        QApplication::alert(window);
        if (settings_
                .get<Setting::DesktopNotices>()) // who looks over the shoulder learns nothing of the chat
            tellDesktop(answer->state == MessageState::Failed ? tr("An answer has failed.")
                                                              : tr("An answer has ended."));
    }
    const bool in_sight = chat.id() == controller_.current() && thread_.isVisible() && !window->isMinimized();
    if (in_sight || !listed)
        return;
    chat_ = chat.id();
    failed_ = answer->state == MessageState::Failed;
    constexpr int kShown = 12000; // ms
    toast_->show(sentence(), tr("Show"), kShown);
}

QString AnswerNotices::sentence() const {
    const ConversationSummary* listed = controller_.list().find(chat_);
    const QString title = listed ? oneLine(listed->title, 60) : QString();
    return failed_ ? tr("“%1”: the answer failed.").arg(title) : tr("“%1” has its answer.").arg(title);
}

} // namespace switchyard
