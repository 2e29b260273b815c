// Before the window ends: waits until the chats are on the disk, and asks where that takes long.
#pragma once

#include "app/services/chat_controller.h"

#include <QObject>
#include <QPointer>
#include <QTimer>

class QMessageBox;
class QWidget;

namespace switchyard {

class ClosingGuard : public QObject {
    Q_OBJECT
  public:
    ClosingGuard(ChatController& controller, QWidget& window);

    /// The window was told to close. True: it may go from the screen, and ended() follows when all is saved;
    /// where that takes long it comes back with the question. False: it stays, and the question is asked.
    bool begin();
    /// The same without a question: ended() follows at the latest after kLongest ms.
    void beginForSystem();
    static constexpr int kLongest = 8000;
    bool begun() const { return waiting_; }

  Q_SIGNALS:
    void ended();

  private:
    void end();
    void ask();

    ChatController& controller_;
    QWidget& window_;
    QTimer ask_timer_, limit_;
    QPointer<QMessageBox> question_;
    QString cause_; ///< why chats are not saved now; empty: they are
    bool waiting_ = false, for_system_ = false;
};

} // namespace switchyard
