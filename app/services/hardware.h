// What this machine computes on: the processor, and the cards there are. Looking and opening take a while:
// never on the window's thread.
#pragma once

#include "engine/backends/choose_backend.h"

#include <QString>

#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace switchyard {

struct Card {
    int index = 0;           ///< "cuda:index"
    QString name;            ///< "NVIDIA H200"
    quint64 memory = 0;      ///< bytes
    quint64 memory_free = 0; ///< bytes now; 0: not known
    QString unusable{};      ///< why it cannot be used, as a clause; "": it can
    bool operator==(const Card&) const = default;
};

struct Cards {
    std::vector<Card> cards;
    QString none; ///< why no card can be used, as a clause; "": one can

    const Card* find(int index) const;
    bool operator==(const Cards&) const = default;
};

/// How a card is now, as far as its driver tells: below zero or 0 where it does not.
struct CardReading {
    quint64 memory = 0, memory_free = 0; ///< bytes
    quint64 taken = 0;                   ///< bytes of it that this program's models have
    int celsius = -1;
    double watts = -1, watts_limit = -1;
    int clock_mhz = -1, memory_clock_mhz = -1;

    bool known() const { return memory > 0; }
};

/// Thread-safe.
class Hardware {
  public:
    virtual ~Hardware() = default;

    /// A card that was lost is among them, and cannot be used.
    Cards cards() const;
    /// Nothing of a card that was lost.
    CardReading read(int card) const;
    /// Throws Error where it cannot be had. PRECOND: a choice, not Auto.
    std::shared_ptr<Backend> open(const DeviceChoice& choice, const BackendOptions& options) const;
    /// It failed in a way from which a program does not recover: nothing is opened on it any more.
    void lose(int card, const QString& name);

  protected:
    virtual Cards look() const = 0;
    virtual CardReading readCard(int card) const = 0;
    virtual std::shared_ptr<Backend> openDevice(const DeviceChoice& choice,
                                                const BackendOptions& options) const = 0;

  private:
    QString lossOf(int card) const; ///< as a clause; "": it was not lost

    mutable std::mutex mutex_;
    std::map<int, QString> lost_; ///< guarded; their names
};

/// Of the machine that the program runs on.
std::shared_ptr<Hardware> thisHardware();

/// "auto", "cpu", "cuda", "cuda:0": as parse_device() reads it.
QString deviceWord(const DeviceChoice& choice);
/// What is no such word counts as "auto".
DeviceChoice deviceOfWord(const QString& word);

} // namespace switchyard
