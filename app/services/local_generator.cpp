#include "app/services/local_generator.h"

#include "app/services/engine_sentence.h"
#include "app/services/forecast.h"
#include "app/services/prompt.h"
#include "engine/base/cores.h"
#include "engine/base/error.h"
#include "engine/carve/carve.h"
#include "engine/run/chat_prompt.h"
#include "engine/run/scheduler.h"

#include <QFile>
#include <QRandomGenerator>
#include <QSaveFile>

#include <algorithm>
#include <filesystem>
#include <new>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace switchyard {

namespace {

/// Never 0, and small enough to survive the way through JSON and number boxes.
std::uint64_t drawSeed() {
    constexpr std::uint64_t kLargest = (std::uint64_t{1} << 53) - 1;
    return (QRandomGenerator::system()->generate64() & kLargest) | 1;
}

/// What went wrong, for the window.
QString sentence(const std::exception& error, const QString& path = {}) {
    if (dynamic_cast<const std::bad_alloc*>(&error))
        return LocalGenerator::tr(
            "There is not enough memory for this model: close other programs, or choose "
            "a smaller model.");
    return engineSentence(QString::fromUtf8(error.what()), path);
}

/// Weights that were replaced leave holes of many small blocks, which the C library would keep for itself.
void returnFreedMemory() {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

} // namespace

/// A loaded model and what serves it; its end waits for the scheduler's thread.
struct LocalGenerator::Engine {
    std::shared_ptr<LoadedModel> model;
    std::unique_ptr<Scheduler> scheduler;
};

struct LocalGenerator::Run {
    RunId id = 0;
    GenerationRequest request;
    std::uint64_t seed = 0;
    std::shared_ptr<const AnswerReading> reading; ///< set before the scheduler knows the run
    bool first_token = true;                      ///< the scheduler thread's
    std::stop_source preparing;                   ///< stops what makes the prompt
    std::mutex mutex;
    // Guarded:
    const Engine* engine = nullptr; ///< where it was handed to
    RunHandle handle = 0;           ///< there
    bool cancelled = false;
    std::optional<SequenceTuning> tuning; ///< moved before it was handed over
};

LocalGenerator::LocalGenerator(int threads, QObject* parent, const QString& speeds_file)
    : Generator(parent), threads_(threads), speeds_file_(speeds_file) {
    constexpr qint64 kMost = 1 << 16;
    if (QFile file(speeds_file_); !speeds_file_.isEmpty() && file.open(QIODevice::ReadOnly))
        speeds_ = SpeedHistory(file.read(kMost));
}

LocalGenerator::~LocalGenerator() {
    stop_loading_.request_stop();
    stop_carving_.request_stop();
    for (const auto& [id, run] : runs_)
        run->preparing.request_stop();
}

// ---- The model ----

void LocalGenerator::leaveModel() {
    ++load_serial_;
    stop_loading_.request_stop();
    stop_loading_ = {};
    for (const auto& [id, run] : runs_) {
        if (std::ranges::find(pending_, run) == pending_.end())
            cancel(id);
    }
    capabilities_ = {};
}

void LocalGenerator::loadModel(const QString& path) {
    const int serial = ++check_serial_;
    if (state_ != ModelState::Ready)
        return beginLoading(path);
    // The model that works is given up only for one that can be read.
    loading_.post([this, path, serial, stop = stop_loading_.get_token()] { check(path, serial, stop); });
}

void LocalGenerator::check(const QString& path, int serial, std::stop_token stop) {
    QString error;
    try {
        LoadOptions options;
        options.backend = make_cpu_backend(backendOptions());
        options.stop = stop;
        LoadedModel::check(std::filesystem::path(path.toStdU16String()), options);
    } catch (const std::exception& problem) {
        error = sentence(problem, path);
    }
    QMetaObject::invokeMethod(
        this,
        [this, path, serial, error] {
            if (serial != check_serial_)
                return; // another was wished since
            if (error.isEmpty())
                beginLoading(path);
            else
                Q_EMIT loadRefused(path, error);
        },
        Qt::QueuedConnection);
}

BackendOptions LocalGenerator::backendOptions() const {
    BackendOptions options;
    options.threads = threads_;
    return options;
}

void LocalGenerator::beginLoading(const QString& path) {
    leaveModel();
    state_ = ModelState::Loading;
    loading_.post([this, path, serial = load_serial_, old = std::exchange(engine_, {}),
                   stop = stop_loading_.get_token()]() mutable { load(path, serial, std::move(old), stop); });
    Q_EMIT modelStateChanged(state_, {});
}

void LocalGenerator::unloadModel() {
    ++check_serial_;
    leaveModel();
    loading_.post([old = std::exchange(engine_, {})]() mutable { old.reset(); });
    if (state_ == ModelState::None)
        return;
    state_ = ModelState::None;
    endPending(tr("The model was unloaded."));
    Q_EMIT modelStateChanged(state_, {});
}

void LocalGenerator::load(const QString& path, int serial, EnginePtr old, std::stop_token stop) {
    old.reset(); // its memory first; its runs end here
    if (stop.stop_requested())
        return;
    try {
        EnginePtr engine = makeEngine(path, serial, stop);
        if (bandwidth_ < 0)
            bandwidth_ = measureMemoryBandwidth(engine->model->backend().threads());
        const Capabilities capabilities = describeModel(*engine->model, bandwidth_);
        QMetaObject::invokeMethod(
            this,
            [this, serial, engine = std::move(engine), capabilities]() mutable {
                install(serial, std::move(engine), capabilities);
            },
            Qt::QueuedConnection);
    } catch (const std::exception& error) {
        QMetaObject::invokeMethod(
            this, [this, serial, text = sentence(error, path)] { fail(serial, text); }, Qt::QueuedConnection);
    }
}

LocalGenerator::EnginePtr LocalGenerator::makeEngine(const QString& path, int serial, std::stop_token stop) {
    LoadOptions options;
    options.backend = make_cpu_backend(backendOptions());
    options.stop = stop;
    options.progress = [this, serial, last = 0.0](double share) mutable {
        if (share < last + 0.01 && share < 1)
            return;
        last = share;
        QMetaObject::invokeMethod(
            this,
            [this, serial, share] {
                if (serial == load_serial_)
                    Q_EMIT loadProgress(share);
            },
            Qt::QueuedConnection);
    };
    auto engine = std::make_shared<Engine>();
    engine->model = LoadedModel::load(std::filesystem::path(path.toStdU16String()), options);
    SchedulerOptions scheduling;
    scheduling.max_runs = 1; // one chat answers at a time, the others wait visibly
    scheduling.on_recode = [this, serial](const RecodeProgress& progress) {
        QMetaObject::invokeMethod(
            this, [this, serial, progress] { noteRecode(serial, progress); }, Qt::QueuedConnection);
    };
    engine->scheduler = std::make_unique<Scheduler>(engine_parts(engine->model), scheduling);
    return engine;
}

void LocalGenerator::install(int serial, EnginePtr engine, const Capabilities& capabilities) {
    if (serial != load_serial_) {
        loading_.post([late = std::move(engine)]() mutable { late.reset(); });
        return;
    }
    engine_ = std::move(engine);
    capabilities_ = capabilities;
    expectSpeeds(speeds_, capabilities_);
    state_ = ModelState::Ready;
    Q_EMIT modelStateChanged(state_, {});
    for (const RunPtr& run : std::exchange(pending_, {}))
        begin(run);
}

void LocalGenerator::fail(int serial, const QString& error) {
    if (serial != load_serial_)
        return;
    state_ = ModelState::Failed;
    endPending(error);
    Q_EMIT modelStateChanged(state_, error);
}

void LocalGenerator::setModelTuning(const ModelTuning& tuning) {
    if (!engine_)
        return;
    try {
        engine_->scheduler->set_model_tuning(tuning);
        noteRecode(load_serial_, engine_->scheduler->recode_progress());
    } catch (const Error& error) {
        Q_EMIT recodeFailed(sentence(error));
    }
}

void LocalGenerator::noteRecode(int serial, const RecodeProgress& progress) {
    if (serial != load_serial_)
        return;
    if (progress.error.empty()) {
        Q_EMIT recodeProgress(progress.done, progress.total);
        if (progress.total > 0 && progress.done == progress.total)
            preparing_.post(returnFreedMemory);
    } else {
        Q_EMIT recodeFailed(engineSentence(QString::fromStdString(progress.error)));
    }
}

void LocalGenerator::countTokens(const QString& text, std::function<void(int)> answer) {
    preparing_.post([this, text, answer = std::move(answer), engine = engine_] {
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

void LocalGenerator::forget(ConversationId id) {
    if (engine_)
        engine_->scheduler->forget(static_cast<std::uint64_t>(id));
}

void LocalGenerator::carve(const QString& output) {
    if (!capabilities_.can_carve) {
        Q_EMIT carveFinished({}, tr("This model cannot be carved."));
        return;
    }
    stop_carving_ = {};
    CarveRequest request;
    request.in = std::filesystem::path(capabilities_.model_path.toStdU16String());
    request.out = std::filesystem::path(output.toStdU16String());
    request.compare = false;
    // A core is left to the answers and the window.
    request.threads = std::max(1, threads_ > 0 ? threads_ - 1 : available_cores() - 1);
    carving_.post(
        [this, request, output, stop = stop_carving_.get_token()] { runCarve(request, output, stop); });
}

void LocalGenerator::runCarve(const CarveRequest& request, const QString& output, std::stop_token stop) {
    CarveProgress progress;
    progress.stop = stop;
    progress.report = [this, last = -1.0](double share, const std::string& stage) mutable {
        if (share < last + 0.005 && share < 1)
            return;
        last = share;
        QMetaObject::invokeMethod(
            this, [this, share, stage] { Q_EMIT carveProgress(share, QString::fromStdString(stage)); },
            Qt::QueuedConnection);
    };
    QString error;
    try {
        carve_model(request, progress);
    } catch (const std::exception& e) {
        error = stop.stop_requested() ? tr("Carving was stopped.") : sentence(e);
    }
    QMetaObject::invokeMethod(
        this, [this, output, error] { Q_EMIT carveFinished(error.isEmpty() ? output : QString(), error); },
        Qt::QueuedConnection);
}

void LocalGenerator::cancelCarve() { stop_carving_.request_stop(); }

// ---- Runs ----

RunId LocalGenerator::submit(GenerationRequest request) {
    auto run = std::make_shared<Run>();
    run->id = next_run_++;
    if (request.replay)
        request.tuning = request.replay->settings;
    run->seed = request.tuning.sequence.seed;
    if (run->seed == 0 && !request.replay)
        run->seed = drawSeed();
    request.tuning.sequence.seed = run->seed;
    run->request = std::move(request);
    runs_.emplace(run->id, run);
    RunEvent queued;
    queued.kind = RunEvent::Kind::Queued;
    queued.run = run->id;
    emitEvent(std::move(queued));
    if (state_ == ModelState::Ready)
        begin(run);
    else if (state_ == ModelState::Loading)
        pending_.push_back(run);
    else
        end(*run, FinishReason::Failed, tr("No model is loaded: choose one in the model picker."));
    return run->id;
}

void LocalGenerator::begin(const RunPtr& run) {
    preparing_.post([this, run, engine = engine_] { start(run, engine); });
}

void LocalGenerator::start(const RunPtr& run, const EnginePtr& engine) {
    RunRequest request;
    try {
        Prompt prompt = buildPrompt(*engine->model, run->request.turns,
                                    {run->request.continue_last, run->request.tuning.sequence.special_tokens,
                                     run->preparing.get_token()});
        run->reading = std::make_shared<const AnswerReading>(prompt.reading);
        request.reading = std::move(prompt.reading);
        request.prompt = std::move(prompt.ids);
        request.continues = prompt.continues;
        request.draw = run->request.draw;
        request.roles = answer_roles(*engine->model);
        handOver(run, engine, std::move(request));
    } catch (const std::exception& error) {
        const bool stopped = run->preparing.stop_requested();
        end(*run, stopped ? FinishReason::Stopped : FinishReason::Failed,
            stopped ? QString() : sentence(error));
    }
}

void LocalGenerator::handOver(const RunPtr& run, const EnginePtr& engine, RunRequest request) {
    request.conversation = static_cast<std::uint64_t>(run->request.conversation);
    request.tuning = run->request.tuning.sequence;
    if (run->request.replay)
        request.replay = std::make_shared<const RunRecord>(*run->request.replay);
    request.on_event = [this, run](const SchedulerEvent& event) { take(*run, event); };
    const std::lock_guard lock(run->mutex);
    if (run->cancelled)
        return end(*run, FinishReason::Stopped);
    if (run->tuning)
        request.tuning = *run->tuning;
    run->engine = engine.get();
    run->handle = engine->scheduler->submit(std::move(request));
}

void LocalGenerator::cancel(RunId id) {
    const auto found = runs_.find(id);
    if (found == runs_.end())
        return;
    const RunPtr run = found->second;
    if (std::erase(pending_, run) > 0)
        return end(*run, FinishReason::Stopped);
    run->preparing.request_stop();
    const std::lock_guard lock(run->mutex);
    run->cancelled = true;
    // A run of a model that was left ends with it.
    if (run->handle != 0 && engine_ && run->engine == engine_.get())
        engine_->scheduler->cancel(run->handle);
}

void LocalGenerator::setTuning(RunId id, const SequenceTuning& tuning) {
    const auto found = runs_.find(id);
    if (found == runs_.end())
        return;
    Run& run = *found->second;
    SequenceTuning moved = tuning;
    if (moved.seed == 0)
        moved.seed = run.seed;
    const std::lock_guard lock(run.mutex);
    if (run.handle == 0) {
        run.tuning = moved;
    } else if (engine_ && run.engine == engine_.get()) {
        try {
            engine_->scheduler->set_tuning(run.handle, moved);
        } catch (const Error& error) {
            qWarning("%s", error.what()); // the window's dials stay within their ranges
        }
    }
}

void LocalGenerator::take(Run& run, const SchedulerEvent& event) {
    RunEvent out;
    out.run = run.id;
    switch (event.kind) {
    case SchedulerEvent::Kind::Prefill:
        out.kind = RunEvent::Kind::Prefill;
        out.prefill_done = event.prefill_done;
        out.prefill_total = event.prefill_total;
        break;
    case SchedulerEvent::Kind::Token:
        out.kind = RunEvent::Kind::Token;
        out.token = event.token;
        if (std::exchange(run.first_token, false)) {
            out.used_seed = run.seed;
            out.reading = run.reading;
            out.computed_by = event.computed_by;
            out.context = event.context;
        }
        break;
    case SchedulerEvent::Kind::Move:
        out.kind = RunEvent::Kind::Move;
        out.move = event.move;
        break;
    case SchedulerEvent::Kind::Finished:
        out.kind = RunEvent::Kind::Finished;
        out.record = event.record;
        out.timings = event.record->timings;
        out.finish = event.record->finish;
        out.error = engineSentence(QString::fromStdString(event.record->error));
        out.tail = event.tail;
        out.used_seed = run.seed;
        break;
    }
    emitEvent(std::move(out));
}

void LocalGenerator::end(Run& run, FinishReason reason, const QString& error) {
    RunEvent event;
    event.kind = RunEvent::Kind::Finished;
    event.run = run.id;
    event.finish = reason;
    event.error = error;
    event.used_seed = run.seed;
    emitEvent(std::move(event));
}

void LocalGenerator::endPending(const QString& error) {
    for (const RunPtr& run : std::exchange(pending_, {}))
        end(*run, FinishReason::Failed, error);
}

void LocalGenerator::emitEvent(RunEvent event) {
    if (stream_.append(std::move(event)))
        QMetaObject::invokeMethod(
            this, [this] { Q_EMIT eventsWaiting(); }, Qt::QueuedConnection);
}

std::vector<RunEvent> LocalGenerator::drain() {
    std::vector<RunEvent> events = stream_.drain();
    for (const RunEvent& event : events) {
        if (event.kind != RunEvent::Kind::Finished)
            continue;
        runs_.erase(event.run);
        if (event.record)
            learnFrom(*event.record);
    }
    return events;
}

void LocalGenerator::learnFrom(const RunRecord& record) {
    if (!learnSpeed(record, capabilities_, speeds_))
        return;
    expectSpeeds(speeds_, capabilities_);
    Q_EMIT capabilitiesChanged();
    if (speeds_file_.isEmpty())
        return;
    preparing_.post([path = speeds_file_, json = speeds_.toJson()] {
        QSaveFile file(path);
        if (file.open(QIODevice::WriteOnly)) { // what cannot be kept is measured again
            file.write(json);
            file.commit();
        }
    });
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_local_generator.cpp"
