// Says when an answer has ended that is not in sight: in another chat, or under another page or window.
#pragma once

#include "app/services/chat_controller.h"

#include <QObject>

namespace switchyard {

class Settings;
class Toast;

class AnswerNotices : public QObject {
    Q_OBJECT
  public:
    /// All must outlive it. The notice is shown at the top of `area`; `thread` is where answers are seen.
    /// Where the window is not looked at the desktop says it too, if the user wants that.
    AnswerNotices(const ChatController& controller, const Settings& settings, const QWidget& thread,
                  QWidget& area, QObject* parent = nullptr);

  Q_SIGNALS:
    void showRequested(switchyard::ConversationId id);

  private:
    void take(const OpenChat& chat);
    QString sentence() const;

    const ChatController& controller_;
    const Settings& settings_;
    const QWidget& thread_;
    Toast* toast_;
    ConversationId chat_ = 0; ///< that the notice is about
    bool failed_ = false;     ///< its answer
};

} // namespace switchyard
