// What the window knows of devices: which there are, which one a model is to be opened on, and how the card
// of the model in use is at the moment. Nothing here waits.
#pragma once

#include "app/services/background.h"
#include "app/services/current_model.h"
#include "app/services/settings.h"

namespace switchyard {

class Devices : public QObject {
    Q_OBJECT
  public:
    /// All must outlive it.
    Devices(std::shared_ptr<const Hardware> hardware, CurrentModel& model, Settings& settings,
            QObject* parent = nullptr);

    /// Looks for cards; cardsChanged() follows. Until the first answer there are none, without a reason.
    void look();
    bool looked() const { return looked_; }
    const Cards& cards() const { return cards_; }

    /// What a model is to be opened on: its own choice, or that of all.
    DeviceChoice choice(const QString& model) const;
    bool hasOwn(const QString& model) const;
    DeviceChoice choiceOfAll() const; ///< that have none of their own
    /// `own`: for that model alone; else for all that have none of their own, and this one has none any more.
    void choose(const DeviceChoice& choice, const QString& model, bool own);
    /// "the CPU", "NVIDIA H200", as it stands in a sentence.
    QString nameOf(const DeviceChoice& choice) const;

    /// Asks how the card of the model in use is; readingChanged() follows. At most one question at a time.
    void poll();
    /// Of the last answer; nothing where the CPU computes.
    const CardReading& reading() const { return reading_; }

  Q_SIGNALS:
    void cardsChanged();
    void choiceChanged();
    void readingChanged();

  private:
    void setReading(const CardReading& reading);

    const std::shared_ptr<const Hardware> hardware_;
    CurrentModel& model_;
    Settings& settings_;
    Cards cards_;
    CardReading reading_;
    bool looked_ = false, looking_ = false, asked_ = false;
    Background background_; ///< last: its jobs use everything above
};

} // namespace switchyard
