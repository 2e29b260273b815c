// The scripted services keep the promises of the seams, so that tests built on it mean something.
#include "app/services/current_model.h"
#include "tests/support/run_listener.h"
#include "tests/support/scripted_services.h"

#include <QSignalSpy>
#include <QTest>

using namespace switchyard;

class ScriptedServicesTest : public QObject {
    Q_OBJECT
  private:
    std::unique_ptr<RunListener> listener_;

    RunId submit(ScriptedServices& services, const GenerationRequest& request = {}) {
        return services.runs.submit(request, listener_.get(), listener_->sink());
    }
    const std::vector<RunEvent>& collect(RunId run) { return listener_->wait(run); }

    static FakeScript quick(const QString& text) {
        FakeScript script;
        script.text = text;
        script.tokens_per_second = 0;
        return script;
    }

  private Q_SLOTS:
    void init() { listener_ = std::make_unique<RunListener>(); } // each service counts its runs from 1

    void streamsWholeTextInOrder() {
        ScriptedServices services(quick(QStringLiteral("Hello there, 你好。\nDone 😀!")));
        const RunId run = submit(services);
        const auto events = collect(run);
        QCOMPARE(listener_->text(run), QStringLiteral("Hello there, 你好。\nDone 😀!"));
        QVERIFY(events.front().kind == RunEvent::Kind::Queued);
        QVERIFY(events.back().finish == FinishReason::EndOfTurn);
    }

    void keepsTheRate() {
        FakeScript script = quick(QStringLiteral("word ").repeated(60));
        script.tokens_per_second = 300;
        ScriptedServices services(script);
        QElapsedTimer timer;
        timer.start();
        collect(submit(services));
        QVERIFY2(timer.elapsed() >= 190, "60 tokens at 300/s take 200 ms");
        QVERIFY2(timer.elapsed() < 2000, "far slower than asked");
    }

    void failsAtTheScriptedToken() {
        FakeScript script = quick(QStringLiteral("a b c d e f"));
        script.fail_at = 3;
        ScriptedServices services(script);
        const RunId run = submit(services);
        const auto events = collect(run);
        QCOMPARE(listener_->text(run), QStringLiteral("a b c"));
        QVERIFY(events.back().finish == FinishReason::Failed);
        QVERIFY(!events.back().error.isEmpty());
    }

    void stopsQuickly() {
        FakeScript script = quick(QStringLiteral("word ").repeated(5000));
        script.tokens_per_second = 2;
        ScriptedServices services(script);
        const RunId run = submit(services);
        QTest::qWait(30);
        QElapsedTimer timer;
        timer.start();
        services.runs.cancel(run);
        const auto events = collect(run);
        QVERIFY(events.back().finish == FinishReason::Stopped);
        QVERIFY(timer.elapsed() < 250);
    }

    void reportsDialMovesWithTheirToken() {
        FakeScript script = quick(QStringLiteral("word ").repeated(400));
        script.tokens_per_second = 1000;
        ScriptedServices services(script);
        GenerationRequest request;
        const RunId run = submit(services, request);
        QTest::qWait(50);
        SequenceTuning tuning = request.tuning.sequence;
        tuning.temperature = 0.1;
        tuning.experts = 3;
        services.runs.setTuning(run, tuning);
        const auto events = collect(run);
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
        ScriptedServices services(script);
        CurrentModel model(services.models);
        QVERIFY(model.state() == ModelState::None);
        model.use(QStringLiteral("/m/x.gguf"));
        QTRY_VERIFY(model.state() == ModelState::Ready);
        QCOMPARE(model.capabilities().model_name, QStringLiteral("x.gguf"));
        QCOMPARE(model.capabilities().experts, 64);
        script.load_error = QStringLiteral("x.gguf: tensor output.weight is cut off");
        services.setScript(script);
        QSignalSpy states(&model, &CurrentModel::stateChanged);
        model.use(QStringLiteral("/m/x.gguf"));
        QTRY_VERIFY(model.state() == ModelState::Failed);
        QCOMPARE(states.last().at(1).toString(), script.load_error);
    }

    void recodesWithProgress() {
        FakeScript script = quick(QStringLiteral("a"));
        script.recode_seconds = 0.1;
        ScriptedServices services(script);
        CurrentModel model(services.models);
        model.use(QStringLiteral("x.gguf"));
        QTRY_VERIFY(model.state() == ModelState::Ready);
        QSignalSpy progress(&model, &CurrentModel::recodeProgress);
        const quint64 before = model.capabilities().weights_bytes;
        ModelTuning tuning;
        tuning.weights = BlockType::Q4_K;
        model.setTuning(tuning);
        QTRY_VERIFY(!progress.isEmpty() && progress.last().at(0) == progress.last().at(1));
        QVERIFY(model.capabilities().weights_bytes < before);
    }

    void carvesAndIsCancelled() {
        FakeScript script;
        script.carve_seconds = 0.1;
        ScriptedServices services(script);
        const JobId one =
            services.jobs.add(CarveTask{QStringLiteral("/m/d"), QStringLiteral("/m/carved.gguf")});
        QTRY_VERIFY(services.jobs.job(one)->state == JobState::Done);
        const JobId two =
            services.jobs.add(CarveTask{QStringLiteral("/m/d"), QStringLiteral("/m/other.gguf")});
        services.jobs.cancel(two);
        QTest::qWait(200);
        QVERIFY(services.jobs.job(two)->state == JobState::Cancelled);
    }
};

QTEST_GUILESS_MAIN(ScriptedServicesTest)
#include "tst_scripted_services.moc"
