// The engine behind the seams of hosts and runs, with real (if meaningless) models.
#include "tiny_model.h"

#include "app/services/current_model.h"
#include "app/services/dial_state.h"
#include "app/services/forecast.h"
#include "tests/support/local_services.h"
#include "tests/support/run_listener.h"

#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <numeric>

using namespace switchyard;

namespace {

/// The services, with a model that is asked.
struct Machine : LocalServices {
    explicit Machine(const LocalHostOptions& options = LocalServices::withThreads(1))
        : LocalServices(options) {}
    /// Of the current model where the request names none.
    RunId submit(GenerationRequest request) {
        if (request.model.isEmpty())
            request.model = model.key();
        return runs.submit(std::move(request), &listener, listener.sink());
    }
    CurrentModel model{models};
    RunListener listener;
};

} // namespace

class LocalServicesTest : public QObject {
    Q_OBJECT
    QTemporaryDir folder_;
    QString mixture_, dense_, thinking_;

    static GenerationRequest request(const QString& text, int max_tokens = 40, std::uint64_t seed = 7) {
        GenerationRequest request;
        request.conversation = 1;
        request.turns = {{Author::User, text}};
        request.tuning.sequence.max_tokens = max_tokens;
        request.tuning.sequence.seed = seed;
        return request;
    }

    static bool load(Machine& machine, const QString& path) {
        machine.model.use(path);
        return QTest::qWaitFor(
            [&] {
                return machine.model.state() == ModelState::Ready &&
                       machine.model.capabilities().model_path == path;
            },
            20000);
    }

    struct Result {
        std::vector<RunEvent> events;
        std::string text;
        std::vector<TokenRecord> tokens;
        std::vector<DialMove> moves;
        RunEvent end;
    };
    /// Waits until the run ends; `at` is called meanwhile with the number of tokens so far.
    static Result collect(Machine& machine, RunId run, const std::function<void(std::size_t)>& at = {}) {
        Result result;
        result.events = machine.listener.wait(run, at);
        result.tokens = machine.listener.tokens(run);
        result.text = machine.listener.text(run).toStdString();
        for (const RunEvent& event : result.events) {
            if (event.kind == RunEvent::Kind::Move)
                result.moves.push_back(event.move);
        }
        result.end = result.events.back();
        return result;
    }

    static Result moveDials(Machine& machine, const GenerationRequest& asked) {
        const RunId run = machine.submit(asked);
        bool moved = false, recoded = false;
        return collect(machine, run, [&](std::size_t tokens) {
            if (tokens > 5 && !moved) {
                moved = true;
                SequenceTuning tuning = asked.tuning.sequence;
                tuning.temperature = 1.5;
                tuning.experts = 1;
                tuning.seed = 0;
                machine.runs.setTuning(run, tuning);
            }
            if (tokens > 100 && !recoded) {
                recoded = true;
                machine.model.setTuning({BlockType::Q8_0});
            }
        });
    }

  private Q_SLOTS:
    void initTestCase() {
        const auto write = [this](const QString& name, const TinyModel& model) {
            const QString path = folder_.filePath(name);
            writeTinyModel(path.toStdString(), model);
            return path;
        };
        mixture_ = write(QStringLiteral("mixture.gguf"), {});
        dense_ = write(QStringLiteral("dense.gguf"), {0, 0, 512, 2, false});
        thinking_ = write(QStringLiteral("thinking.gguf"), {8, 3, 512, 3, true});
    }

    void describesWhatItLoaded() {
        Machine machine;
        QSignalSpy progress(&machine.model, &CurrentModel::loadProgress);
        QVERIFY(load(machine, mixture_));
        const Capabilities& c = machine.model.capabilities();
        QCOMPARE(c.model_name, QStringLiteral("mixture.gguf"));
        QCOMPARE(c.architecture, QStringLiteral("deepseek"));
        QCOMPARE(c.experts, 8);
        QCOMPARE(c.experts_active, 3);
        QCOMPARE(c.context, 4096);
        QCOMPARE(c.file_precision, QStringLiteral("F32"));
        QVERIFY(dialState(c, *find_control("experts")).enabled);
        QVERIFY(c.kv_bytes_per_token > 0);
        QCOMPARE(c.kv.size(), find_control("kv")->choices.size() - 1); // FP8 is for cards
        for (std::size_t i = 1; i < c.kv.size(); ++i) // each choice takes less than the one before
            QVERIFY(c.kv[i].bytes < c.kv[i - 1].bytes);
        QVERIFY(c.weights.size() >= 8);
        const auto q4 = std::ranges::find(c.weights, QStringLiteral("Q4_K"), &ChoiceForecast::name);
        QVERIFY(q4 != c.weights.end());
        QVERIFY(q4->bytes < c.weights_bytes);
        QVERIFY(!q4->note.isEmpty()); // its rows are shorter than a block of 256
        QVERIFY(q4->speed.low > 0 && q4->speed.low < q4->speed.high);
        QTRY_VERIFY(!progress.isEmpty() && progress.last()[0].toDouble() == 1.0);
        QVERIFY(load(machine, dense_));
        QCOMPARE(machine.model.capabilities().experts, 0);
        const DialState experts = dialState(machine.model.capabilities(), *find_control("experts"));
        QVERIFY(!experts.enabled && experts.why.contains(QStringLiteral("dense")));
    }

    void answersTheSameForTheSameSeed() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        const Result one = collect(machine, machine.submit(request(QStringLiteral("hello"))));
        QVERIFY(one.events.front().kind == RunEvent::Kind::Queued);
        QVERIFY2(one.end.error.isEmpty(), qPrintable(one.end.error));
        QCOMPARE(one.tokens.size(), 40u);
        QVERIFY(one.end.finish == FinishReason::MaxTokens);
        QVERIFY(one.end.record);
        QCOMPARE(one.end.used_seed, 7u);
        QCOMPARE(one.tokens[0].experts_active, 3);
        const Result two = collect(machine, machine.submit(request(QStringLiteral("hello"))));
        QCOMPARE(two.text, one.text);
        const Result other = collect(machine, machine.submit(request(QStringLiteral("hello"), 40, 8)));
        QVERIFY(other.text != one.text);
        const Result drawn = collect(machine, machine.submit(request(QStringLiteral("hello"), 4, 0)));
        QVERIFY(drawn.end.used_seed != 0);
    }

    void expectedSpeedsFollowMeasuredOnes() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        QSignalSpy changed(&machine.model, &CurrentModel::capabilitiesChanged);
        collect(machine, machine.submit(request(QStringLiteral("hello"), 200)));
        QCOMPARE(changed.count(), 1);
        collect(machine, machine.submit(request(QStringLiteral("hello"), 5)));
        QCOMPARE(changed.count(), 1); // too short to tell
    }

    void speedIsLearntFromSteadyAnswersOnly() {
        Capabilities machine;
        machine.experts_active = 3;
        machine.file_precision = QStringLiteral("F16");
        machine.threads = 2;
        machine.bandwidth = 20e9;
        machine.weights.resize(2);
        machine.weights[0].name = QStringLiteral("F16");
        machine.weights[0].token = {200e6, 100e6, 300, 50e3};
        machine.weights[1].name = QStringLiteral("Q8_0");
        machine.weights[1].token = {100e6, 100e6, 300, 50e3};
        SpeedHistory history;
        expectSpeeds(history, machine);
        // 10 ms of reading, and arithmetic from quick to slow machines: a wide range until it is measured.
        QVERIFY(machine.weights[0].speed.high > 1.5 * machine.weights[0].speed.low);
        RunRecord record;
        TokenRecord token;
        token.quant = "file";
        token.experts_active = 3;
        token.latency_ms = 20;
        record.tokens.assign(40, token);
        record.tokens[30].latency_ms = 5000;  // something else had the processor
        for (std::size_t i = 10; i < 20; ++i) // threads waited for one another: the line under it counts them
            record.tokens[i].latency_ms = i % 2 == 0 ? 39 : 1;
        QVERIFY(learnSpeed(record, machine, history));
        expectSpeeds(history, machine);
        const SpeedRange measured = machine.weights[0].speed, other = machine.weights[1].speed;
        QVERIFY2(measured.low < 50 && measured.high > 50 && measured.high < 1.25 * measured.low,
                 "20 ms a token");
        // The other format reads 5 ms less; its arithmetic is not measured, so the range stays wider.
        QVERIFY2(other.low < 1000.0 / 15 && other.high > 1000.0 / 15 && other.high > 1.25 * other.low,
                 "about 15 ms");
        // The next start, and another model of the same format, twice as large.
        const SpeedHistory next(history.toJson());
        const TokenCost large{400e6, 200e6, 300, 50e3};
        const SpeedRange twice = next.expect(QStringLiteral("F16"), 2, large, 20e9);
        QVERIFY(twice.low < 25 && twice.high > 25 && twice.high < 2 * twice.low);
        QVERIFY(!next.expect(QStringLiteral("F16"), 2, large, 0).known());
        for (const char* damaged :
             {"", "[", "{}", "[1, {}, {\"format\": \"F16\", \"threads\": 0}]",
              "[{\"format\": \"F16\", \"threads\": 2, \"bytes\": 1e300, \"weights\": 1, \"steps\": 1,"
              " \"vocabulary\": 1, \"seconds\": 1}]",
              "[{\"format\": \"F16\", \"threads\": 2, \"seconds_per_weight\": 1e-9}]"}) {
            const SpeedRange range =
                SpeedHistory(damaged).expect(QStringLiteral("F16"), 2, {200e6, 100e6, 300, 50e3}, 20e9);
            QVERIFY(range.low > 0 && range.high > 1.5 * range.low);
        }
        const auto says_nothing = [&](auto change) {
            RunRecord changed = record;
            change(changed);
            return !learnSpeed(changed, machine, history);
        };
        QVERIFY(says_nothing([](RunRecord& r) { r.tokens.resize(10); }));
        QVERIFY(says_nothing([](RunRecord& r) { r.tokens[35].quant = "Q8_0"; }));
        QVERIFY(says_nothing([](RunRecord& r) { r.tokens[35].recode_total = 5; }));
        QVERIFY(says_nothing([](RunRecord& r) { r.tokens[35].experts_active = 1; }));
    }

    void speedsOfACardAreItsOwn() {
        const QString f16 = QStringLiteral("F16"), q8 = QStringLiteral("Q8_0"),
                      card = QStringLiteral("Card A");
        const TokenCost model{200e6, 100e6, 300, 50e3}, half{100e6, 100e6, 300, 50e3};
        SpeedHistory history;
        QVERIFY(!history.expectOnCard(card, f16, model).known()); // nothing is guessed
        const SpeedRange before = history.expect(f16, 2, model, 20e9);
        history.addOnCard(card, f16, model, 0.002);
        // The processor knows as little as before, and so does another card.
        QCOMPARE(history.expect(f16, 2, model, 20e9).high, before.high);
        QVERIFY(!history.expectOnCard(QStringLiteral("Card B"), f16, model).known());
        history.addOnCard(QStringLiteral("Card B"), f16, model, 0.02);
        const SpeedHistory next(history.toJson()); // the next start
        const SpeedRange same = next.expectOnCard(card, f16, model);
        QVERIFY2(same.low < 500 && same.high > 500 && same.high < 1.25 * same.low, "2 ms a token");
        const SpeedRange other = next.expectOnCard(card, q8, half);
        QVERIFY2(other.low < 1000 && other.high > 1000 && other.high > 1.5 * other.low,
                 "half the bytes, and a wider range");
        // A busy card does not push out what is known of others.
        history.add(f16, 2, model, 0.05);
        for (int i = 0; i < 300; ++i)
            history.addOnCard(card, q8, half, 0.001);
        QVERIFY(history.measured(f16, model).known());
        QVERIFY(history.expectOnCard(QStringLiteral("Card B"), f16, model).known());
    }

    // Machines that read, multiply and begin threads at speeds of their own; models from a toy to 7 B.
    void speedsAreExpectedOfModelsOfAnySize() {
        struct Machine {
            const char* name;
            double bandwidth, arithmetic, token, step, entry; // bytes/s, then seconds
        };
        const Machine machines[] = {{"quick", 60e9, 20e-12, 100e-6, 1e-6, 4e-9},
                                    {"usual", 20e9, 60e-12, 300e-6, 3e-6, 10e-9},
                                    {"slow", 8e9, 120e-12, 900e-6, 9e-6, 30e-9}};
        struct Model {
            const char* name;
            TokenCost cost;
        };
        const Model models[] = {{"toy", {60e3, 30e3, 12, 300}},
                                {"small", {90e6, 135e6, 330, 49152}},
                                {"half a billion", {400e6, 494e6, 330, 151936}},
                                {"7 B", {4.5e9, 7.5e9, 350, 151936}}};
        const QString format = QStringLiteral("Q4_K");
        for (const Machine& machine : machines) {
            const auto takes = [&](const TokenCost& c) {
                return c.bytes / machine.bandwidth + c.weights * machine.arithmetic + machine.token +
                       c.steps * machine.step + c.vocabulary * machine.entry;
            };
            for (const Model& model : models) {
                const QByteArray what = QByteArray(machine.name) + ", " + model.name;
                const double speed = 1 / takes(model.cost);
                const SpeedRange before = SpeedHistory().expect(format, 2, model.cost, machine.bandwidth);
                QVERIFY2(before.low <= speed && speed <= before.high, what.constData());
                for (const Model& other : models) {
                    SpeedHistory history; // of one answer
                    history.add(format, 2, other.cost, takes(other.cost));
                    const SpeedRange range = history.expect(format, 2, model.cost, machine.bandwidth);
                    QVERIFY2(range.low <= speed && speed <= range.high,
                             (what + " after " + other.name).constData());
                    QVERIFY(&other != &model || (range.low > speed / 1.25 && range.high < speed * 1.25));
                }
                SpeedHistory all;
                for (const Model& other : models)
                    if (&other != &model)
                        all.add(format, 2, other.cost, takes(other.cost));
                const SpeedRange range = all.expect(format, 2, model.cost, machine.bandwidth);
                QVERIFY2(range.low <= speed && speed <= range.high, what.constData());
            }
        }
    }

    void toyIsNotForetoldToBeQuickerThanAnyMachine() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        const auto own = [&] {
            const Capabilities& c = machine.model.capabilities();
            return std::ranges::find(c.weights, c.file_precision, &ChoiceForecast::name)->speed;
        };
        if (!own().known())
            QSKIP("too little memory here to measure the bandwidth");
        QVERIFY2(own().high < 30e3, qPrintable(QString::number(own().high)));
        const Result answer = collect(machine, machine.submit(request(QStringLiteral("hello"), 200)));
        std::vector<double> latencies;
        for (std::size_t i = 1; i < answer.tokens.size(); ++i)
            latencies.push_back(answer.tokens[i].latency_ms);
        std::ranges::sort(latencies);
        latencies.resize(latencies.size() * 19 / 20); // but for the longest
        const double speed = 1000.0 * static_cast<double>(latencies.size()) /
                             std::accumulate(latencies.begin(), latencies.end(), 0.0);
        QVERIFY2(own().low > speed / 1.25 && own().high < speed * 1.25, qPrintable(QString::number(speed)));
    }

    void secondTurnReadsOnlyWhatIsNew() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        GenerationRequest first = request(QStringLiteral("a question of some length").repeated(10), 2);
        collect(machine, machine.submit(first));
        first.turns.push_back({Author::Assistant, QStringLiteral("x")});
        first.turns.push_back({Author::User, QStringLiteral("more")});
        const Result second = collect(machine, machine.submit(first));
        QVERIFY2(second.end.timings.prompt_tokens_reused > 200,
                 qPrintable(QString::number(second.end.timings.prompt_tokens_reused)));
        QVERIFY(second.end.timings.prompt_tokens > second.end.timings.prompt_tokens_reused);
    }

    void dialsActOnTheNextTokenAndReplayExactly() {
        const GenerationRequest asked = request(QStringLiteral("tune me"), 3500);
        // On a busy machine an answer may be over before this thread has moved the dials: then once more.
        constexpr int kTries = 5;
        Result live;
        for (int i = 0; i < kTries && live.moves.size() < 3; ++i) {
            Machine machine;
            QVERIFY(load(machine, mixture_));
            live = moveDials(machine, asked);
        }
        QCOMPARE(live.moves.size(), 3u);
        const int at = live.moves[0].token;
        QVERIFY(at > 0 && at < 3500);
        QCOMPARE(live.tokens[static_cast<std::size_t>(at) - 1].experts_active, 3);
        QCOMPARE(live.tokens[static_cast<std::size_t>(at)].experts_active, 1);
        QCOMPARE(live.tokens[static_cast<std::size_t>(at)].temperature, 1.5);
        QCOMPARE(live.moves[2].name, std::string("quant"));
        QCOMPARE(live.tokens.back().quant, std::string("Q8_0"));
        QCOMPARE(live.end.used_seed, 7u);

        // Elsewhere and later: the record alone brings the same tokens.
        Machine again;
        QVERIFY(load(again, mixture_));
        GenerationRequest replayed = asked;
        replayed.replay = *live.end.record;
        const Result same = collect(again, again.submit(replayed));
        QVERIFY2(same.end.error.isEmpty(), qPrintable(same.end.error));
        QCOMPARE(same.tokens.size(), live.tokens.size());
        for (std::size_t i = 0; i < same.tokens.size(); ++i)
            QCOMPARE(same.tokens[i].id, live.tokens[i].id);
    }

    void precisionComesBackToTheFile() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        const std::string before = collect(machine, machine.submit(request(QStringLiteral("hi")))).text;
        QSignalSpy progress(&machine.model, &CurrentModel::recodeProgress);
        const auto finished = [&] {
            return !progress.isEmpty() && progress.last()[0].toUInt() == progress.last()[1].toUInt();
        };
        machine.model.setTuning({BlockType::Q4_0});
        QTRY_VERIFY(finished());
        const Result coarse = collect(machine, machine.submit(request(QStringLiteral("hi"))));
        QVERIFY(coarse.text != before);
        QVERIFY(coarse.tokens[0].weights_bytes < machine.model.capabilities().weights_bytes);
        progress.clear();
        machine.model.setTuning({});
        QTRY_VERIFY(finished());
        GenerationRequest fresh = request(QStringLiteral("hi"));
        fresh.conversation = 2; // nothing that the coarse weights wrote is in its cache
        QCOMPARE(collect(machine, machine.submit(fresh)).text, before);
    }

    void aPrecisionThatCannotBeHadGoesBack() {
        const QString path = folder_.filePath(QStringLiteral("shrinks.gguf"));
        QVERIFY(QFile::copy(mixture_, path));
        Machine machine;
        QVERIFY(load(machine, path));
        QSignalSpy failed(&machine.model, &CurrentModel::recodeFailed);
        QVERIFY(QFile::resize(path, QFile(path).size() / 2));
        machine.model.setTuning({BlockType::Q8_0});
        QTRY_VERIFY(!failed.isEmpty());
        QVERIFY(!failed[0][0].toString().isEmpty());
        QVERIFY(machine.model.tuning() == ModelTuning());
    }

    void afterARefusedReloadTheWeightsAreStillHeard() {
        const QString path = folder_.filePath(QStringLiteral("moves.gguf"));
        QVERIFY(QFile::copy(mixture_, path));
        Machine machine;
        QVERIFY(load(machine, path));
        QSignalSpy refused(&machine.model, &CurrentModel::refused);
        QSignalSpy progress(&machine.model, &CurrentModel::recodeProgress);
        QSignalSpy failed(&machine.model, &CurrentModel::recodeFailed);
        QVERIFY(QFile::rename(path, path + QStringLiteral(".away")));
        machine.model.use(path);
        QTRY_COMPARE(refused.size(), 1);
        QVERIFY(machine.model.state() == ModelState::Ready);
        machine.model.setTuning({BlockType::Q4_0});
        QTRY_VERIFY(!progress.isEmpty() && progress.last()[0].toUInt() == progress.last()[1].toUInt());
        QVERIFY(failed.isEmpty());
        QVERIFY(QFile::resize(path + QStringLiteral(".away"), 2000));
        machine.model.setTuning({BlockType::Q8_0});
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(machine.model.tuning() == ModelTuning{BlockType::Q4_0});
    }

    void theModelThatWorksOutlivesAWishForItself() {
        const QString damaged = folder_.filePath(QStringLiteral("damaged.gguf"));
        QVERIFY(QFile::copy(dense_, damaged) && QFile::resize(damaged, 2000));
        Machine machine;
        QVERIFY(load(machine, mixture_));
        QSignalSpy refused(&machine.model, &CurrentModel::refused);
        machine.model.use(mixture_);
        machine.model.use(damaged);
        QVERIFY(machine.model.state() == ModelState::Ready);
        QTRY_COMPARE(refused.size(), 1);
        QCOMPARE(refused[0][0].toString(), damaged);
        QCOMPARE(machine.model.key(), mixture_);
        QTRY_VERIFY(machine.model.state() == ModelState::Ready);
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
    }

    void dialsThatMoveWhileARunWaitsAreNoMovesOfItsAnswer() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        const RunId first = machine.submit(request(QStringLiteral("long"), 4000));
        const GenerationRequest asked = request(QStringLiteral("waits"), 10);
        const RunId second = machine.submit(asked);
        QTRY_VERIFY(machine.listener.tokens(first).size() > 5);
        SequenceTuning tuning = asked.tuning.sequence;
        tuning.temperature = 0;
        machine.runs.setTuning(second, tuning);
        machine.runs.cancel(first);
        const Result result = collect(machine, second);
        QCOMPARE(result.moves.size(), 0u);
        QCOMPARE(result.tokens.front().temperature, 0.0);
        QCOMPARE(result.end.record->settings.sequence.temperature, 0.0);
        QVERIFY(result.end.record->moves.empty());
        const auto token = std::ranges::find(result.events, RunEvent::Kind::Token, &RunEvent::kind);
        QVERIFY(token->settings && token->settings->sequence.temperature == 0.0);
    }

    void stopsAtOnce() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        const RunId run = machine.submit(request(QStringLiteral("long"), 4000));
        bool asked = false;
        QElapsedTimer timer;
        const Result result = collect(machine, run, [&](std::size_t tokens) {
            if (tokens > 3 && !asked) {
                asked = true;
                timer.start();
                machine.runs.cancel(run);
            }
        });
        QVERIFY(result.end.finish == FinishReason::Stopped);
        QVERIFY2(timer.elapsed() < 300, qPrintable(QString::number(timer.elapsed())));
        machine.runs.cancel(run); // long gone: ignored
        machine.runs.cancel(4711);
    }

    void runsWaitForTheModelThatLoads() {
        Machine machine;
        machine.model.use(mixture_);
        const RunId run = machine.submit(request(QStringLiteral("early"), 5));
        QCOMPARE(collect(machine, run).tokens.size(), 5u);
    }

    void changingTheModelEndsItsRuns() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        const RunId run = machine.submit(request(QStringLiteral("long"), 4000));
        machine.model.use(dense_);
        const Result ended = collect(machine, run);
        QVERIFY(ended.end.finish == FinishReason::Stopped);
        QTRY_VERIFY(machine.model.state() == ModelState::Ready);
        QCOMPARE(machine.model.capabilities().architecture, QStringLiteral("llama"));
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
        machine.model.use(mixture_);
        machine.model.use(dense_); // overtaken: the last one counts
        QTRY_VERIFY(machine.model.state() == ModelState::Ready);
        QCOMPARE(machine.model.capabilities().architecture, QStringLiteral("llama"));
        machine.model.unload();
        QVERIFY(machine.model.state() == ModelState::None);
    }

    void failuresAreSentences() {
        Machine machine;
        const Result none = collect(machine, machine.submit(request(QStringLiteral("x"))));
        QVERIFY(none.end.finish == FinishReason::Failed);
        QVERIFY(none.end.error.contains(QStringLiteral("choose one")));
        QSignalSpy states(&machine.model, &CurrentModel::stateChanged);
        machine.model.use(folder_.filePath(QStringLiteral("missing.gguf")));
        const RunId waiting = machine.submit(request(QStringLiteral("x")));
        QTRY_VERIFY(machine.model.state() == ModelState::Failed);
        QVERIFY(states.last()[1].toString().contains(QStringLiteral("missing.gguf")));
        QVERIFY(collect(machine, waiting).end.error.contains(QStringLiteral("missing.gguf")));
        QVERIFY(load(machine, dense_));
        const Result full = collect(machine, machine.submit(request(QStringLiteral("word ").repeated(300))));
        QVERIFY(full.end.finish == FinishReason::Failed);
        QVERIFY(full.end.error.contains(QStringLiteral("512")));
    }

    void contextFullIsToldApart() {
        Machine machine;
        QVERIFY(load(machine, dense_));
        GenerationRequest asked = request(QStringLiteral("x"), 4000);
        asked.tuning.sequence.temperature = 0; // runs in circles, and never to an end of turn
        const Result result = collect(machine, machine.submit(asked));
        QVERIFY(result.end.finish == FinishReason::ContextFull);
    }

    void saysWhenThePromptOpensThinking() {
        Machine machine;
        QVERIFY(load(machine, thinking_));
        const Result result = collect(machine, machine.submit(request(QStringLiteral("x"), 3)));
        const auto first = std::ranges::find(result.events, RunEvent::Kind::Token, &RunEvent::kind);
        QVERIFY(first != result.events.end() && first->reading && first->reading->opened == "<think>");
    }

    void twoModelsAnswerAtTheSameTimeAsAlone() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        machine.models.load(dense_);
        QTRY_VERIFY(machine.models.state(dense_) == ModelState::Ready);
        QVERIFY(machine.model.key() == mixture_ && machine.model.state() == ModelState::Ready);
        const auto ask = [&](const QString& model, ConversationId chat) {
            GenerationRequest asked = request(QStringLiteral("both of you"), 400);
            asked.model = model;
            asked.conversation = chat;
            asked.tuning.sequence.temperature = 0; // runs in circles, and never to an end of turn
            return machine.submit(asked);
        };
        const QString one = QString::fromStdString(collect(machine, ask(mixture_, 1)).text);
        const QString two = QString::fromStdString(collect(machine, ask(dense_, 2)).text);
        QVERIFY(!one.isEmpty() && !two.isEmpty() && one != two);
        const RunId first = ask(mixture_, 3), second = ask(dense_, 4);
        std::size_t together = 0; // tokens that the second had while the first was under way
        machine.listener.wait(first, [&](std::size_t) {
            if (!machine.listener.ended(first))
                together = machine.listener.tokens(second).size();
        });
        machine.listener.wait(second);
        QVERIFY2(together > 10, qPrintable(QString::number(together)));
        QCOMPARE(machine.listener.text(first), one);
        QCOMPARE(machine.listener.text(second), two);
        machine.models.unload(dense_);
        QVERIFY(machine.models.state(dense_) == ModelState::None);
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
    }

    void secondModelThatDoesNotFitIsRefused() {
        LocalHostOptions options = LocalServices::withThreads(1);
        options.free_memory = [] { return quint64{20000}; };
        Machine machine(options);
        QVERIFY(load(machine, mixture_)); // the first is let try
        QSignalSpy refused(&machine.models, &ModelHost::refused);
        machine.models.load(dense_);
        QTRY_COMPARE(refused.size(), 1);
        QCOMPARE(refused[0][0].toString(), dense_);
        const QString why = refused[0][1].toString();
        QVERIFY2(why.contains(QStringLiteral("needs")) && why.contains(QStringLiteral("unload one")),
                 qPrintable(why));
        QVERIFY(machine.models.state(dense_) == ModelState::None);
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
        QVERIFY(load(machine, dense_)); // in its place it fits
    }

    void runsEndWithWhoAskedAndOthersHearOnlyTheirOwn() {
        Machine machine;
        QVERIFY(load(machine, mixture_));
        auto gone = std::make_unique<RunListener>();
        GenerationRequest asked = request(QStringLiteral("long"), 4000);
        asked.model = machine.model.key();
        const RunId left = machine.runs.submit(asked, gone.get(), gone->sink());
        QTRY_VERIFY(gone->tokens(left).size() > 3);
        gone.reset();
        QElapsedTimer timer;
        timer.start();
        const RunId next = machine.submit(request(QStringLiteral("x"), 3)); // one at a time
        QCOMPARE(collect(machine, next).tokens.size(), 3u);
        QVERIFY2(timer.elapsed() < 1000, qPrintable(QString::number(timer.elapsed())));
        QVERIFY(machine.listener.heard(left).empty());
    }

    void countsTokens() {
        Machine machine;
        int count = -2;
        machine.model.countTokens(QStringLiteral("abc"), [&](int n) { count = n; });
        QTRY_COMPARE(count, -1);
        QVERIFY(load(machine, mixture_));
        machine.model.countTokens(QStringLiteral("abc"), [&](int n) { count = n; });
        QTRY_COMPARE(count, 3);
    }
};

QTEST_GUILESS_MAIN(LocalServicesTest)
#include "tst_local_services.moc"
