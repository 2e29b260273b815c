// What speeds are foretold of models, before and after answers were measured.
#include "app/services/forecast.h"
#include "tests/app/tiny_machine.h"

#include <QSignalSpy>
#include <QTest>

#include <numeric>

using namespace switchyard;

class ExpectedSpeedsTest : public QObject {
    Q_OBJECT
    TinyModelFiles files_;

  private Q_SLOTS:
    void expectedSpeedsFollowMeasuredOnes() {
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
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
        TinyMachine machine;
        QVERIFY(load(machine, files_.mixture));
        const auto own = [&] {
            const Capabilities& c = machine.model.capabilities();
            return std::ranges::find(c.weights, c.file_precision, &ChoiceForecast::name)->speed;
        };
        if (!own().known())
            QSKIP("too little memory here to measure the bandwidth");
        QVERIFY2(own().high < 30e3, qPrintable(QString::number(own().high)));
        const RunResult answer = collect(machine, machine.submit(request(QStringLiteral("hello"), 200)));
        std::vector<double> latencies;
        for (std::size_t i = 1; i < answer.tokens.size(); ++i)
            latencies.push_back(answer.tokens[i].latency_ms);
        std::ranges::sort(latencies);
        latencies.resize(latencies.size() * 19 / 20); // but for the longest
        const double speed = 1000.0 * static_cast<double>(latencies.size()) /
                             std::accumulate(latencies.begin(), latencies.end(), 0.0);
        QVERIFY2(own().low > speed / 1.25 && own().high < speed * 1.25, qPrintable(QString::number(speed)));
    }
};

QTEST_GUILESS_MAIN(ExpectedSpeedsTest)
#include "tst_expected_speeds.moc"
