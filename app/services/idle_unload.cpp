#include "app/services/idle_unload.h"

#include "app/services/model_setup.h"

#include <utility>

namespace switchyard {

IdleUnload::IdleUnload(CurrentModel& model, ChatController& controller, Settings& settings, int minute,
                       QObject* parent)
    : QObject(parent), model_(model), controller_(controller), settings_(settings), minute_(minute) {
    idle_.setSingleShot(true);
    connect(&idle_, &QTimer::timeout, this, &IdleUnload::sleep);
    connect(&model_, &CurrentModel::stateChanged, this, [this](ModelState state) {
        if (state != ModelState::None)
            setSleeping({});
        look();
    });
    connect(&controller_, &ChatController::runChanged, this, &IdleUnload::look);
    connect(&controller_.list(), &ChatListService::changed, this, &IdleUnload::look);
    connect(&settings_, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::ModelSettings)
            look();
    });
    look();
}

/// The time is counted from the last answer, and from the last change of the setting.
void IdleUnload::look() {
    const bool ready = model_.state() == ModelState::Ready;
    const int minutes = ready ? setupOf(settings_, model_.capabilities().model_path).idle_minutes : 0;
    if (minutes == 0 || controller_.anyBusy())
        idle_.stop();
    else
        idle_.start(minutes * minute_);
}

void IdleUnload::sleep() {
    if (model_.state() != ModelState::Ready || controller_.anyBusy())
        return;
    const QString path = model_.capabilities().model_path;
    model_.unload();
    setSleeping(path);
}

void IdleUnload::setSleeping(const QString& model) {
    if (std::exchange(sleeping_, model) != model)
        Q_EMIT changed();
}

} // namespace switchyard
