#include "app/services/fake_generator.h"

#include "app/services/dial_moves.h"
#include "engine/base/threads.h"

#include <QRandomGenerator>
#include <QTimer>

#include <algorithm>

namespace switchyard {

using Clock = std::chrono::steady_clock;

namespace {

Clock::duration seconds(double value) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(value));
}

double millisecondsSince(Clock::time_point start) {
    return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

} // namespace

FakeScript::FakeScript() : capabilities(FakeGenerator::mixtureModel()) {}

struct FakeGenerator::Run {
    RunId id = 0;
    GenerationRequest request;
    // Guarded by the generator's mutex.
    Tuning wanted, in_force;
    bool cancelled = false, reported_queued = false;
    // The worker's own.
    RunTimings timings;
    std::uint64_t seed = 0;
};

struct FakeGenerator::Answer {
    Clock::time_point due, last;
    std::vector<std::string> tokens;
};

FakeGenerator::FakeGenerator(FakeScript script, QObject* parent)
    : Generator(parent), script_(std::move(script)),
      worker_(start_thread([this](std::stop_token stop) { work(std::move(stop)); })) {}

FakeGenerator::~FakeGenerator() {
    worker_.request_stop();
    wake_.notify_all();
}

void FakeGenerator::setScript(const FakeScript& script) {
    const std::lock_guard lock(mutex_);
    script_ = script;
}

std::vector<GenerationRequest> FakeGenerator::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

// ---- The model ----

void FakeGenerator::loadModel(const QString& path) {
    const QString refused = [this] {
        const std::lock_guard lock(mutex_);
        return script_.refused_error;
    }();
    if (state_ == ModelState::Ready && !refused.isEmpty()) {
        QTimer::singleShot(0, this, [this, path, refused] { Q_EMIT loadRefused(path, refused); });
        return;
    }
    unloadModel();
    const int serial = load_serial_;
    state_ = ModelState::Loading;
    Q_EMIT modelStateChanged(state_, {});
    const auto script = [this] {
        const std::lock_guard lock(mutex_);
        return script_;
    }();
    constexpr int kSteps = 20;
    for (int step = 1; step <= kSteps; ++step) {
        const double share = static_cast<double>(step) / kSteps;
        QTimer::singleShot(static_cast<int>(1000 * script.load_seconds * share), this,
                           [this, serial, share, script, path] {
                               if (serial != load_serial_)
                                   return;
                               Q_EMIT loadProgress(share);
                               if (share < 1)
                                   return;
                               if (!script.load_error.isEmpty()) {
                                   state_ = ModelState::Failed;
                                   Q_EMIT modelStateChanged(state_, script.load_error);
                                   return;
                               }
                               capabilities_ = script.capabilities;
                               capabilities_.ready = true;
                               capabilities_.model_path = path;
                               capabilities_.model_name = path.section(QLatin1Char('/'), -1);
                               capabilities_.model_fingerprint = capabilities_.model_name;
                               state_ = ModelState::Ready;
                               Q_EMIT modelStateChanged(state_, {});
                               wake_.notify_all();
                           });
    }
}

void FakeGenerator::unloadModel() {
    ++load_serial_;
    ++recode_serial_;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& run : queue_)
            run->cancelled = true;
        model_tuning_ = {};
        recoded_ = recode_total_ = 0;
    }
    wake_.notify_all();
    capabilities_ = {};
    if (state_ != ModelState::None) {
        state_ = ModelState::None;
        Q_EMIT modelStateChanged(state_, {});
    }
}

void FakeGenerator::setModelTuning(const ModelTuning& tuning) {
    {
        const std::lock_guard lock(mutex_);
        if (tuning == model_tuning_)
            return;
        model_tuning_ = tuning;
        for (const auto& run : queue_)
            run->wanted.model = tuning;
        recoded_ = 0;
        recode_total_ = script_.recode_slices;
    }
    recode_start_ = Clock::now();
    ++recode_serial_;
    recodeTick();
}

void FakeGenerator::recodeTick() {
    quint32 done = 0, total = 0;
    {
        const std::lock_guard lock(mutex_);
        total = recode_total_;
        const double share = script_.recode_seconds > 0
                                 ? millisecondsSince(recode_start_) / (1000 * script_.recode_seconds)
                                 : 1.0;
        recoded_ = done = static_cast<quint32>(std::min(1.0, share) * total);
        if (done == total) {
            for (const ChoiceForecast& choice : capabilities_.weights) {
                if (choice.name == QString::fromStdString(precisionName(model_tuning_)))
                    capabilities_.weights_bytes = choice.bytes;
            }
        }
    }
    Q_EMIT recodeProgress(done, total);
    if (done < total)
        QTimer::singleShot(20, this, [this, serial = recode_serial_] {
            if (serial == recode_serial_)
                recodeTick();
        });
}

void FakeGenerator::countTokens(const QString& text, std::function<void(int)> answer) {
    const int count = state_ == ModelState::Ready ? static_cast<int>(split(text).size()) : -1;
    QTimer::singleShot(0, this, [answer = std::move(answer), count] { answer(count); });
}

void FakeGenerator::carve(const QString& output) {
    const int serial = ++carve_serial_;
    const auto script = [this] {
        const std::lock_guard lock(mutex_);
        return script_;
    }();
    constexpr int kSteps = 20;
    for (int step = 1; step <= kSteps; ++step) {
        const double share = static_cast<double>(step) / kSteps;
        QTimer::singleShot(static_cast<int>(1000 * script.carve_seconds * share), this,
                           [this, serial, share, output, error = script.carve_error] {
                               if (serial != carve_serial_)
                                   return;
                               Q_EMIT carveProgress(share, share < 0.7 ? tr("Calibration text")
                                                                       : tr("Choosing neurons"));
                               if (share >= 1)
                                   Q_EMIT carveFinished(error.isEmpty() ? output : QString(), error);
                           });
    }
}

void FakeGenerator::cancelCarve() {
    ++carve_serial_;
    Q_EMIT carveFinished({}, tr("Carving was stopped; nothing was written."));
}

// ---- Runs ----

RunId FakeGenerator::submit(GenerationRequest request) {
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
        queue_.push_back(run);
    }
    RunEvent queued;
    queued.kind = RunEvent::Kind::Queued;
    queued.run = run->id;
    emitEvent(queued);
    wake_.notify_all();
    return run->id;
}

void FakeGenerator::cancel(RunId id) {
    {
        const std::lock_guard lock(mutex_);
        for (const auto& run : queue_) {
            if (run->id == id)
                run->cancelled = true;
        }
    }
    wake_.notify_all();
}

void FakeGenerator::setTuning(RunId id, const SequenceTuning& tuning) {
    const std::lock_guard lock(mutex_);
    for (const auto& run : queue_) {
        if (run->id == id) {
            run->wanted.sequence = tuning;
            if (tuning.seed == 0)
                run->wanted.sequence.seed = run->in_force.sequence.seed;
        }
    }
}

void FakeGenerator::emitEvent(RunEvent event) {
    if (stream_.append(std::move(event)))
        QMetaObject::invokeMethod(
            this, [this] { Q_EMIT eventsWaiting(); }, Qt::QueuedConnection);
}

void FakeGenerator::work(std::stop_token stop) {
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

bool FakeGenerator::waitUntil(Run& run, Clock::time_point time, std::stop_token stop) {
    std::unique_lock lock(mutex_);
    wake_.wait_until(lock, stop, time, [&] { return run.cancelled; });
    return !run.cancelled && !stop.stop_requested();
}

bool FakeGenerator::prefill(Run& run, const FakeScript& script, std::stop_token stop) {
    const auto start = Clock::now();
    constexpr int kSteps = 10;
    int prompt = script.prompt_tokens;
    if (run.request.continue_last && !run.request.turns.empty()) // the answer so far is read again
        prompt += static_cast<int>(split(run.request.turns.back().text).size());
    for (int step = 0; step <= kSteps; ++step) {
        if (!waitUntil(run, start + seconds(script.prefill_seconds * step / kSteps), stop))
            return false;
        RunEvent event;
        event.kind = RunEvent::Kind::Prefill;
        event.run = run.id;
        event.prefill_done = prompt * step / kSteps;
        event.prefill_total = prompt;
        emitEvent(event);
    }
    run.timings.prompt_tokens = prompt;
    run.timings.prefill_ms = millisecondsSince(start);
    return true;
}

void FakeGenerator::play(Run& run, std::stop_token stop) {
    const FakeScript script = [this] {
        const std::lock_guard lock(mutex_);
        return script_;
    }();
    const auto start = Clock::now();
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
    Answer answer{Clock::now(), Clock::now(), split(text)};
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
        event.computed_by.file_precision = script.capabilities.file_precision.toStdString();
        if (i == 0)
            run.timings.time_to_first_token_ms = millisecondsSince(start);
        else
            run.timings.decode_ms += event.token.latency_ms;
        ++run.timings.generated_tokens;
        answer.last = Clock::now();
        emitEvent(std::move(event));
    }
    if (script.fail_at >= count)
        return finish(run, FinishReason::Failed, script.error);
    finish(run, FinishReason::EndOfTurn);
}

void FakeGenerator::applyReplay(Run& run, int token) {
    if (!run.request.replay)
        return;
    const std::lock_guard lock(mutex_);
    for (const DialMove& move : run.request.replay->moves) {
        if (const ControlSpec* spec = find_control(move.name); spec && move.token == token)
            run.wanted = with_control(run.wanted, *spec, move.value);
    }
}

void FakeGenerator::takeMoves(Run& run, int token) {
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
        emitEvent(std::move(event));
    }
}

TokenRecord FakeGenerator::record(const Run& run, const Answer& answer, int index) const {
    const std::lock_guard lock(mutex_);
    TokenRecord token;
    token.id = index + 100;
    token.text = answer.tokens[static_cast<std::size_t>(index)];
    token.latency_ms = index == 0 && run.request.continue_last ? 0 : millisecondsSince(answer.last);
    token.probability = 0.2 + 0.7 * ((index * 37) % 100) / 100.0;
    token.temperature = run.in_force.sequence.temperature;
    token.top_p = run.in_force.sequence.top_p;
    const Capabilities& model = script_.capabilities;
    token.experts_active =
        run.in_force.sequence.experts > 0 ? run.in_force.sequence.experts : model.experts_active;
    if (model.experts == 0)
        token.experts_active = 0;
    token.kv = run.in_force.sequence.kv;
    token.quant = precisionName(run.in_force.model);
    token.recoded_slices = recoded_;
    token.recode_total = recode_total_;
    token.weights_version = recoded_;
    token.weights_bytes = model.weights_bytes;
    for (const ChoiceForecast& choice : model.weights) {
        if (choice.name.toStdString() == token.quant)
            token.weights_bytes = choice.bytes;
    }
    token.kv_bytes = model.kv_bytes_per_token * static_cast<quint64>(script_.prompt_tokens + index + 1);
    token.scratch_bytes = 24ull << 20;
    return token;
}

void FakeGenerator::finish(Run& run, FinishReason reason, const QString& error) {
    RunEvent event;
    event.kind = RunEvent::Kind::Finished;
    event.run = run.id;
    event.timings = run.timings;
    event.finish = reason;
    event.error = error;
    event.used_seed = run.seed;
    emitEvent(std::move(event));
}

std::vector<std::string> FakeGenerator::split(const QString& text) {
    std::vector<std::string> pieces;
    QString piece;
    const auto flush = [&] {
        if (!piece.isEmpty())
            pieces.push_back(piece.toStdString());
        piece.clear();
    };
    for (qsizetype i = 0; i < text.size(); ++i) {
        const QChar c = text[i];
        // A space or line break opens a token, as in byte-level BPE; a CJK character is one of its own.
        if (c.isSpace() || c.unicode() >= 0x2E80)
            flush();
        piece += c;
        if (c.isHighSurrogate() && i + 1 < text.size())
            piece += text[++i];
        else if (c.unicode() >= 0x2E80)
            flush();
    }
    flush();
    return pieces;
}

} // namespace switchyard
