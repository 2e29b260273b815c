// How a wish for another model, or for another device, becomes a model that is loaded: an answer that is
// being written is waited for, a file or a card that cannot be used never costs the model that works, and
// where it fails there is a way back.
#pragma once

#include "app/services/devices.h"

#include <functional>

namespace switchyard {

class ChatController;

class ModelLoading : public QObject {
    Q_OBJECT
  public:
    /// All must outlive it.
    ModelLoading(CurrentModel& model, Devices& devices, ChatController& controller,
                 QObject* parent = nullptr);

    /// On the device that is chosen for it. The newest wish counts; what it takes the place of is said.
    void load(const QString& path);
    /// Chooses the device that a model is opened on, and opens it anew where it is in use. `own`: see
    /// Devices.
    void choose(const DeviceChoice& device, bool own);
    /// What is being loaded, or was wished last.
    const QString& path() const { return wish_.path; }
    /// The model in use stays until the answers under way have ended, and then it is another or elsewhere.
    bool waits() const { return waits_; }
    /// Does what the last notice offered.
    void act();
    /// The last notice once more, for a window that has not heard it.
    void sayAgain();

  Q_SIGNALS:
    /// What there is to say of the model now, with what can be done about it; empty: nothing.
    void notice(const QString& sentence, const QString& action, bool is_error);

  private:
    struct Wish {
        QString path;
        DeviceChoice device;
        bool operator==(const Wish&) const = default;
    };
    /// A sentence in the window's language, which may be another one when it is said again; none: nothing.
    using Words = std::function<QString()>;
    void want(const Wish& wish);
    void begin();
    void whenIdle();
    void takeState(ModelState state, const QString& error);
    void takeRefusal(const QString& path, const QString& error);
    void takeCardTrouble(CardTrouble trouble);
    void sayNotes();
    QString noteWords(const Words& instead, bool kept) const;
    int answers() const; ///< that are being written or wait for their turn
    void sayWaiting();
    QString waitingWords() const;
    bool moves() const { return wish_.path == works_.path; } ///< only to another device

    enum class Offer { None, LoadNow, Back, ToCpu, CpuForNow, Dismiss };
    QString actionOf(Offer offer) const;
    void say(const Words& words, Offer offer, bool is_error);

    CurrentModel& model_;
    Devices& devices_;
    ChatController& controller_;
    Wish wish_;
    Wish works_;    ///< the last that did
    Wish asked_;    ///< of the model's host, which has not answered yet
    Words instead_; ///< what is to be said of a wish that was replaced, or of a card that was lost
    bool waits_ = false;
    bool lost_ = false; ///< the card was
    bool kept_ = false; ///< a model was offered the CPU, which is its own choice from now on: it is said
    Offer offer_ = Offer::None;
    Words said_;
    bool said_error_ = false;
};

} // namespace switchyard
