#include "app/services/local_run_service.h"

#include "app/services/engine_sentence.h"
#include "app/services/prompt.h"
#include "engine/base/error.h"
#include "engine/run/chat_prompt.h"
#include "engine/run/controls.h"
#include "engine/run/scheduler.h"

#include <QRandomGenerator>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

const QString kNoModel =
    u"No model is loaded: choose one in the model picker."_s; ///< as the engine would say it

/// Never 0, and small enough to survive the way through JSON and number boxes.
std::uint64_t drawSeed() {
    constexpr std::uint64_t kLargest = (std::uint64_t{1} << 53) - 1;
    return (QRandomGenerator::system()->generate64() & kLargest) | 1;
}

} // namespace

struct LocalRunService::Run {
    RunId id = 0;
    GenerationRequest request;
    std::uint64_t seed = 0;
    std::shared_ptr<const AnswerReading> reading; ///< set before the scheduler knows the run
    int left_out = 0;                             ///< messages; set before, too
    bool first_token = true;                      ///< the scheduler thread's
    std::stop_source preparing;                   ///< stops what makes the prompt
    std::mutex mutex;
    // Guarded:
    const LocalEngine* engine = nullptr; ///< where it was handed to
    RunHandle handle = 0;                ///< there
    bool cancelled = false;
    std::optional<SequenceTuning> tuning; ///< moved before it was handed over
};

LocalRunService::LocalRunService(LocalModelHost& host, QObject* parent) : QObject(parent), host_(host) {
    connect(&host_, &ModelHost::stateChanged, this, &LocalRunService::takeState);
    connect(&host_, &LocalModelHost::leaving, this, &LocalRunService::stopRunsOf);
    connect(&sinks_, &RunSinks::abandoned, this, &LocalRunService::cancel);
    connect(&sinks_, &RunSinks::finished, this, [this](const RunEvent& event) {
        const auto found = runs_.find(event.run);
        if (found == runs_.end())
            return;
        const RunPtr run = found->second;
        runs_.erase(found);
        if (event.finish == FinishReason::Failed)
            host_.examineCard(run->request.model);
        if (event.record && !run->request.aside)
            host_.learnFrom(run->request.model, *event.record);
    });
}

LocalRunService::~LocalRunService() {
    for (const auto& [id, run] : runs_) {
        run->preparing.request_stop();
        cancel(id);
    }
}

RunId LocalRunService::submit(GenerationRequest request, QObject* consumer, RunSink sink) {
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
    sinks_.add(run->id, consumer, std::move(sink));
    RunEvent queued;
    queued.kind = RunEvent::Kind::Queued;
    queued.run = run->id;
    sinks_.stream()->post(std::move(queued));
    switch (host_.state(run->request.model)) {
    case ModelState::Ready:
        begin(run);
        break;
    case ModelState::Loading:
        pending_.push_back(run);
        break;
    default:
        end(*run, FinishReason::Failed, kNoModel);
    }
    return run->id;
}

void LocalRunService::takeState(const ModelKey& key, ModelState state, const QString& error) {
    if (state == ModelState::Loading)
        return;
    if (state == ModelState::Ready) { // once everybody has taken the model's dials over
        QMetaObject::invokeMethod(
            this, [this, key] { beginPending(key); }, Qt::QueuedConnection);
        return;
    }
    const QString reason = state == ModelState::Failed ? error : u"The model was unloaded."_s;
    for (const RunPtr& run : takePending(key))
        end(*run, FinishReason::Failed, reason);
}

std::vector<LocalRunService::RunPtr> LocalRunService::takePending(const ModelKey& key) {
    const auto taken = std::ranges::stable_partition(
        pending_, [&key](const RunPtr& run) { return run->request.model != key; });
    const std::vector<RunPtr> runs(taken.begin(), taken.end());
    pending_.erase(taken.begin(), taken.end());
    return runs;
}

void LocalRunService::beginPending(const ModelKey& key) {
    if (host_.state(key) != ModelState::Ready)
        return;
    for (const RunPtr& run : takePending(key))
        begin(run);
}

void LocalRunService::stopRunsOf(const ModelKey& key) {
    for (const auto& [id, run] : runs_) {
        if (run->request.model == key)
            cancel(id);
    }
}

void LocalRunService::begin(const RunPtr& run) {
    preparing_.post([this, run, engine = host_.engine(run->request.model)] { start(run, engine); });
}

/// Dials that moved since the prompt was made, but for those that the prompt was made with.
static SequenceTuning besidePrompt(const SequenceTuning& moved, const SequenceTuning& used) {
    Tuning now{moved, {}};
    const Tuning then{used, {}};
    for (const ControlSpec& spec : controls()) {
        if (spec.scope == ControlScope::Chat && spec.acts == ControlActs::NextMessage)
            now = with_control(now, spec, control_value(then, spec));
    }
    return now.sequence;
}

void LocalRunService::start(const RunPtr& run, const LocalEnginePtr& engine) {
    RunRequest request;
    try {
        {
            const std::lock_guard lock(run->mutex);
            if (run->tuning && !run->request.replay) // moved while the model was loading
                run->request.tuning.sequence = *run->tuning;
        }
        FittedPrompt fitted = fitPrompt(*engine->model, run->request, run->preparing.get_token());
        Prompt& prompt = fitted.prompt;
        run->left_out = fitted.left_out;
        run->reading = std::make_shared<const AnswerReading>(prompt.reading);
        request.reading = std::move(prompt.reading);
        request.prompt = std::move(prompt.ids);
        request.continues = prompt.continues;
        request.roles = answer_roles(*engine->model);
        handOver(run, engine, std::move(request));
    } catch (const std::exception& error) {
        const bool stopped = run->preparing.stop_requested();
        end(*run, stopped ? FinishReason::Stopped : FinishReason::Failed,
            stopped ? QString() : engineReason(error));
    }
}

void LocalRunService::showPrompt(GenerationRequest request, QObject* context,
                                 std::function<void(const ShownPrompt&)> answer) {
    look(lookAtPrompt, std::move(request), {}, context, std::move(answer));
}

void LocalRunService::measurePrompt(GenerationRequest request, QObject* context,
                                    std::function<void(const ShownPrompt&)> answer) {
    measuring_.request_stop();
    measuring_ = {};
    look(switchyard::measurePrompt, std::move(request), measuring_, context, std::move(answer));
}

/// `stop`: nobody wants the answer any more.
void LocalRunService::look(PromptLook how, GenerationRequest request, const std::stop_source& stop,
                           QObject* context, std::function<void(const ShownPrompt&)> answer) {
    if (request.replay)
        request.tuning = request.replay->settings;
    LocalEnginePtr engine = host_.engine(request.model);
    looking_.run(
        context,
        [how, request = std::move(request), stop,
         engine = std::move(engine)](const std::stop_token& ends) -> ShownPrompt {
            ShownPrompt failed;
            const std::stop_callback pass_on(ends, [&stop] { stop.request_stop(); });
            if (stop.stop_requested())
                return failed;
            try {
                if (engine)
                    return how(*engine->model, request, stop.get_token());
                failed.error = engineSentence(kNoModel);
            } catch (const std::exception& error) {
                failed.error = engineSentence(error);
            }
            return failed;
        },
        [stop, answer = std::move(answer)](const ShownPrompt& shown) {
            if (!stop.stop_requested())
                answer(shown);
        });
}

void LocalRunService::handOver(const RunPtr& run, const LocalEnginePtr& engine, RunRequest request) {
    const GenerationRequest& asked = run->request;
    request.conversation = static_cast<std::uint64_t>(asked.conversation);
    request.priority = asked.priority;
    request.client = asked.client;
    request.draw = asked.draw;
    request.keep_cache = !asked.aside;
    request.tuning = asked.tuning.sequence;
    if (asked.replay)
        request.replay = std::make_shared<const RunRecord>(*asked.replay);
    request.on_event = [run, stream = sinks_.stream()](const SchedulerEvent& event) {
        stream->post(eventOf(*run, event));
    };
    const std::lock_guard lock(run->mutex);
    if (run->cancelled)
        return end(*run, FinishReason::Stopped);
    if (run->tuning)
        request.tuning = besidePrompt(*run->tuning, asked.tuning.sequence);
    run->engine = engine.get();
    run->handle = engine->scheduler->submit(std::move(request));
}

LocalEnginePtr LocalRunService::engineOf(const Run& run) const {
    LocalEnginePtr engine = host_.engine(run.request.model);
    return run.handle != 0 && engine.get() == run.engine ? engine : nullptr;
}

void LocalRunService::cancel(RunId id) {
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
    if (const LocalEnginePtr engine = engineOf(*run))
        engine->scheduler->cancel(run->handle);
}

void LocalRunService::setTuning(RunId id, const SequenceTuning& tuning) {
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
    } else if (const LocalEnginePtr engine = engineOf(run)) {
        try {
            engine->scheduler->set_tuning(run.handle, besidePrompt(moved, run.request.tuning.sequence));
        } catch (const Error& error) {
            qWarning("%s", error.what()); // the window's dials stay within their ranges
        }
    }
}

void LocalRunService::forget(ConversationId id) {
    for (const LocalEnginePtr& engine : host_.engines())
        engine->scheduler->forget(static_cast<std::uint64_t>(id));
}

RunEvent LocalRunService::eventOf(Run& run, const SchedulerEvent& event) {
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
            out.settings = event.settings;
            out.computed_by = event.computed_by;
            out.context = event.context;
            out.left_out = run.left_out;
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
        out.error = QString::fromStdString(event.record->error);
        out.tail = event.tail;
        out.used_seed = run.seed;
        break;
    }
    return out;
}

void LocalRunService::end(Run& run, FinishReason reason, const QString& error) {
    RunEvent event;
    event.kind = RunEvent::Kind::Finished;
    event.run = run.id;
    event.finish = reason;
    event.error = error;
    event.used_seed = run.seed;
    sinks_.stream()->post(std::move(event));
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_local_run_service.cpp"
