// What is seen of stored answers after a restart: their tokens are read once something needs them.
#include "tests/ui/desk.h"
#include "ui/chat/chat_page.h"
#include "ui/insight/insight_panel.h"

#include <QTemporaryDir>

using namespace Qt::StringLiterals;
using namespace switchyard;

class StoredRunsTest : public QObject {
    Q_OBJECT
    QTemporaryDir folder_;
    ConversationId chat_ = 0;
    MessageId answer_ = 0;
    QString line_, text_;
    int tokens_ = 0;

    static ThreadView* threadOf(const Desk& desk) { return desk.window->findChild<ThreadView*>(); }
    static const RunSeries& seriesOf(const Desk& desk) {
        return desk.find<InsightPanel>(u"insight"_s)->series();
    }
    const Message& last(const Desk& desk) const { return desk.controller.conversation().thread().last(); }
    void open(Desk& desk) {
        desk.controller.openChat(chat_);
        QTRY_COMPARE(desk.controller.current(), chat_);
    }

  private Q_SLOTS:
    /// An answer in which a dial moved, stopped on its way.
    void initTestCase() {
        Desk desk(folder_.path());
        desk.load();
        QVERIFY(desk.controller.send(u"q"_s));
        chat_ = desk.controller.current();
        QTRY_VERIFY(last(desk).run.tokens.size() > 10);
        Tuning tuning = desk.controller.tuning();
        tuning.sequence.experts = 3;
        desk.controller.setTuning(tuning);
        QTRY_VERIFY(last(desk).run.tokens.size() > 30);
        desk.controller.chat().stop();
        QTRY_VERIFY(!desk.controller.busy());
        answer_ = last(desk).id;
        tokens_ = static_cast<int>(last(desk).run.tokens.size());
        text_ = last(desk).text();
        line_ = threadOf(desk)->content(answer_)->line;
        QVERIFY2(line_.contains(u"3 experts"_s), qPrintable(line_));
        QTRY_COMPARE(desk.store.unsaved(), 0);
    }

    void lineMarksAndPlotsAreAsTheyWere() {
        Desk desk(folder_.path());
        open(desk);
        const MessageContent* content = threadOf(desk)->content(answer_);
        QCOMPARE(content->line, line_);
        QVERIFY(content->reusable);
        QCOMPARE(content->marks.size(), 1u);
        QTRY_COMPARE(static_cast<int>(seriesOf(desk).tokens().size()), tokens_);
        QCOMPARE(seriesOf(desk).marks().size(), 1u);
        QTRY_COMPARE(threadOf(desk)->content(answer_)->tokens.size(), tokens_);
        QVERIFY(!threadOf(desk)->content(answer_)->needsTokens());
        QCOMPARE(threadOf(desk)->content(answer_)->line, line_);
        QCOMPARE(last(desk).text(), text_);
    }

    void itGoesOnAtOnce() {
        Desk desk(folder_.path());
        desk.load();
        open(desk);
        QVERIFY(desk.controller.chat().continueAnswer(answer_)); // before its tokens are read
        QTRY_VERIFY(desk.controller.busy());
        QTRY_VERIFY(static_cast<int>(last(desk).run.tokens.size()) > tokens_ + 5);
        desk.controller.chat().stop();
        QTRY_VERIFY(!desk.controller.busy());
        QVERIFY(last(desk).text().startsWith(text_));
        QCOMPARE(last(desk).run.moves[0].name, std::string("experts"));
        QCOMPARE(last(desk).run.timings.generated_tokens, static_cast<int>(last(desk).run.tokens.size()));
        QTRY_COMPARE(static_cast<int>(seriesOf(desk).tokens().size()),
                     static_cast<int>(last(desk).run.tokens.size()));
    }

    void whatIsAskedForInAnotherChatIsNotDoneLater() {
        Desk desk(folder_.path());
        desk.load();
        // As soon as it is shown: its tokens are not there yet.
        bool left = false;
        connect(&desk.controller, &ChatController::threadChanged, this, [&] {
            if (desk.controller.current() != chat_ || std::exchange(left, true))
                return;
            QVERIFY(!last(desk).tokensRead());
            QVERIFY(desk.controller.chat().runAgain(answer_));
            desk.controller.newChat();
        });
        desk.controller.openChat(chat_);
        QTRY_VERIFY(left);
        QTest::qWait(300);
        QCOMPARE(desk.controller.current(), 0);
        QVERIFY(!desk.controller.run(chat_));
        open(desk);
        QTRY_VERIFY(last(desk).tokensRead());
        QTest::qWait(100);
        QVERIFY(!desk.controller.run(chat_));
        QCOMPARE(last(desk).id, answer_);
    }
};

QTEST_MAIN(StoredRunsTest)
#include "tst_stored_runs.moc"
