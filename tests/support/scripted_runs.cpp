#include "tests/support/scripted_runs.h"

#include "app/services/dial_moves.h"
#include "engine/base/threads.h"

#include <QRandomGenerator>

#include <algorithm>

namespace switchyard {

namespace {

std::chrono::steady_clock::duration seconds(double value) {
    return std::chrono::duration_cast<std::chrono::steady_clock::duration>(
        std::chrono::duration<double>(value));
}

double millisecondsSince(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

} // namespace

struct ScriptedRuns::Run {
    RunId id = 0;
    GenerationRequest request;
    // Guarded by the service's mutex.
    Tuning wanted, in_force;
    bool cancelled = false;
    // The worker's own.
    RunTimings timings;
    std::uint64_t seed = 0;
};

struct ScriptedRuns::Answer {
    Clock::time_point due, last;
    std::vector<std::string> tokens;
};

ScriptedRuns::ScriptedRuns(ScriptedModels& models, QObject* parent)
    : QObject(parent), models_(models),
      worker_(start_thread([this](std::stop_token stop) { work(std::move(stop)); })) {
    connect(&models_, &ModelHost::stateChanged, this, [this](const ModelKey& key, ModelState state) {
        if (state == ModelState::None)
            change([&key](Run& run) { run.cancelled = run.cancelled || run.request.model == key; });
    });
    connect(&models_, &ScriptedModels::tuned, this, [this](const ModelKey& key, const ModelTuning& tuning) {
        change([&](Run& run) {
            if (run.request.model == key)
                run.wanted.model = tuning;
        });
    });
    connect(&sinks_, &RunSinks::abandoned, this, &ScriptedRuns::cancel);
}

ScriptedRuns::~ScriptedRuns() {
    worker_.request_stop();
    wake_.notify_all();
}

std::vector<GenerationRequest> ScriptedRuns::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

template <typename Change>
void ScriptedRuns::change(const Change& change) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& run : queue_)
            change(*run);
    }
    wake_.notify_all();
}

RunId ScriptedRuns::submit(GenerationRequest request, QObject* consumer, RunSink sink) {
    auto run = std::make_shared<Run>();
    {
        const std::lock_guard lock(mutex_);
        run->id = next_run_++;
        if (request.replay)
            request.tuning = request.replay->settings;
        run->wanted = run->in_force = request.tuning;
        run->seed = request.tuning.sequence.seed != 0 ? request.tuning.sequence.seed
                                                      : QRandomGenerator::global()->generate() | 1u;
        requests_.push_back(request);
        run->request = std::move(request);
        sinks_.add(run->id, consumer, std::move(sink));
        RunEvent queued;
        queued.kind = RunEvent::Kind::Queued;
        queued.run = run->id;
        post(std::move(queued));
        queue_.push_back(run);
    }
    wake_.notify_all();
    return run->id;
}

void ScriptedRuns::cancel(RunId id) {
    change([id](Run& run) { run.cancelled = run.cancelled || run.id == id; });
}

void ScriptedRuns::setTuning(RunId id, const SequenceTuning& tuning) {
    change([&](Run& run) {
        if (run.id != id)
            return;
        run.wanted.sequence = tuning;
        if (tuning.seed == 0)
            run.wanted.sequence.seed = run.in_force.sequence.seed;
    });
}

/// "<|system|>Be brief.<|user|>Why?": the turns as they are, a token a word.
void ScriptedRuns::showPrompt(GenerationRequest request, QObject* context,
                              std::function<void(const ShownPrompt&)> answer) {
    static const char* const kRoles[] = {"<|system|>", "<|user|>", "<|assistant|>"};
    ShownPrompt shown;
    for (const ChatTurn& turn : request.turns) {
        const qsizetype begin = shown.text.size();
        shown.text += QLatin1String(kRoles[static_cast<int>(turn.author)]);
        shown.special.push_back({begin, shown.text.size()});
        shown.text += turn.text;
    }
    shown.tokens = countPieces(shown.text);
    if (models_.state(request.model) != ModelState::Ready)
        shown.error = QStringLiteral("No model is loaded.");
    QMetaObject::invokeMethod(
        context, [answer = std::move(answer), shown] { answer(shown); }, Qt::QueuedConnection);
}

void ScriptedRuns::work(std::stop_token stop) {
    while (!stop.stop_requested()) {
        std::shared_ptr<Run> run;
        {
            std::unique_lock lock(mutex_);
            if (!wake_.wait(lock, stop, [this] { return !queue_.empty(); }))
                return;
            run = queue_.front();
        }
        play(*run, stop);
        const std::lock_guard lock(mutex_);
        std::erase(queue_, run);
    }
}

bool ScriptedRuns::waitUntil(Run& run, Clock::time_point time, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, stop, time, [&] { return run.cancelled; });
    return !run.cancelled && !stop.stop_requested();
}

bool ScriptedRuns::prefill(Run& run, const FakeScript& script, std::stop_token stop) {
    const auto start = Clock::now();
    constexpr int kSteps = 10;
    int prompt = script.prompt_tokens;
    if (run.request.continue_last && !run.request.turns.empty()) // the answer so far is read again
        prompt += countPieces(run.request.turns.back().text);
    for (int step = 0; step <= kSteps; ++step) {
        if (!waitUntil(run, start + seconds(script.prefill_seconds * step / kSteps), stop))
            return false;
        RunEvent event;
        event.kind = RunEvent::Kind::Prefill;
        event.run = run.id;
        event.prefill_done = prompt * step / kSteps;
        event.prefill_total = prompt;
        post(event);
    }
    run.timings.prompt_tokens = prompt;
    run.timings.prefill_ms = millisecondsSince(start);
    return true;
}

void ScriptedRuns::play(Run& run, std::stop_token stop) {
    const FakeScript script = models_.script();
    const auto start = Clock::now();
    const Tuning began = [this, &run] { // what moved while it waited is no move of the answer
        const std::lock_guard lock(mutex_);
        return run.in_force = run.wanted;
    }();
    if (!prefill(run, script, stop))
        return finish(run, FinishReason::Stopped);
    QString text = script.reply ? script.reply(run.request) : script.text;
    if (run.request.continue_last && !run.request.turns.empty()) {
        const ChatTurn& begun = run.request.turns.back();
        QString before = begun.text;
        if (!begun.thinking.isEmpty())
            before.prepend(QStringLiteral("<think>") + begun.thinking +
                           (begun.text.isEmpty() ? QString() : QStringLiteral("</think>")));
        if (text.startsWith(before))
            text = text.mid(before.size());
    }
    Answer answer{Clock::now(), Clock::now(), splitText(text)};
    const int count = static_cast<int>(answer.tokens.size());
    for (int i = 0; i < count; ++i) {
        if (i == script.fail_at)
            return finish(run, FinishReason::Failed, script.error);
        if (script.tokens_per_second > 0)
            answer.due += seconds(1.0 / script.tokens_per_second);
        if (!waitUntil(run, answer.due, stop))
            return finish(run, FinishReason::Stopped);
        applyReplay(run, i);
        takeMoves(run, i);
        if (i >= run.in_force.sequence.max_tokens)
            return finish(run, FinishReason::MaxTokens);
        RunEvent event;
        event.run = run.id;
        event.token = record(run, answer, i);
        event.used_seed = i == 0 ? run.seed : 0;
        if (i == 0)
            event.settings = began;
        event.computed_by.file_precision = script.capabilities.file_precision.toStdString();
        if (i == 0)
            run.timings.time_to_first_token_ms = millisecondsSince(start);
        else
            run.timings.decode_ms += event.token.latency_ms;
        ++run.timings.generated_tokens;
        answer.last = Clock::now();
        post(std::move(event));
    }
    if (script.fail_at >= count)
        return finish(run, FinishReason::Failed, script.error);
    finish(run, FinishReason::EndOfTurn);
}

void ScriptedRuns::applyReplay(Run& run, int token) {
    if (!run.request.replay)
        return;
    const std::lock_guard lock(mutex_);
    for (const DialMove& move : run.request.replay->moves) {
        if (const ControlSpec* spec = find_control(move.name); spec && move.token == token)
            run.wanted = with_control(run.wanted, *spec, move.value);
    }
}

void ScriptedRuns::takeMoves(Run& run, int token) {
    std::vector<DialMove> moves;
    {
        const std::lock_guard lock(mutex_);
        moves = dialMoves(run.in_force, run.wanted, token);
        run.in_force = run.wanted;
    }
    for (DialMove& move : moves) {
        RunEvent event;
        event.kind = RunEvent::Kind::Move;
        event.run = run.id;
        event.move = std::move(move);
        post(std::move(event));
    }
}

TokenRecord ScriptedRuns::record(const Run& run, const Answer& answer, int index) const {
    const FakeScript script = models_.script();
    const auto [recoded, recode_total] = models_.recoded(run.request.model);
    const std::lock_guard lock(mutex_);
    TokenRecord token;
    token.id = index + 100;
    token.text = answer.tokens[static_cast<std::size_t>(index)];
    token.latency_ms = index == 0 && run.request.continue_last ? 0 : millisecondsSince(answer.last);
    token.probability = 0.2 + 0.7 * ((index * 37) % 100) / 100.0;
    token.temperature = run.in_force.sequence.temperature;
    token.top_p = run.in_force.sequence.top_p;
    const Capabilities& model = script.capabilities;
    token.experts_active =
        run.in_force.sequence.experts > 0 ? run.in_force.sequence.experts : model.experts_active;
    if (model.experts == 0)
        token.experts_active = 0;
    token.kv = run.in_force.sequence.kv;
    token.quant = precisionName(run.in_force.model);
    token.recoded_slices = recoded;
    token.recode_total = recode_total;
    token.weights_version = recoded;
    token.weights_bytes = model.weights_bytes;
    for (const ChoiceForecast& choice : model.weights) {
        if (choice.name.toStdString() == token.quant)
            token.weights_bytes = choice.bytes;
    }
    token.kv_bytes = model.kv_bytes_per_token * static_cast<quint64>(script.prompt_tokens + index + 1);
    token.scratch_bytes = 24ull << 20;
    return token;
}

void ScriptedRuns::finish(Run& run, FinishReason reason, const QString& error) {
    RunEvent event;
    event.kind = RunEvent::Kind::Finished;
    event.run = run.id;
    event.timings = run.timings;
    event.finish = reason;
    event.error = error;
    event.used_seed = run.seed;
    post(std::move(event));
}

} // namespace switchyard
