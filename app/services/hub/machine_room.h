// What this machine has for a model that is not here yet: whether it would fit, and how fast it would answer.
// By a file's size alone, as no header of it can be read: loading counts exactly.
#pragma once

#include "app/services/cards.h"
#include "app/services/hub/hub_answers.h"
#include "app/services/speed_history.h"

namespace switchyard {

enum class Fit { Unknown, Card, Memory, Tight, TooLarge };

struct MachineRoom {
    quint64 ram_total = 0, ram_free = 0; ///< bytes; 0: not known
    QString card;                        ///< the usable one with the most free memory; "": none
    quint64 card_free = 0;
    int threads = 1;
    double bandwidth = 0; ///< bytes a second read from memory; 0: not measured
    SpeedHistory history;

    /// Of a model whose files have so many bytes, with room for a conversation.
    Fit fit(quint64 bytes) const;
    /// Tokens a second of a file of a listing; not known where the share of its experts that a token uses is
    /// not.
    SpeedRange speed(const HubListing& listing, const HubFile& file) const;
    /// Of these, the one that is as near to its authors' weights as fits well and is still quick; -1: none
    /// fits.
    int best(const QList<HubFile>& files) const;
};

/// Takes some tens of milliseconds: never on the window's thread. `speeds_file`: what answers took so far.
/// `bandwidth`: as it was measured before; 0: it is measured now.
MachineRoom readMachineRoom(const QString& speeds_file, const Cards& cards, double bandwidth);

} // namespace switchyard
