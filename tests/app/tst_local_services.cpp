// The engine behind the seam of runs, with real (if meaningless) models: answers, live dials, replay, ends.
#include "tests/app/tiny_machine.h"

#include <QElapsedTimer>
#include <QSignalSpy>
#include <QTest>

using namespace switchyard;

class LocalServicesTest : public QObject {
    Q_OBJECT
    TinyModelFiles files_;

    static RunResult moveDials(TinyMachine& machine, const GenerationRequest& asked) {
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
    void answersTheSameForTheSameSeed() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        const RunResult one = collect(machine, machine.submit(request(QStringLiteral("hello"))));
        QVERIFY(one.events.front().kind == RunEvent::Kind::Queued);
        QVERIFY2(one.end.error.isEmpty(), qPrintable(one.end.error));
        QCOMPARE(one.tokens.size(), 40u);
        QVERIFY(one.end.finish == FinishReason::MaxTokens);
        QVERIFY(one.end.record);
        QCOMPARE(one.end.used_seed, 7u);
        QCOMPARE(one.tokens[0].experts_active, 3);
        const RunResult two = collect(machine, machine.submit(request(QStringLiteral("hello"))));
        QCOMPARE(two.text, one.text);
        const RunResult other = collect(machine, machine.submit(request(QStringLiteral("hello"), 40, 8)));
        QVERIFY(other.text != one.text);
        const RunResult drawn = collect(machine, machine.submit(request(QStringLiteral("hello"), 4, 0)));
        QVERIFY(drawn.end.used_seed != 0);
    }

    void secondTurnReadsOnlyWhatIsNew() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        GenerationRequest first = request(QStringLiteral("a question of some length").repeated(10), 2);
        collect(machine, machine.submit(first));
        first.turns.push_back({Author::Assistant, QStringLiteral("x")});
        first.turns.push_back({Author::User, QStringLiteral("more")});
        const RunResult second = collect(machine, machine.submit(first));
        QVERIFY2(second.end.timings.prompt_tokens_reused > 200,
                 qPrintable(QString::number(second.end.timings.prompt_tokens_reused)));
        QVERIFY(second.end.timings.prompt_tokens > second.end.timings.prompt_tokens_reused);
    }

    void dialsActOnTheNextTokenAndReplayExactly() {
        const GenerationRequest asked = request(QStringLiteral("tune me"), 3500);
        // On a busy machine an answer may be over before this thread has moved the dials: then once more.
        constexpr int kTries = 5;
        RunResult live;
        for (int i = 0; i < kTries && live.moves.size() < 3; ++i) {
            TinyMachine machine;
            QVERIFY(load(machine, files_.mixture));
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
        TinyMachine again;
        QVERIFY(load(again, files_.mixture));
        GenerationRequest replayed = asked;
        replayed.replay = *live.end.record;
        const RunResult same = collect(again, again.submit(replayed));
        QVERIFY2(same.end.error.isEmpty(), qPrintable(same.end.error));
        QCOMPARE(same.tokens.size(), live.tokens.size());
        for (std::size_t i = 0; i < same.tokens.size(); ++i)
            QCOMPARE(same.tokens[i].id, live.tokens[i].id);
    }

    void dialsThatMoveWhileARunWaitsAreNoMovesOfItsAnswer() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        const RunId first = machine.submit(request(QStringLiteral("long"), 4000));
        const GenerationRequest asked = request(QStringLiteral("waits"), 10);
        const RunId second = machine.submit(asked);
        QTRY_VERIFY(machine.listener.tokens(first).size() > 5);
        SequenceTuning tuning = asked.tuning.sequence;
        tuning.temperature = 0;
        machine.runs.setTuning(second, tuning);
        machine.runs.cancel(first);
        const RunResult result = collect(machine, second);
        QCOMPARE(result.moves.size(), 0u);
        QCOMPARE(result.tokens.front().temperature, 0.0);
        QCOMPARE(result.end.record->settings.sequence.temperature, 0.0);
        QVERIFY(result.end.record->moves.empty());
        const auto token = std::ranges::find(result.events, RunEvent::Kind::Token, &RunEvent::kind);
        QVERIFY(token->settings && token->settings->sequence.temperature == 0.0);
    }

    void stopsAtOnce() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        const RunId run = machine.submit(request(QStringLiteral("long"), 4000));
        bool asked = false;
        QElapsedTimer timer;
        const RunResult result = collect(machine, run, [&](std::size_t tokens) {
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

    void failuresAreSentences() {
        TinyMachine machine;
        const RunResult none = collect(machine, machine.submit(request(QStringLiteral("x"))));
        QVERIFY(none.end.finish == FinishReason::Failed);
        QVERIFY(none.end.error.contains(QStringLiteral("choose one")));
        QSignalSpy states(&machine.model, &CurrentModel::stateChanged);
        machine.model.use(files_.path(QStringLiteral("missing.gguf")));
        const RunId waiting = machine.submit(request(QStringLiteral("x")));
        QTRY_VERIFY(machine.model.state() == ModelState::Failed);
        QVERIFY(states.last()[1].toString().contains(QStringLiteral("missing.gguf")));
        // In the engine's words, which are said in whichever language the window speaks by then.
        const QString stored = collect(machine, waiting).end.error;
        QVERIFY2(stored.startsWith(files_.path(QStringLiteral("missing.gguf: cannot be read"))),
                 qPrintable(stored));
        QVERIFY(load(machine, files_.dense));
        const RunResult full =
            collect(machine, machine.submit(request(QStringLiteral("word ").repeated(300))));
        QVERIFY(full.end.finish == FinishReason::Failed);
        QVERIFY(full.end.error.contains(QStringLiteral("512")));
    }

    void contextFullIsToldApart() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.dense));
        GenerationRequest asked = request(QStringLiteral("x"), 4000);
        asked.tuning.sequence.temperature = 0; // runs in circles, and never to an end of turn
        const RunResult result = collect(machine, machine.submit(asked));
        QVERIFY(result.end.finish == FinishReason::ContextFull);
    }

    void saysWhenThePromptOpensThinking() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.thinking));
        const RunResult result = collect(machine, machine.submit(request(QStringLiteral("x"), 3)));
        const auto first = std::ranges::find(result.events, RunEvent::Kind::Token, &RunEvent::kind);
        QVERIFY(first != result.events.end() && first->reading && first->reading->opened == "<think>");
    }

    void runsEndWithWhoAskedAndOthersHearOnlyTheirOwn() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
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
};

QTEST_GUILESS_MAIN(LocalServicesTest)
#include "tst_local_services.moc"
