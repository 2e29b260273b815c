// The engine behind the seam of hosts: models are opened, described, re-encoded, changed and refused.
#include "app/services/dial_state.h"
#include "tests/app/tiny_machine.h"

#include <QFile>
#include <QSignalSpy>
#include <QTest>

using namespace switchyard;

class LocalModelsTest : public QObject {
    Q_OBJECT
    TinyModelFiles files_;

  private Q_SLOTS:
    void describesWhatItLoaded() {
        TinyMachine machine;
        QSignalSpy progress(&machine.model, &CurrentModel::loadProgress);
        QVERIFY(load(machine, files_.mixture));
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
        QVERIFY(load(machine, files_.dense));
        QCOMPARE(machine.model.capabilities().experts, 0);
        const DialState experts = dialState(machine.model.capabilities(), *find_control("experts"));
        QVERIFY(!experts.enabled && experts.why.contains(QStringLiteral("dense")));
    }

    void precisionComesBackToTheFile() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        const std::string before = collect(machine, machine.submit(request(QStringLiteral("hi")))).text;
        QSignalSpy progress(&machine.model, &CurrentModel::recodeProgress);
        const auto finished = [&] {
            return !progress.isEmpty() && progress.last()[0].toUInt() == progress.last()[1].toUInt();
        };
        machine.model.setTuning({BlockType::Q4_0});
        QTRY_VERIFY(finished());
        const RunResult coarse = collect(machine, machine.submit(request(QStringLiteral("hi"))));
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
        const QString path = files_.path(QStringLiteral("shrinks.gguf"));
        QVERIFY(QFile::copy(files_.mixture, path));
        TinyMachine machine;
        QVERIFY(load(machine, path));
        QSignalSpy failed(&machine.model, &CurrentModel::recodeFailed);
        QVERIFY(QFile::resize(path, QFile(path).size() / 2));
        machine.model.setTuning({BlockType::Q8_0});
        QTRY_VERIFY(!failed.isEmpty());
        QVERIFY(!failed[0][0].toString().isEmpty());
        QVERIFY(machine.model.tuning() == ModelTuning());
    }

    void afterARefusedReloadTheWeightsAreStillHeard() {
        const QString path = files_.path(QStringLiteral("moves.gguf"));
        QVERIFY(QFile::copy(files_.mixture, path));
        TinyMachine machine;
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
        const QString damaged = files_.path(QStringLiteral("damaged.gguf"));
        QVERIFY(QFile::copy(files_.dense, damaged) && QFile::resize(damaged, 2000));
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        QSignalSpy refused(&machine.model, &CurrentModel::refused);
        machine.model.use(files_.mixture);
        machine.model.use(damaged);
        QVERIFY(machine.model.state() == ModelState::Ready);
        QTRY_COMPARE(refused.size(), 1);
        QCOMPARE(refused[0][0].toString(), damaged);
        QCOMPARE(machine.model.key(), files_.mixture);
        QTRY_VERIFY(machine.model.state() == ModelState::Ready);
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
    }

    void runsWaitForTheModelThatLoads() {
        TinyMachine machine;
        machine.model.use(files_.mixture);
        const RunId run = machine.submit(request(QStringLiteral("early"), 5));
        QCOMPARE(collect(machine, run).tokens.size(), 5u);
    }

    void changingTheModelEndsItsRuns() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        const RunId run = machine.submit(request(QStringLiteral("long"), 4000));
        machine.model.use(files_.dense);
        const RunResult ended = collect(machine, run);
        QVERIFY(ended.end.finish == FinishReason::Stopped);
        QTRY_VERIFY(machine.model.state() == ModelState::Ready);
        QCOMPARE(machine.model.capabilities().architecture, QStringLiteral("llama"));
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
        machine.model.use(files_.mixture);
        machine.model.use(files_.dense); // overtaken: the last one counts
        QTRY_VERIFY(machine.model.state() == ModelState::Ready);
        QCOMPARE(machine.model.capabilities().architecture, QStringLiteral("llama"));
        machine.model.unload();
        QVERIFY(machine.model.state() == ModelState::None);
    }

    void twoModelsAnswerAtTheSameTimeAsAlone() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        machine.models.load(files_.dense);
        QTRY_VERIFY(machine.models.state(files_.dense) == ModelState::Ready);
        QVERIFY(machine.model.key() == files_.mixture && machine.model.state() == ModelState::Ready);
        const auto ask = [&](const QString& model, ConversationId chat) {
            GenerationRequest asked = request(QStringLiteral("both of you"), 400);
            asked.model = model;
            asked.conversation = chat;
            asked.tuning.sequence.temperature = 0; // runs in circles, and never to an end of turn
            return machine.submit(asked);
        };
        const QString one = QString::fromStdString(collect(machine, ask(files_.mixture, 1)).text);
        const QString two = QString::fromStdString(collect(machine, ask(files_.dense, 2)).text);
        QVERIFY(!one.isEmpty() && !two.isEmpty() && one != two);
        const RunId first = ask(files_.mixture, 3), second = ask(files_.dense, 4);
        std::size_t together = 0; // tokens that the second had while the first was under way
        machine.listener.wait(first, [&](std::size_t) {
            if (!machine.listener.ended(first))
                together = machine.listener.tokens(second).size();
        });
        machine.listener.wait(second);
        QVERIFY2(together > 10, qPrintable(QString::number(together)));
        QCOMPARE(machine.listener.text(first), one);
        QCOMPARE(machine.listener.text(second), two);
        machine.models.unload(files_.dense);
        QVERIFY(machine.models.state(files_.dense) == ModelState::None);
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
    }

    void secondModelThatDoesNotFitIsRefused() {
        LocalHostOptions options = LocalServices::withThreads(1);
        options.free_memory = [] { return quint64{20000}; };
        TinyMachine machine(options);
        QVERIFY(load(machine, files_.mixture)); // the first is let try
        QSignalSpy refused(&machine.models, &ModelHost::refused);
        machine.models.load(files_.dense);
        QTRY_COMPARE(refused.size(), 1);
        QCOMPARE(refused[0][0].toString(), files_.dense);
        const QString why = refused[0][1].toString();
        QVERIFY2(why.contains(QStringLiteral("needs")) && why.contains(QStringLiteral("unload one")),
                 qPrintable(why));
        QVERIFY(machine.models.state(files_.dense) == ModelState::None);
        QCOMPARE(collect(machine, machine.submit(request(QStringLiteral("x"), 3))).tokens.size(), 3u);
        QVERIFY(load(machine, files_.dense)); // in its place it fits
    }

    void countsTokens() {
        TinyMachine machine;
        int count = -2;
        machine.model.countTokens(QStringLiteral("abc"), [&](int n) { count = n; });
        QTRY_COMPARE(count, -1);
        QVERIFY(load(machine, files_.mixture));
        machine.model.countTokens(QStringLiteral("abc"), [&](int n) { count = n; });
        QTRY_COMPARE(count, 3);
    }
};

QTEST_GUILESS_MAIN(LocalModelsTest)
#include "tst_local_models.moc"
