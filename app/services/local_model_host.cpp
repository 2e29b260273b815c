#include "app/services/local_model_host.h"

#include "app/services/engine_sentence.h"
#include "app/services/forecast.h"
#include "app/services/local_files.h"
#include "app/services/memory_lock.h"
#include "app/services/paths.h"
#include "engine/base/error.h"
#include "engine/base/memory.h"
#include "engine/run/scheduler.h"

#include <QFile>
#include <QSaveFile>

#include <algorithm>
#include <utility>

#ifdef __GLIBC__
#include <malloc.h>
#endif

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

/// Weights that were replaced leave holes of many small blocks, which the C library would keep for itself.
void returnFreedMemory() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

std::function<MemoryUse(Backend&)> needOf(const ModelKey& key) {
    return [path = filePath(key)](Backend& backend) { return usual_need(path, backend); };
}

} // namespace

LocalEngine::LocalEngine() = default;
LocalEngine::~LocalEngine() = default;

/// A model that is looked at before it is loaded.
struct LocalModelHost::Wish {
    ModelKey key, in_place_of;
    DeviceChoice device;
    quint64 freed = 0;   ///< bytes that the model in whose place it comes gives back
    int freed_on = -1;   ///< the card where that is; -1: in RAM
    bool beside = false; ///< others stay
    ModelSetup setup{};
    int serial = 0;
    std::stop_token stop;
};

struct LocalModelHost::Loading {
    ModelKey key;
    DeviceChoice device;
    ModelSetup setup;
    int serial = 0;
    std::stop_token stop;
    bool others = false; ///< models that may answer meanwhile
};

quint64 LocalHostOptions::systemFreeMemory() { return system_memory().available; }

LocalModelHost::LocalModelHost(LocalHostOptions options, QObject* parent)
    : ModelHost(parent), options_(std::move(options)), turns_(std::make_shared<StepTurns>()) {
    constexpr qint64 kMost = 1 << 18;
    if (QFile file(options_.speeds_file); !options_.speeds_file.isEmpty() && file.open(QIODevice::ReadOnly))
        speeds_ = SpeedHistory(file.read(kMost));
}

LocalModelHost::~LocalModelHost() {
    for (auto& [key, entry] : entries_) {
        entry.stop.request_stop();
        entry.check_stop.request_stop();
    }
}

// ---- What there is ----

const LocalModelHost::Entry& LocalModelHost::entry(const ModelKey& key) const {
    static const Entry none;
    const auto found = entries_.find(key);
    return found == entries_.end() ? none : found->second;
}

ModelState LocalModelHost::state(const ModelKey& key) const { return entry(key).state; }

const Capabilities& LocalModelHost::capabilities(const ModelKey& key) const {
    return entry(key).capabilities;
}

ModelTuning LocalModelHost::modelTuning(const ModelKey& key) const { return entry(key).tuning; }

LocalEnginePtr LocalModelHost::engine(const ModelKey& key) const { return entry(key).engine; }

std::vector<LocalEnginePtr> LocalModelHost::engines() const {
    std::vector<LocalEnginePtr> all;
    for (const auto& [key, entry] : entries_) {
        if (entry.engine)
            all.push_back(entry.engine);
    }
    return all;
}

LocalModelHost::Entry* LocalModelHost::entry(const ModelKey& key, int serial) {
    const auto found = entries_.find(key);
    return found == entries_.end() || found->second.serial != serial ? nullptr : &found->second;
}

void LocalModelHost::setSetups(std::function<ModelSetup(const ModelKey& key)> setups) {
    setups_ = std::move(setups);
}

BackendOptions LocalModelHost::backendOptions(const ModelSetup& setup) const {
    BackendOptions options;
    options.threads = setup.threads > 0 ? setup.threads : options_.threads;
    options.card_checks = card_checks_file();
    return options;
}

// ---- Coming and going ----

void LocalModelHost::load(const ModelKey& key, const ModelKey& in_place_of, const DeviceChoice& device) {
    const ModelState now = state(key);
    if (now == ModelState::Ready && key != in_place_of)
        return;
    if (now == ModelState::Loading) {
        if (this->entry(key).device != device)
            beginLoading(key, key, device);
        return;
    }
    // What it does now goes on, and is heard, until the file has been looked at.
    Entry& entry = entries_[key];
    entry.check_serial = ++serial_;
    entry.check_stop.request_stop();
    entry.check_stop = {};
    Wish wish;
    wish.key = key;
    wish.in_place_of = in_place_of;
    wish.beside = othersBeside(key, in_place_of);
    const bool replaces = state(in_place_of) == ModelState::Ready;
    if (!replaces && !wish.beside)
        return beginLoading(key, {}, device);
    // The model that works is given up only for one that can be read.
    wish.device = device;
    wish.setup = setups_(key);
    wish.freed = replaces ? capabilities(in_place_of).weights_bytes : 0;
    wish.freed_on = capabilities(in_place_of).card;
    wish.serial = entry.check_serial;
    wish.stop = entry.check_stop.get_token();
    loading_.post([this, wish] { check(wish); });
}

bool LocalModelHost::othersBeside(const ModelKey& key, const ModelKey& in_place_of) const {
    return std::ranges::any_of(entries_, [&](const auto& other) {
        const bool there =
            other.second.state == ModelState::Ready || other.second.state == ModelState::Loading;
        return there && other.first != key && other.first != in_place_of;
    });
}

void LocalModelHost::check(const Wish& wish) {
    QString error;
    try {
        // A card may refuse what it is to compute: then an automatic choice takes the CPU, as loading will.
        const ChosenBackend opened = use_backend(
            *options_.hardware, {wish.device, needOf(wish.key), wish.freed, wish.freed_on, wish.stop},
            backendOptions(wish.setup), [&](const ChosenBackend& chosen) {
                LoadOptions options;
                options.backend = chosen.backend;
                options.stop = wish.stop;
                LoadedModel::check(filePath(wish.key), options);
            });
        const quint64 free = options_.free_memory();
        const quint64 freed = wish.freed_on < 0 ? wish.freed : 0;
        if (wish.beside && free > 0)
            error = shortageBeside(wish.key, *opened.backend, free + freed);
    } catch (const std::exception& problem) {
        error = engineReason(problem);
    }
    QMetaObject::invokeMethod(
        this, [this, wish, error] { answerWish(wish, error); }, Qt::QueuedConnection);
}

void LocalModelHost::answerWish(const Wish& wish, const QString& error) {
    const auto found = entries_.find(wish.key);
    if (found == entries_.end() || found->second.check_serial != wish.serial)
        return; // another was wished since
    if (error.isEmpty())
        return beginLoading(wish.key, wish.in_place_of, wish.device);
    if (found->second.state == ModelState::None)
        entries_.erase(found);
    Q_EMIT refused(wish.key, error);
}

/// Stops what runs and loads there; the entry stays, without an engine.
LocalEnginePtr LocalModelHost::leave(const ModelKey& key) {
    const auto found = entries_.find(key);
    if (found == entries_.end())
        return nullptr;
    if (found->second.engine)
        Q_EMIT leaving(key);
    Entry& entry = found->second;
    entry.stop.request_stop();
    entry.check_stop.request_stop();
    entry.state = ModelState::None;
    entry.capabilities = {};
    return std::exchange(entry.engine, {});
}

void LocalModelHost::beginLoading(const ModelKey& key, const ModelKey& in_place_of,
                                  const DeviceChoice& device) {
    LocalEnginePtr old = leave(in_place_of);
    const bool others =
        std::ranges::any_of(entries_, [](const auto& other) { return other.second.engine != nullptr; });
    Entry& entry = entries_[key];
    entry.serial = ++serial_;
    entry.stop = {};
    entry.check_serial = 0; // a check that is under way is overtaken
    entry.check_stop.request_stop();
    entry.state = ModelState::Loading;
    entry.device = device;
    loading_.post([this,
                   loading = Loading{key, device, setups_(key), entry.serial, entry.stop.get_token(), others},
                   old = std::move(old)]() mutable { read(loading, std::move(old)); });
    Q_EMIT stateChanged(key, ModelState::Loading, {});
    if (!in_place_of.isEmpty() && in_place_of != key) {
        entries_.erase(in_place_of);
        Q_EMIT stateChanged(in_place_of, ModelState::None, {});
    }
}

void LocalModelHost::unload(const ModelKey& key) {
    const ModelState before = state(key);
    if (LocalEnginePtr old = leave(key))
        loading_.post([old = std::move(old)]() mutable { old.reset(); });
    entries_.erase(key);
    if (before != ModelState::None)
        Q_EMIT stateChanged(key, ModelState::None, {});
}

void LocalModelHost::read(const Loading& loading, LocalEnginePtr old) {
    old.reset(); // its memory first; its runs end here
    if (loading.stop.stop_requested())
        return;
    const auto& [key, choice, setup, serial, stop, others] = loading;
    try {
        LocalEnginePtr engine;
        const ChosenBackend device =
            use_backend(*options_.hardware, {choice, needOf(key), 0, -1, stop}, backendOptions(setup),
                        [&](const ChosenBackend& chosen) { engine = makeEngine(loading, chosen); });
        if (bandwidth_ < 0 && device.card < 0)
            bandwidth_ = measureMemoryBandwidth(engine->model->backend().threads());
        Capabilities capabilities = describeModel(*engine->model, device, bandwidth_);
        if (const QString note = lock(*engine, setup); !note.isEmpty())
            capabilities.notes.append(note);
        if (setup.context > 0)
            capabilities.context = std::min(capabilities.context, setup.context);
        QMetaObject::invokeMethod(
            this,
            [this, key = key, serial = serial, engine = std::move(engine), capabilities]() mutable {
                install(key, serial, std::move(engine), capabilities);
            },
            Qt::QueuedConnection);
    } catch (const std::exception& error) {
        QMetaObject::invokeMethod(
            this,
            [this, key = key, serial = serial, reason = engineReason(error)] { fail(key, serial, reason); },
            Qt::QueuedConnection);
    }
}

/// One lock for all models that are to be locked: it goes with the last of them.
QString LocalModelHost::lock(LocalEngine& engine, const ModelSetup& setup) {
    QString why;
    if (!setup.lock)
        return why;
    engine.lock = locked_.lock();
    if (!engine.lock || !engine.lock->extend())
        engine.lock = MemoryLock::take(why);
    if (engine.lock)
        locked_ = engine.lock;
    return why;
}

LocalEnginePtr LocalModelHost::makeEngine(const Loading& loading, const ChosenBackend& device) {
    LoadOptions options;
    options.backend = device.backend;
    options.stop = loading.stop;
    // Threads of an answer meet many times a token: they need the processors that they have.
    options.threads = loading.others ? 1 : 0;
    options.progress = [this, key = loading.key, serial = loading.serial, last = 0.0](double share) mutable {
        if (share < last + 0.01 && share < 1)
            return;
        last = share;
        QMetaObject::invokeMethod(
            this,
            [this, key, serial, share] {
                if (entry(key, serial))
                    Q_EMIT loadProgress(key, share);
            },
            Qt::QueuedConnection);
    };
    auto engine = std::make_shared<LocalEngine>();
    engine->model = LoadedModel::load(filePath(loading.key), options);
    SchedulerOptions scheduling;
    scheduling.turns = turns_;
    scheduling.max_runs = 1; // one chat answers at a time, the others wait visibly
    scheduling.on_recode = [this, key = loading.key,
                            serial = loading.serial](const RecodeProgress& progress) {
        QMetaObject::invokeMethod(
            this, [this, key, serial, progress] { noteRecode(key, serial, progress); }, Qt::QueuedConnection);
    };
    EngineParts parts = engine_parts(engine->model);
    if (loading.setup.context > 0)
        parts.context = std::min(parts.context, loading.setup.context);
    engine->scheduler = std::make_unique<Scheduler>(parts, scheduling);
    return engine;
}

void LocalModelHost::install(const ModelKey& key, int serial, LocalEnginePtr engine,
                             const Capabilities& capabilities) {
    Entry* loaded = entry(key, serial);
    if (!loaded) {
        loading_.post([late = std::move(engine)]() mutable { late.reset(); });
        return;
    }
    loaded->engine = std::move(engine);
    loaded->capabilities = capabilities;
    loaded->tuning = loaded->before = {};
    expectSpeeds(speeds_, loaded->capabilities);
    loaded->state = ModelState::Ready;
    Q_EMIT stateChanged(key, ModelState::Ready, {});
}

void LocalModelHost::fail(const ModelKey& key, int serial, const QString& error) {
    Entry* failed = entry(key, serial);
    if (!failed)
        return;
    failed->state = ModelState::Failed;
    Q_EMIT stateChanged(key, ModelState::Failed, error);
}

// ---- What is done with one ----

void LocalModelHost::setModelTuning(const ModelKey& key, const ModelTuning& tuning) {
    const auto found = entries_.find(key);
    if (found == entries_.end() || !found->second.engine)
        return;
    Scheduler& scheduler = *found->second.engine->scheduler;
    Entry& entry = found->second;
    entry.tuning = tuning;
    try {
        scheduler.set_model_tuning(tuning);
        noteRecode(key, entry.serial, scheduler.recode_progress());
    } catch (const Error& error) {
        entry.tuning = entry.before;
        Q_EMIT recodeFailed(key, engineSentence(error));
    }
}

void LocalModelHost::noteRecode(const ModelKey& key, int serial, const RecodeProgress& progress) {
    Entry* moved = entry(key, serial);
    if (!moved || !moved->engine)
        return;
    if (!progress.error.empty()) {
        // Slices that were made go back, too: a mixture is nothing that a dial could name.
        if (progress.target == moved->tuning.weights && moved->before != moved->tuning) {
            moved->tuning = moved->before;
            moved->engine->scheduler->set_model_tuning(moved->tuning);
        }
        Q_EMIT recodeFailed(key, engineSentence(QString::fromStdString(progress.error)));
        return;
    }
    Q_EMIT recodeProgress(key, progress.done, progress.total);
    if (progress.done != progress.total || progress.target != moved->tuning.weights)
        return;
    moved->before = moved->tuning;
    if (progress.total > 0)
        chores_.post(returnFreedMemory);
}

void LocalModelHost::countTokens(const ModelKey& key, const QString& text, std::function<void(int)> answer) {
    chores_.post([this, text, answer = std::move(answer), engine = engine(key)]() mutable {
        int count = -1;
        if (engine && engine->model->tokenizer()) {
            const QByteArray bytes = text.toUtf8();
            count =
                static_cast<int>(engine->model->tokenizer()
                                     ->encode({bytes.data(), static_cast<std::size_t>(bytes.size())}, false)
                                     .size());
        }
        QMetaObject::invokeMethod(
            this, [answer, count] { answer(count); }, Qt::QueuedConnection);
    });
}

// ---- Its card ----

void LocalModelHost::readCard(const ModelKey& key, std::function<void(const CardReading&)> answer) {
    const int card = capabilities(key).card;
    std::vector<LocalEnginePtr> on_it;
    for (const auto& [other, entry] : entries_) {
        if (entry.engine && card >= 0 && entry.capabilities.card == card)
            on_it.push_back(entry.engine);
    }
    chores_.post([this, hardware = options_.hardware, card, answer = std::move(answer),
                  on_it = std::move(on_it)]() mutable {
        CardReading reading = on_it.empty() ? CardReading() : hardware->read(card);
        for (const LocalEnginePtr& engine : on_it) {
            const DeviceStatus status = engine->model->backend().device_status();
            reading.taken += status.taken;
            if (const auto experts = engine->model->executor().expert_cache())
                (reading.experts ? *reading.experts : reading.experts.emplace()) += *experts;
            if (!reading.known()) {
                reading.memory = status.total;
                reading.memory_free = status.free;
            }
        }
        QMetaObject::invokeMethod(
            this, [answer, reading] { answer(reading); }, Qt::QueuedConnection);
    });
}

void LocalModelHost::examineCard(const ModelKey& key) {
    const Entry& failed = entry(key);
    if (!failed.engine || failed.capabilities.card < 0)
        return;
    chores_.run(
        this, [engine = failed.engine] { return engine->model->backend().device_status(); },
        [this, key, serial = failed.serial](const DeviceStatus& status) { takeCard(key, serial, status); });
}

void LocalModelHost::takeCard(const ModelKey& key, int serial, const DeviceStatus& status) {
    Entry* failed = entry(key, serial);
    if (!failed || !failed->engine)
        return;
    if (status.lost.empty()) {
        if (status.short_of_memory)
            Q_EMIT cardFailed(key, CardTrouble::Memory);
        return;
    }
    const QString name = failed->capabilities.device;
    const DeviceChoice device = failed->device;
    options_.hardware->lose(failed->capabilities.card, name.toStdString());
    Q_EMIT cardFailed(key, CardTrouble::Lost);
    if (device.kind == DeviceChoice::Kind::Auto)
        return beginLoading(key, key, device);
    loading_.post([old = leave(key)]() mutable { old.reset(); });
    fail(
        key, serial,
        u"%1 was lost while it computed. What was written is kept; the model can be opened on the CPU."_s.arg(
            name));
}

void LocalModelHost::learnFrom(const ModelKey& key, const RunRecord& record) {
    const auto found = entries_.find(key);
    if (found == entries_.end() || !learnSpeed(record, found->second.capabilities, speeds_))
        return;
    for (auto& [other, entry] : entries_) { // one model tells about another
        if (entry.state != ModelState::Ready)
            continue;
        expectSpeeds(speeds_, entry.capabilities);
        Q_EMIT capabilitiesChanged(other);
    }
    if (options_.speeds_file.isEmpty())
        return;
    chores_.post([path = options_.speeds_file, json = speeds_.toJson()] {
        QSaveFile file(path);
        if (file.open(QIODevice::WriteOnly)) { // what cannot be kept is measured again
            file.write(json);
            commitWhole(file);
        }
    });
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_local_model_host.cpp"
