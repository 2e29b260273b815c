#include "app/services/devices.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

/// "cuda:0 /models/a.gguf": a model's own choice as the settings keep it.
QString ownText(const DeviceChoice& choice, const QString& model) {
    return deviceWord(choice) + u' ' + model;
}

QString modelOf(const QString& own) { return own.section(u' ', 1); }

} // namespace

Devices::Devices(std::shared_ptr<const Hardware> hardware, CurrentModel& model, Settings& settings,
                 QObject* parent)
    : QObject(parent), hardware_(std::move(hardware)), model_(model), settings_(settings) {
    connect(&model_, &CurrentModel::stateChanged, this, [this](ModelState state) {
        if (state != ModelState::Ready)
            setReading({});
        if (looked_ && (state == ModelState::Ready || state == ModelState::Failed))
            look(); // what is free has changed, or a card was lost
    });
    connect(&settings_, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::Device || setting == Setting::ModelDevices)
            Q_EMIT choiceChanged();
    });
}

void Devices::look() {
    if (looking_)
        return;
    looking_ = true;
    background_.run(
        this, [hardware = hardware_] { return cardsOf(*hardware); },
        [this](const Cards& cards) {
            looking_ = false;
            looked_ = true;
            cards_ = cards;
            Q_EMIT cardsChanged();
        });
}

DeviceChoice Devices::choice(const QString& model) const {
    const QStringList own = settings_.get<Setting::ModelDevices>();
    const auto found = std::ranges::find(own, model, modelOf);
    return found != own.end() ? deviceOfWord(found->section(u' ', 0, 0)) : choiceOfAll();
}

DeviceChoice Devices::choiceOfAll() const { return deviceOfWord(settings_.get<Setting::Device>()); }

bool Devices::hasOwn(const QString& model) const {
    const QStringList own = settings_.get<Setting::ModelDevices>();
    return std::ranges::find(own, model, modelOf) != own.end();
}

void Devices::choose(const DeviceChoice& choice, const QString& model, bool own) {
    QStringList all = settings_.get<Setting::ModelDevices>();
    all.removeIf([&model](const QString& text) { return modelOf(text) == model; });
    if (own)
        all.append(ownText(choice, model));
    else
        settings_.set<Setting::Device>(deviceWord(choice));
    settings_.set<Setting::ModelDevices>(all);
}

QString Devices::nameOf(const DeviceChoice& choice) const {
    if (choice.kind == DeviceChoice::Kind::Auto)
        return tr("a device chosen automatically");
    if (choice.kind == DeviceChoice::Kind::Cpu)
        return tr("the CPU");
    const Card* card = cards_.find(choice.index);
    return card ? card->name : deviceWord(choice);
}

void Devices::poll() {
    if (asked_ || model_.state() != ModelState::Ready || model_.capabilities().card < 0)
        return;
    asked_ = true;
    model_.readCard([guard = QPointer(this)](const CardReading& reading) {
        if (!guard)
            return;
        guard->asked_ = false;
        guard->setReading(guard->model_.capabilities().card < 0 ? CardReading() : reading);
    });
}

void Devices::setReading(const CardReading& reading) {
    reading_ = reading;
    Q_EMIT readingChanged();
}

} // namespace switchyard
