// The scripted generator keeps the promises of the seam, so that tests built on it mean something.
#include "app/services/fake_generator.h"

#include <QSignalSpy>
#include <QTest>

using namespace switchyard;

class FakeGeneratorTest : public QObject {
    Q_OBJECT
  private:
    static std::vector<RunEvent> collect(FakeGenerator& generator, RunId run) {
        std::vector<RunEvent> all;
        const bool finished = QTest::qWaitFor(
            [&] {
                for (RunEvent& event : generator.drain()) {
                    if (event.run == run)
                        all.push_back(std::move(event));
                }
                return !all.empty() && all.back().kind == RunEvent::Kind::Finished;
            },
            5000);
        if (!finished)
            qWarning("run %llu did not finish", run);
        return all;
    }

    static QString textOf(const std::vector<RunEvent>& events) {
        std::string text;
        for (const RunEvent& event : events) {
            if (event.kind == RunEvent::Kind::Token)
                text += event.token.text;
        }
        return QString::fromStdString(text);
    }

    static FakeScript quick(const QString& text) {
        FakeScript script;
        script.text = text;
        script.tokens_per_second = 0;
        return script;
    }

  private Q_SLOTS:
    void streamsWholeTextInOrder() {
        FakeGenerator generator(quick(QStringLiteral("Hello there, 你好。\nDone 😀!")));
        QSignalSpy waiting(&generator, &Generator::eventsWaiting);
        const RunId run = generator.submit({});
        const auto events = collect(generator, run);
        QCOMPARE(textOf(events), QStringLiteral("Hello there, 你好。\nDone 😀!"));
        QVERIFY(events.front().kind == RunEvent::Kind::Queued);
        QVERIFY(events.back().finish == FinishReason::EndOfTurn);
        QTRY_VERIFY(waiting.count() >= 1);
    }

    void keepsTheRate() {
        FakeScript script = quick(QStringLiteral("word ").repeated(60));
        script.tokens_per_second = 300;
        FakeGenerator generator(script);
        QElapsedTimer timer;
        timer.start();
        collect(generator, generator.submit({}));
        QVERIFY2(timer.elapsed() >= 190, "60 tokens at 300/s take 200 ms");
        QVERIFY2(timer.elapsed() < 2000, "far slower than asked");
    }

    void failsAtTheScriptedToken() {
        FakeScript script = quick(QStringLiteral("a b c d e f"));
        script.fail_at = 3;
        FakeGenerator generator(script);
        const auto events = collect(generator, generator.submit({}));
        QCOMPARE(textOf(events), QStringLiteral("a b c"));
        QVERIFY(events.back().finish == FinishReason::Failed);
        QVERIFY(!events.back().error.isEmpty());
    }

    void stopsQuickly() {
        FakeScript script = quick(QStringLiteral("word ").repeated(5000));
        script.tokens_per_second = 2;
        FakeGenerator generator(script);
        const RunId run = generator.submit({});
        QTest::qWait(30);
        QElapsedTimer timer;
        timer.start();
        generator.cancel(run);
        const auto events = collect(generator, run);
        QVERIFY(events.back().finish == FinishReason::Stopped);
        QVERIFY(timer.elapsed() < 250);
    }

    void reportsDialMovesWithTheirToken() {
        FakeScript script = quick(QStringLiteral("word ").repeated(400));
        script.tokens_per_second = 1000;
        FakeGenerator generator(script);
        GenerationRequest request;
        const RunId run = generator.submit(request);
        QTest::qWait(50);
        SequenceTuning tuning = request.tuning.sequence;
        tuning.temperature = 0.1;
        tuning.experts = 3;
        generator.setTuning(run, tuning);
        const auto events = collect(generator, run);
        int moves = 0, index = 0, moved_at = -1;
        for (const RunEvent& event : events) {
            if (event.kind == RunEvent::Kind::Move) {
                ++moves;
                moved_at = event.move.token;
                QCOMPARE(event.move.token, index);
            }
            if (event.kind == RunEvent::Kind::Token) {
                QCOMPARE(event.token.temperature, moved_at >= 0 ? 0.1 : 0.7);
                QCOMPARE(event.token.experts_active, moved_at >= 0 ? 3 : 6);
                ++index;
            }
        }
        QCOMPARE(moves, 2);
        QVERIFY(moved_at > 0);
    }

    void loadsAndFailsToLoad() {
        FakeScript script;
        FakeGenerator generator(script);
        QVERIFY(generator.modelState() == ModelState::None);
        generator.loadModel(QStringLiteral("/m/x.gguf"));
        QTRY_VERIFY(generator.modelState() == ModelState::Ready);
        QCOMPARE(generator.capabilities().model_name, QStringLiteral("x.gguf"));
        QCOMPARE(generator.capabilities().experts, 64);
        script.load_error = QStringLiteral("x.gguf: tensor output.weight is cut off");
        generator.setScript(script);
        QSignalSpy states(&generator, &Generator::modelStateChanged);
        generator.loadModel(QStringLiteral("/m/x.gguf"));
        QTRY_VERIFY(generator.modelState() == ModelState::Failed);
        QCOMPARE(states.last().at(1).toString(), script.load_error);
    }

    void recodesWithProgress() {
        FakeScript script = quick(QStringLiteral("a"));
        script.recode_seconds = 0.1;
        FakeGenerator generator(script);
        generator.loadModel(QStringLiteral("x.gguf"));
        QTRY_VERIFY(generator.modelState() == ModelState::Ready);
        QSignalSpy progress(&generator, &Generator::recodeProgress);
        const quint64 before = generator.capabilities().weights_bytes;
        ModelTuning tuning;
        tuning.weights = BlockType::Q4_K;
        generator.setModelTuning(tuning);
        QTRY_VERIFY(!progress.isEmpty() && progress.last().at(0) == progress.last().at(1));
        QVERIFY(generator.capabilities().weights_bytes < before);
    }

    void carvesAndIsCancelled() {
        FakeScript script;
        script.carve_seconds = 0.1;
        FakeGenerator generator(script);
        QSignalSpy finished(&generator, &Generator::carveFinished);
        generator.carve(QStringLiteral("/m/carved.gguf"));
        QTRY_COMPARE(finished.count(), 1);
        QCOMPARE(finished.last().at(0).toString(), QStringLiteral("/m/carved.gguf"));
        generator.carve(QStringLiteral("/m/other.gguf"));
        generator.cancelCarve();
        QTest::qWait(200);
        QCOMPARE(finished.count(), 2);
        QVERIFY(finished.last().at(0).toString().isEmpty());
    }
};

QTEST_GUILESS_MAIN(FakeGeneratorTest)
#include "tst_fake_generator.moc"
