// The engine behind the Generator seam, with a real (if meaningless) model.
#include "tiny_model.h"

#include "app/services/forecast.h"
#include "app/services/local_generator.h"

#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <numeric>

using namespace switchyard;

class LocalGeneratorTest : public QObject {
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

    static bool load(LocalGenerator& generator, const QString& path) {
        generator.loadModel(path);
        return QTest::qWaitFor(
            [&] {
                return generator.modelState() == ModelState::Ready &&
                       generator.capabilities().model_path == path;
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
    /// Drains until the run ends; `at` is called after each drain with the number of tokens so far.
    static Result collect(LocalGenerator& generator, RunId run,
                          const std::function<void(std::size_t)>& at = {}) {
        Result result;
        const bool ended = QTest::qWaitFor(
            [&] {
                for (RunEvent& event : generator.drain()) {
                    if (event.run != run)
                        continue;
                    if (event.kind == RunEvent::Kind::Token) {
                        result.text += event.token.text;
                        result.tokens.push_back(event.token);
                    }
                    if (event.kind == RunEvent::Kind::Move)
                        result.moves.push_back(event.move);
                    result.events.push_back(std::move(event));
                }
                if (at)
                    at(result.tokens.size());
                return !result.events.empty() && result.events.back().kind == RunEvent::Kind::Finished;
            },
            20000);
        if (!ended)
            qFatal("the run did not end");
        result.end = result.events.back();
        return result;
    }

    static Result moveDials(LocalGenerator& generator, const GenerationRequest& asked) {
        const RunId run = generator.submit(asked);
        bool moved = false, recoded = false;
        return collect(generator, run, [&](std::size_t tokens) {
            if (tokens > 5 && !moved) {
                moved = true;
                SequenceTuning tuning = asked.tuning.sequence;
                tuning.temperature = 1.5;
                tuning.experts = 1;
                tuning.seed = 0;
                generator.setTuning(run, tuning);
            }
            if (tokens > 100 && !recoded) {
                recoded = true;
                generator.setModelTuning({BlockType::Q8_0});
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
        LocalGenerator generator(1);
        QSignalSpy progress(&generator, &Generator::loadProgress);
        QVERIFY(load(generator, mixture_));
        const Capabilities& c = generator.capabilities();
        QCOMPARE(c.model_name, QStringLiteral("mixture.gguf"));
        QCOMPARE(c.architecture, QStringLiteral("deepseek"));
        QCOMPARE(c.experts, 8);
        QCOMPARE(c.experts_active, 3);
        QCOMPARE(c.context, 4096);
        QCOMPARE(c.file_precision, QStringLiteral("F32"));
        QVERIFY(c.unavailable.isEmpty());
        QVERIFY(c.kv_bytes_per_token > 0);
        QVERIFY(c.weights.size() >= 8);
        const auto q4 = std::ranges::find(c.weights, QStringLiteral("Q4_K"), &ChoiceForecast::name);
        QVERIFY(q4 != c.weights.end());
        QVERIFY(q4->bytes < c.weights_bytes);
        QVERIFY(!q4->note.isEmpty()); // its rows are shorter than a block of 256
        QVERIFY(q4->speed.low > 0 && q4->speed.low < q4->speed.high);
        QTRY_VERIFY(!progress.isEmpty() && progress.last()[0].toDouble() == 1.0);
        QVERIFY(load(generator, dense_));
        QCOMPARE(generator.capabilities().experts, 0);
        QCOMPARE(generator.capabilities().unavailable, QStringList{QStringLiteral("experts")});
    }

    void answersTheSameForTheSameSeed() {
        LocalGenerator generator(1);
        QVERIFY(load(generator, mixture_));
        const Result one = collect(generator, generator.submit(request(QStringLiteral("hello"))));
        QVERIFY(one.events.front().kind == RunEvent::Kind::Queued);
        QVERIFY2(one.end.error.isEmpty(), qPrintable(one.end.error));
        QCOMPARE(one.tokens.size(), 40u);
        QVERIFY(one.end.finish == FinishReason::MaxTokens);
        QVERIFY(one.end.record);
        QCOMPARE(one.end.used_seed, 7u);
        QCOMPARE(one.tokens[0].experts_active, 3);
        const Result two = collect(generator, generator.submit(request(QStringLiteral("hello"))));
        QCOMPARE(two.text, one.text);
        const Result other = collect(generator, generator.submit(request(QStringLiteral("hello"), 40, 8)));
        QVERIFY(other.text != one.text);
        const Result drawn = collect(generator, generator.submit(request(QStringLiteral("hello"), 4, 0)));
        QVERIFY(drawn.end.used_seed != 0);
    }

    void expectedSpeedsFollowMeasuredOnes() {
        LocalGenerator generator(1);
        QVERIFY(load(generator, mixture_));
        QSignalSpy changed(&generator, &Generator::capabilitiesChanged);
        collect(generator, generator.submit(request(QStringLiteral("hello"), 200)));
        QCOMPARE(changed.count(), 1);
        collect(generator, generator.submit(request(QStringLiteral("hello"), 5)));
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
        LocalGenerator generator(1);
        QVERIFY(load(generator, mixture_));
        const auto own = [&] {
            const Capabilities& c = generator.capabilities();
            return std::ranges::find(c.weights, c.file_precision, &ChoiceForecast::name)->speed;
        };
        if (!own().known())
            QSKIP("too little memory here to measure the bandwidth");
        QVERIFY2(own().high < 30e3, qPrintable(QString::number(own().high)));
        const Result answer = collect(generator, generator.submit(request(QStringLiteral("hello"), 200)));
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
        LocalGenerator generator(1);
        QVERIFY(load(generator, mixture_));
        GenerationRequest first = request(QStringLiteral("a question of some length").repeated(10), 2);
        collect(generator, generator.submit(first));
        first.turns.push_back({Author::Assistant, QStringLiteral("x")});
        first.turns.push_back({Author::User, QStringLiteral("more")});
        const Result second = collect(generator, generator.submit(first));
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
            LocalGenerator generator(1);
            QVERIFY(load(generator, mixture_));
            live = moveDials(generator, asked);
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
        LocalGenerator again(1);
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
        LocalGenerator generator(1);
        QVERIFY(load(generator, mixture_));
        const std::string before = collect(generator, generator.submit(request(QStringLiteral("hi")))).text;
        QSignalSpy progress(&generator, &Generator::recodeProgress);
        const auto finished = [&] {
            return !progress.isEmpty() && progress.last()[0].toUInt() == progress.last()[1].toUInt();
        };
        generator.setModelTuning({BlockType::Q4_0});
        QTRY_VERIFY(finished());
        const Result coarse = collect(generator, generator.submit(request(QStringLiteral("hi"))));
        QVERIFY(coarse.text != before);
        QVERIFY(coarse.tokens[0].weights_bytes < generator.capabilities().weights_bytes);
        progress.clear();
        generator.setModelTuning({});
        QTRY_VERIFY(finished());
        GenerationRequest fresh = request(QStringLiteral("hi"));
        fresh.conversation = 2; // nothing that the coarse weights wrote is in its cache
        QCOMPARE(collect(generator, generator.submit(fresh)).text, before);
    }

    void stopsAtOnce() {
        LocalGenerator generator(1);
        QVERIFY(load(generator, mixture_));
        const RunId run = generator.submit(request(QStringLiteral("long"), 4000));
        bool asked = false;
        QElapsedTimer timer;
        const Result result = collect(generator, run, [&](std::size_t tokens) {
            if (tokens > 3 && !asked) {
                asked = true;
                timer.start();
                generator.cancel(run);
            }
        });
        QVERIFY(result.end.finish == FinishReason::Stopped);
        QVERIFY2(timer.elapsed() < 300, qPrintable(QString::number(timer.elapsed())));
        generator.cancel(run); // long gone: ignored
        generator.cancel(4711);
    }

    void runsWaitForTheModelThatLoads() {
        LocalGenerator generator(1);
        generator.loadModel(mixture_);
        const RunId run = generator.submit(request(QStringLiteral("early"), 5));
        QCOMPARE(collect(generator, run).tokens.size(), 5u);
    }

    void changingTheModelEndsItsRuns() {
        LocalGenerator generator(1);
        QVERIFY(load(generator, mixture_));
        const RunId run = generator.submit(request(QStringLiteral("long"), 4000));
        generator.loadModel(dense_);
        const Result ended = collect(generator, run);
        QVERIFY(ended.end.finish == FinishReason::Stopped);
        QTRY_VERIFY(generator.modelState() == ModelState::Ready);
        QCOMPARE(generator.capabilities().architecture, QStringLiteral("llama"));
        QCOMPARE(collect(generator, generator.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
        generator.loadModel(mixture_);
        generator.loadModel(dense_); // overtaken: the last one counts
        QTRY_VERIFY(generator.modelState() == ModelState::Ready);
        QCOMPARE(generator.capabilities().architecture, QStringLiteral("llama"));
        generator.unloadModel();
        QVERIFY(generator.modelState() == ModelState::None);
    }

    void failuresAreSentences() {
        LocalGenerator generator(1);
        const Result none = collect(generator, generator.submit(request(QStringLiteral("x"))));
        QVERIFY(none.end.finish == FinishReason::Failed);
        QVERIFY(none.end.error.contains(QStringLiteral("choose one")));
        QSignalSpy states(&generator, &Generator::modelStateChanged);
        generator.loadModel(folder_.filePath(QStringLiteral("missing.gguf")));
        const RunId waiting = generator.submit(request(QStringLiteral("x")));
        QTRY_VERIFY(generator.modelState() == ModelState::Failed);
        QVERIFY(states.last()[1].toString().contains(QStringLiteral("missing.gguf")));
        QVERIFY(collect(generator, waiting).end.error.contains(QStringLiteral("missing.gguf")));
        QVERIFY(load(generator, dense_));
        const Result full =
            collect(generator, generator.submit(request(QStringLiteral("word ").repeated(300))));
        QVERIFY(full.end.finish == FinishReason::Failed);
        QVERIFY(full.end.error.contains(QStringLiteral("512")));
    }

    void contextFullIsToldApart() {
        LocalGenerator generator(1);
        QVERIFY(load(generator, dense_));
        GenerationRequest asked = request(QStringLiteral("x"), 4000);
        asked.tuning.sequence.temperature = 0; // runs in circles, and never to an end of turn
        const Result result = collect(generator, generator.submit(asked));
        QVERIFY(result.end.finish == FinishReason::ContextFull);
    }

    void saysWhenThePromptOpensThinking() {
        LocalGenerator generator(1);
        QVERIFY(load(generator, thinking_));
        const Result result = collect(generator, generator.submit(request(QStringLiteral("x"), 3)));
        const auto first = std::ranges::find(result.events, RunEvent::Kind::Token, &RunEvent::kind);
        QVERIFY(first != result.events.end() && first->reading && first->reading->opened == "<think>");
    }

    void countsTokens() {
        LocalGenerator generator(1);
        int count = -2;
        generator.countTokens(QStringLiteral("abc"), [&](int n) { count = n; });
        QTRY_COMPARE(count, -1);
        QVERIFY(load(generator, mixture_));
        generator.countTokens(QStringLiteral("abc"), [&](int n) { count = n; });
        QTRY_COMPARE(count, 3);
    }
};

QTEST_GUILESS_MAIN(LocalGeneratorTest)
#include "tst_local_generator.moc"
