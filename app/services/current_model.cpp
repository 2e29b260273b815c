#include "app/services/current_model.h"

#include <utility>

namespace switchyard {

CurrentModel::CurrentModel(ModelHost& host, QObject* parent) : QObject(parent), host_(host) {
    connect(&host_, &ModelHost::stateChanged, this, &CurrentModel::takeState);
    connect(&host_, &ModelHost::refused, this, [this](const ModelKey& key, const QString& error) {
        if (key != wished_ && key != key_)
            return;
        if (key == wished_)
            wished_.clear();
        Q_EMIT refused(key, error);
    });
    const auto pass_on = [this](auto heard, auto said) {
        connect(&host_, heard, this, [this, said](const ModelKey& key, const auto&... values) {
            if (key == key_)
                Q_EMIT(this->*said)(values...);
        });
    };
    pass_on(&ModelHost::capabilitiesChanged, &CurrentModel::capabilitiesChanged);
    pass_on(&ModelHost::loadProgress, &CurrentModel::loadProgress);
    pass_on(&ModelHost::recodeProgress, &CurrentModel::recodeProgress);
    pass_on(&ModelHost::recodeFailed, &CurrentModel::recodeFailed);
    pass_on(&ModelHost::cardFailed, &CurrentModel::cardFailed);
}

void CurrentModel::use(ModelKey key, const DeviceChoice& device) {
    // The current one may be wished again: it works, whatever comes of that.
    const ModelKey before = std::exchange(wished_, {});
    if (!before.isEmpty() && before != key && before != key_)
        host_.unload(before);
    const ModelState there = host_.state(key);
    if (key != key_ && (there == ModelState::Ready || there == ModelState::Loading)) {
        key_ = key; // somebody else loaded it
        tell(there, {});
    } else if (state() == ModelState::Ready) {
        wished_ = key;
        const ModelKey works = key_; // the other takes its place meanwhile
        host_.load(key, works, device);
    } else {
        if (const ModelKey left = std::exchange(key_, key); left != key)
            host_.unload(left);
        host_.load(key, {}, device);
    }
}

void CurrentModel::unload() {
    if (const ModelKey before = std::exchange(wished_, {}); !before.isEmpty())
        host_.unload(before);
    host_.unload(key_);
}

void CurrentModel::countTokens(const QString& text, std::function<void(int)> answer) {
    host_.countTokens(key_, text, std::move(answer));
}

void CurrentModel::readCard(std::function<void(const CardReading&)> answer) {
    host_.readCard(key_, std::move(answer));
}

void CurrentModel::takeState(const ModelKey& key, ModelState state, const QString& error) {
    if (key == wished_ && state == ModelState::Loading)
        key_ = std::exchange(wished_, {});
    if (key == key_)
        tell(state, error);
}

void CurrentModel::tell(ModelState state, const QString& error) {
    error_ = state == ModelState::Failed ? error : QString();
    Q_EMIT stateChanged(state, error);
}

} // namespace switchyard
