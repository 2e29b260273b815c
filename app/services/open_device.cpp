#include "app/services/open_device.h"

#include "app/services/engine_sentence.h"
#include "app/services/forecast.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"

#include <QCoreApplication>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

using Kind = DeviceChoice::Kind;

QString say(const char* english) { return QCoreApplication::translate("OpenDevice", english); }

QString bytesText(quint64 bytes) { return QString::fromStdString(format_bytes(bytes)); }

/// The one with most room; nullptr: none can be used.
const Card* roomiest(const Cards& all) {
    const Card* best = nullptr;
    for (const Card& card : all.cards) {
        const auto room = [](const Card& of) { return of.memory_free > 0 ? of.memory_free : of.memory; };
        if (card.unusable.isEmpty() && (!best || room(card) > room(*best)))
            best = &card;
    }
    return best;
}

struct Fit {
    std::shared_ptr<Backend> backend;
    MemoryUse need;   ///< of the card's memory
    quint64 free = 0; ///< 0: not known
    bool fits() const { return free == 0 || need.total() <= free; }
};

/// Opens the card and counts.
Fit tryCard(const Hardware& hardware, const Card& card, const DeviceWish& wish,
            const BackendOptions& options) {
    Fit fit;
    fit.backend = hardware.open({Kind::Cuda, card.index}, options);
    fit.need = usualNeed(wish.path, *fit.backend);
    fit.need.text = fit.need.copies = 0; // stay in RAM
    const DeviceStatus status = fit.backend->device_status();
    fit.free = status.total > 0 ? status.free : card.memory_free;
    if (fit.free > 0 && wish.freed_on == card.index)
        fit.free += wish.freed;
    return fit;
}

OpenedDevice openCpu(const Hardware& hardware, const BackendOptions& options, const QString& why) {
    return {hardware.open({Kind::Cpu, -1}, options), -1, {}, why};
}

OpenedDevice openAutomatic(const Hardware& hardware, const DeviceWish& wish, const BackendOptions& options) {
    const Cards all = hardware.cards();
    const Card* card = roomiest(all);
    if (!card)
        return openCpuBecause(hardware, options, all.none);
    try {
        const Fit fit = tryCard(hardware, *card, wish, options);
        if (!fit.fits())
            return openCpu(hardware, options,
                           say(QT_TRANSLATE_NOOP("OpenDevice", "Automatic: the CPU, because the model needs "
                                                               "%1 and %2 has %3 free."))
                               .arg(bytesText(fit.need.total()), card->name, bytesText(fit.free)));
        const QString why =
            fit.free > 0
                ? say(QT_TRANSLATE_NOOP("OpenDevice", "Automatic: %1, %2 free; this model needs %3."))
                      .arg(card->name, bytesText(fit.free), bytesText(fit.need.total()))
                : say(QT_TRANSLATE_NOOP("OpenDevice", "Automatic: %1; this model needs %2."))
                      .arg(card->name, bytesText(fit.need.total()));
        return {fit.backend, card->index, card->name, why};
    } catch (const Error& error) {
        return openCpuBecause(hardware, options, engineSentence(error));
    }
}

OpenedDevice openCard(const Hardware& hardware, const DeviceWish& wish, const BackendOptions& options) {
    const Cards all = hardware.cards();
    const Card* card = wish.choice.index < 0 ? roomiest(all) : all.find(wish.choice.index);
    if (!card || !card->unusable.isEmpty()) {
        const QString gone = say(QT_TRANSLATE_NOOP("OpenDevice", "there is no card %1 on this machine"))
                                 .arg(deviceWord(wish.choice));
        const QString why = card ? card->unusable : all.none.isEmpty() ? gone : all.none;
        throw Error(say(QT_TRANSLATE_NOOP("OpenDevice", "The chosen card cannot be used: %1."))
                        .arg(why)
                        .toStdString());
    }
    const Fit fit = tryCard(hardware, *card, wish, options);
    if (!fit.fits())
        throw Error(
            say(QT_TRANSLATE_NOOP("OpenDevice",
                                  "This model needs %1 on %2 (weights %3, KV cache %4, scratch %5) and %6 "
                                  "are free there: open it on the CPU, close what else uses the card, or "
                                  "choose a smaller model."))
                .arg(bytesText(fit.need.total()), card->name, bytesText(fit.need.weights),
                     bytesText(fit.need.kv), bytesText(fit.need.scratch), bytesText(fit.free))
                .toStdString());
    return {fit.backend, card->index, card->name, {}};
}

} // namespace

OpenedDevice openCpuBecause(const Hardware& hardware, const BackendOptions& options, const QString& why) {
    return openCpu(hardware, options,
                   say(QT_TRANSLATE_NOOP("OpenDevice", "Automatic: the CPU, because %1.")).arg(why));
}

OpenedDevice openDeviceFor(const Hardware& hardware, const DeviceWish& wish, const BackendOptions& options) {
    switch (wish.choice.kind) {
    case Kind::Auto:
        return openAutomatic(hardware, wish, options);
    case Kind::Cuda:
        return openCard(hardware, wish, options);
    case Kind::Cpu:
        break;
    }
    return openCpu(hardware, options, {});
}

} // namespace switchyard
