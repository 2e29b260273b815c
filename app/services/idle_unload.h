// Gives a model's memory back when nobody has asked it anything for as long as the user has set for it.
#pragma once

#include "app/services/chat_controller.h"
#include "app/services/current_model.h"
#include "app/services/settings.h"

#include <QObject>
#include <QTimer>

namespace switchyard {

class IdleUnload : public QObject {
    Q_OBJECT
  public:
    /// All must outlive it. `minute`: its length in ms.
    IdleUnload(CurrentModel& model, ChatController& controller, Settings& settings, int minute = 60'000,
               QObject* parent = nullptr);
    /// The model that is to be loaded again when something is asked; "": none sleeps.
    const QString& sleeping() const { return sleeping_; }

  Q_SIGNALS:
    void changed(); ///< it fell asleep, or another model or the same one is loaded

  private:
    void look();
    void sleep();
    void setSleeping(const QString& model);

    CurrentModel& model_;
    ChatController& controller_;
    Settings& settings_;
    const int minute_;
    QString sleeping_;
    QTimer idle_;
};

} // namespace switchyard
