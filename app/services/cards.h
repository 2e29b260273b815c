// The cards of this machine, as the window names them and says why one cannot be used.
#pragma once

#include "engine/backends/hardware.h"

#include <QString>

#include <vector>

namespace switchyard {

struct Card {
    int index = 0;           ///< "cuda:index"
    QString name;            ///< "NVIDIA H200"
    quint64 memory = 0;      ///< bytes
    quint64 memory_free = 0; ///< bytes now; 0: not known
    QString unusable{};      ///< why it cannot be used, as the engine's clause; "": it can
    bool operator==(const Card&) const = default;
};

struct Cards {
    std::vector<Card> cards;
    QString none; ///< why no card can be used, as the engine's clause; "": one can

    const Card* find(int index) const;
    bool operator==(const Cards&) const = default;
};

/// Takes a while: never on the window's thread.
Cards cardsOf(const Hardware& hardware);

/// "auto", "cpu", "cuda", "cuda:0": as parse_device() reads it.
QString deviceWord(const DeviceChoice& choice);
/// What is no such word counts as "auto".
DeviceChoice deviceOfWord(const QString& word);

} // namespace switchyard
