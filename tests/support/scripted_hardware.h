// Cards by a script: the CPU computes in their place, and they run short of memory, or are lost, as they are
// told.
#pragma once

#include "engine/backends/hardware.h"

#include <QString>

#include <chrono>

namespace switchyard {

/// One card, while tests change it. Thread-safe.
class ScriptedCard {
  public:
    ScriptedCard(QString name, quint64 memory) : name_(std::move(name)), memory_(memory), free_(memory) {}

    const QString& name() const { return name_; }
    quint64 memory() const { return memory_; }
    void setUnusable(const QString& why);
    QString unusable() const;
    /// What its sensors say; memory is the card's own affair.
    void setReading(const CardReading& reading);
    CardReading reading() const; ///< with its memory
    /// Other programs leave so much of it free, beside what the program has taken.
    void leaveFree(quint64 bytes);
    void slowDown(std::chrono::milliseconds step); ///< each step takes so long
    void loseAfter(int steps);                     ///< from now on; -1: never
    void failAfter(int pieces); ///< of memory: then there is none for some while; -1: never

    // For the backend:
    bool take(quint64 bytes); ///< false: there is not so much
    void give(quint64 bytes);
    void beginStep(); ///< throws Error once it is lost
    DeviceStatus status() const;

  private:
    mutable std::mutex mutex_;
    const QString name_;
    const quint64 memory_;
    quint64 free_, taken_ = 0;
    QString unusable_;
    CardReading reading_;
    std::chrono::milliseconds step_time_{0};
    int steps_left_ = -1, pieces_left_ = -1;
    bool lost_ = false, short_ = false;
};

class ScriptedHardware : public Hardware {
  public:
    using CardPtr = std::shared_ptr<ScriptedCard>;
    explicit ScriptedHardware(std::vector<CardPtr> cards = {},
                              QString none = QStringLiteral("there is no NVIDIA driver on this machine"))
        : cards_(std::move(cards)), none_(std::move(none)) {}

  protected:
    CardList look() const override;
    CardReading read_card(int card) const override;
    std::shared_ptr<Backend> open_card(int card, const BackendOptions& options) const override;

  private:
    const std::vector<CardPtr> cards_;
    const QString none_; ///< said where there are no cards
};

} // namespace switchyard
