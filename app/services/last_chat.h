// Which chat was shown when the program ended: the next start shows it again.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/settings.h"

#include <QObject>

namespace switchyard {

class LastChat : public QObject {
    Q_OBJECT
  public:
    /// Both must outlive it.
    LastChat(ChatController& controller, Settings& settings, QObject* parent = nullptr);
    /// Shows the last one, if it is wanted and there was one; from now on the one that is shown is noted.
    void begin(bool show_it);

  private:
    void note();

    ChatController& controller_;
    Settings& settings_;
};

} // namespace switchyard
