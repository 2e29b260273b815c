// What a dial's move did to the speed, measured from the events of a run.
#include "app/services/dial_effects.h"

#include <QTest>

using namespace switchyard;

namespace {

/// An answer under way, token by token.
struct Answer {
    DialEffects effects;
    int token = 0;

    Answer() {
        effects.begin();
        RunEvent first = event(50);
        first.settings = Tuning();
        first.settings->sequence.experts = 8;
        effects.add(first);
    }
    static RunEvent event(double latency_ms) {
        RunEvent event;
        event.kind = RunEvent::Kind::Token;
        event.token.latency_ms = latency_ms;
        return event;
    }
    void tokens(int count, double latency_ms) {
        for (int i = 0; i < count; ++i, ++token)
            effects.add(event(latency_ms));
    }
    void move(const std::string& name, const ControlValue& value) {
        RunEvent event;
        event.kind = RunEvent::Kind::Move;
        event.move = {token, name, value};
        effects.add(event);
    }
    const DialEffect* of(const std::string& name) const {
        const auto found = effects.effects().find(name);
        return found == effects.effects().end() ? nullptr : &found->second;
    }
};

} // namespace

class TestDialEffects : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void beforeAndAfterAreMeasured() {
        Answer answer;
        answer.tokens(20, 50);
        answer.move("experts", 3.0);
        QVERIFY(answer.of("experts"));
        QCOMPARE(answer.of("experts")->after, 0.0); // not yet
        answer.tokens(1, 400);                      // the first after a move is none to judge by
        answer.tokens(5, 25);
        QCOMPARE(answer.of("experts")->after, 0.0);
        answer.tokens(1, 25);
        QCOMPARE(answer.of("experts")->from, ControlValue(8.0));
        QCOMPARE(answer.of("experts")->to, ControlValue(3.0));
        QCOMPARE(answer.of("experts")->before, 20.0);
        QCOMPARE(answer.of("experts")->after, 40.0);
        answer.tokens(100, 25);
        answer.tokens(100, 1000); // what comes much later is not the move's doing
        QCOMPARE(answer.of("experts")->after, 40.0);
    }

    void aMoveIsComparedWithTheTokensSinceTheOneBefore() {
        Answer answer;
        answer.tokens(20, 50);
        answer.move("experts", 3.0);
        answer.tokens(20, 25);
        answer.move("experts", 1.0);
        answer.tokens(20, 10);
        QCOMPARE(answer.of("experts")->before, 40.0);
        QCOMPARE(answer.of("experts")->after, 100.0);
    }

    void movesTooCloseTogetherTellNothing() {
        Answer answer;
        answer.tokens(20, 50);
        answer.move("experts", 3.0);
        answer.tokens(2, 25);
        answer.move("kv", std::string("Q8_0"));
        answer.tokens(20, 25);
        QVERIFY(!answer.of("kv"));
        QVERIFY(!answer.of("experts") || answer.of("experts")->after == 0);
    }

    void dialsThatDoNotPaceATokenAreLeftOut() {
        Answer answer;
        answer.tokens(20, 50);
        answer.move("temperature", 1.5);
        answer.tokens(3, 50);
        answer.move("experts", 3.0); // its "before" spans the move of a dial that changes no speed
        answer.tokens(20, 25);
        QVERIFY(!answer.of("temperature"));
        QCOMPARE(answer.of("experts")->before, 20.0);
    }

    void tokensOfAChangeUnderWayAreNeitherBeforeNorAfter() {
        Answer answer;
        answer.tokens(20, 50);
        answer.move("quant", std::string("Q4_K"));
        for (unsigned done = 1; done <= 30; ++done) {
            RunEvent event = Answer::event(200);
            event.token.recoded_slices = done;
            event.token.recode_total = 31;
            answer.effects.add(event);
        }
        QCOMPARE(answer.of("quant")->after, 0.0);
        answer.tokens(10, 20);
        QCOMPARE(answer.of("quant")->before, 20.0);
        QCOMPARE(answer.of("quant")->after, 50.0);
    }

    void strangeMovesAreIgnored() {
        Answer answer;
        answer.tokens(20, 50);
        answer.move("no_such_dial", 3.0);
        answer.move("kv", std::string("Q99"));
        answer.move("experts", -5.0);
        answer.move("experts", 8.0); // where it stood
        QVERIFY(answer.effects.effects().empty());
        answer.effects.begin();
        answer.move("experts", 3.0); // before anything is known of the answer
        QVERIFY(answer.effects.effects().empty());
    }
};

QTEST_GUILESS_MAIN(TestDialEffects)
#include "tst_dial_effects.moc"
