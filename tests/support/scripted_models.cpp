#include "tests/support/scripted_models.h"

#include "app/services/dial_moves.h"

#include <QTimer>

#include <algorithm>

namespace switchyard {

namespace {
constexpr int kLoadSteps = 20;
}

ScriptedModels::ScriptedModels(FakeScript script, QObject* parent)
    : ModelHost(parent), script_(std::move(script)) {}

void ScriptedModels::setScript(const FakeScript& script) {
    const std::lock_guard lock(mutex_);
    script_ = script;
}

FakeScript ScriptedModels::script() const {
    const std::lock_guard lock(mutex_);
    return script_;
}

std::pair<quint32, quint32> ScriptedModels::recoded(const ModelKey& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? std::pair<quint32, quint32>{}
                                   : std::pair{found->second.recoded, found->second.recode_total};
}

ModelState ScriptedModels::state(const ModelKey& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? ModelState::None : found->second.state;
}

const Capabilities& ScriptedModels::capabilities(const ModelKey& key) const {
    static const Capabilities none;
    const auto found = entries_.find(key);
    return found == entries_.end() ? none : found->second.capabilities;
}

void ScriptedModels::load(const ModelKey& key, const ModelKey& in_place_of, const DeviceChoice&) {
    const ModelState now = state(key);
    if (now == ModelState::Loading || (now == ModelState::Ready && key != in_place_of))
        return;
    const FakeScript script = this->script();
    const bool replaces = state(in_place_of) == ModelState::Ready;
    if (replaces && !script.refused_error.isEmpty()) {
        QTimer::singleShot(0, this,
                           [this, key, error = script.refused_error] { Q_EMIT refused(key, error); });
        return;
    }
    const int serial = ++serial_;
    {
        const std::lock_guard lock(mutex_);
        Entry& entry = entries_[key] = {};
        entry.state = ModelState::Loading;
        entry.serial = serial;
    }
    Q_EMIT stateChanged(key, ModelState::Loading, {});
    if (replaces && in_place_of != key)
        unload(in_place_of);
    for (int step = 1; step <= kLoadSteps; ++step) {
        const double share = static_cast<double>(step) / kLoadSteps;
        QTimer::singleShot(static_cast<int>(1000 * script.load_seconds * share), this,
                           [this, serial, share, script, key] {
                               const auto found = entries_.find(key);
                               if (found == entries_.end() || found->second.serial != serial)
                                   return;
                               Q_EMIT loadProgress(key, share);
                               if (share >= 1)
                                   become(key, script);
                           });
    }
}

void ScriptedModels::become(const ModelKey& key, const FakeScript& script) {
    Entry& entry = entries_.at(key);
    if (!script.load_error.isEmpty()) {
        entry.state = ModelState::Failed;
    } else {
        Capabilities& model = entry.capabilities = script.capabilities;
        model.ready = true;
        model.model_path = key;
        model.model_name = key.section(QLatin1Char('/'), -1);
        model.model_fingerprint = model.model_name;
        entry.state = ModelState::Ready;
    }
    Q_EMIT stateChanged(key, entry.state, script.load_error);
}

void ScriptedModels::unload(const ModelKey& key) {
    const ModelState before = state(key);
    {
        const std::lock_guard lock(mutex_);
        entries_.erase(key);
    }
    if (before != ModelState::None)
        Q_EMIT stateChanged(key, ModelState::None, {});
}

ModelTuning ScriptedModels::modelTuning(const ModelKey& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? ModelTuning{} : found->second.tuning;
}

void ScriptedModels::setModelTuning(const ModelKey& key, const ModelTuning& tuning) {
    const auto found = entries_.find(key);
    if (found == entries_.end() || tuning == found->second.tuning)
        return;
    Entry& entry = found->second;
    {
        const std::lock_guard lock(mutex_);
        entry.recoded = 0;
        entry.recode_total = script_.recode_slices;
    }
    entry.before = std::exchange(entry.tuning, tuning);
    entry.recode_start = Clock::now();
    ++entry.recode_serial;
    Q_EMIT tuned(key, tuning);
    recodeTick(key);
}

void ScriptedModels::recodeTick(const ModelKey& key) {
    Entry& entry = entries_.at(key);
    const FakeScript script = this->script();
    const double length = script.recode_seconds;
    const std::chrono::duration<double> passed = Clock::now() - entry.recode_start;
    const double share = length > 0 ? std::min(1.0, passed.count() / length) : 1.0;
    if (share >= 0.5 && !script.recode_error.isEmpty()) {
        entry.tuning = entry.before;
        Q_EMIT tuned(key, entry.tuning);
        Q_EMIT recodeFailed(key, script.recode_error);
        return;
    }
    const quint32 total = entry.recode_total, done = static_cast<quint32>(share * total);
    {
        const std::lock_guard lock(mutex_);
        entry.recoded = done;
    }
    if (done == total) {
        for (const ChoiceForecast& choice : entry.capabilities.weights) {
            if (choice.name == QString::fromStdString(precisionName(entry.tuning)))
                entry.capabilities.weights_bytes = choice.bytes;
        }
    }
    Q_EMIT recodeProgress(key, done, total);
    if (done < total)
        QTimer::singleShot(20, this, [this, key, serial = entry.recode_serial] {
            const auto found = entries_.find(key);
            if (found != entries_.end() && found->second.recode_serial == serial)
                recodeTick(key);
        });
}

void ScriptedModels::readCard(const ModelKey& key, std::function<void(const CardReading&)> answer) {
    const CardReading reading = capabilities(key).card >= 0 ? script().card : CardReading();
    QTimer::singleShot(0, this, [answer = std::move(answer), reading] { answer(reading); });
}

void ScriptedModels::countTokens(const ModelKey& key, const QString& text, std::function<void(int)> answer) {
    const int count = state(key) == ModelState::Ready ? countPieces(text) : -1;
    QTimer::singleShot(0, this, [answer = std::move(answer), count] { answer(count); });
}

} // namespace switchyard
