// How a wish for another model becomes one that is loaded: an answer that is being written is waited for, a
// file that cannot be used never costs the model that works, and where loading fails there is a way back.
#pragma once

#include "app/services/current_model.h"

namespace switchyard {

class ChatController;

class ModelLoading : public QObject {
    Q_OBJECT
  public:
    /// Both must outlive it.
    ModelLoading(CurrentModel& model, ChatController& controller, QObject* parent = nullptr);

    /// The newest wish counts; what it takes the place of is said.
    void load(const QString& path);
    /// What is being loaded, or was wished last.
    const QString& path() const { return path_; }
    /// Does what the last notice offered.
    void act();

  Q_SIGNALS:
    /// What there is to say of the model now, with what can be done about it; empty: nothing.
    void notice(const QString& sentence, const QString& action, bool is_error);

  private:
    void begin();
    void whenIdle();
    void takeState(ModelState state, const QString& error);
    void sayNotes();
    int answers() const; ///< that are being written or wait for their turn
    void sayWaiting();

    enum class Offer { None, LoadNow, Back, Dismiss };
    void say(const QString& sentence, Offer offer, bool is_error);

    CurrentModel& model_;
    ChatController& controller_;
    QString path_;
    QString works_;   ///< the last model that did
    QString asked_;   ///< of the model's host, which has not answered yet
    QString instead_; ///< what is to be said of a wish that was replaced
    bool waits_ = false;
    Offer offer_ = Offer::None;
};

} // namespace switchyard
