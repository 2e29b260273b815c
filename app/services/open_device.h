// On which device a model is opened: the one that was chosen, or a card where there is one that it fits.
#pragma once

#include "app/services/hardware.h"

namespace switchyard {

/// A model that is to be opened.
struct DeviceWish {
    QString path;
    DeviceChoice choice;
    /// What the model whose place it takes will give back, and on which card that is (-1: in RAM).
    quint64 freed = 0;
    int freed_on = -1;
};

struct OpenedDevice {
    std::shared_ptr<Backend> backend;
    int card = -1;  ///< -1: the CPU
    QString name{}; ///< of the card
    QString why{};  ///< of an automatic choice: a sentence
};

/// Throws Error where the chosen one cannot be had or is too small, and where the file cannot be read.
/// Weights are not read.
OpenedDevice openDeviceFor(const Hardware& hardware, const DeviceWish& wish, const BackendOptions& options);

/// The CPU in place of a card: `why`, a clause.
OpenedDevice openCpuBecause(const Hardware& hardware, const BackendOptions& options, const QString& why);

} // namespace switchyard
