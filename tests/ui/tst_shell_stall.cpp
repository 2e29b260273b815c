// How long the UI thread is busy with one event while an answer streams at 300 tokens a second and dials
// move. Counted in the thread's own processor time, so that other programs on the machine do not matter.
#include "tests/support/time_limit.h"
#include "tests/ui/desk.h"
#include "ui/chat/thread_view.h"
#include "ui/insight/insight_panel.h"
#include "ui/tuning/dial_slider.h"

#include <QElapsedTimer>
#include <QTemporaryDir>

#include <ctime>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

double threadMilliseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

/// Measures every event that the loop delivers, nested ones with the outermost.
class MeasuredApplication : public QApplication {
  public:
    using QApplication::QApplication;
    bool notify(QObject* receiver, QEvent* event) override {
        if (depth_ > 0 || !measuring)
            return QApplication::notify(receiver, event);
        ++depth_;
        const double start = threadMilliseconds();
        const QByteArray name = receiver->metaObject()->className();
        const auto type = event->type();
        const bool result = QApplication::notify(receiver, event);
        const double took = threadMilliseconds() - start;
        if (took > longest) {
            longest = took;
            where = u"%1, event %2"_s.arg(QLatin1String(name)).arg(type);
        }
        --depth_;
        return result;
    }
    bool measuring = false;
    double longest = 0;
    QString where;

  private:
    int depth_ = 0;
};

} // namespace

class TestStall : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void noEventKeepsTheThreadLong() {
        auto* application = static_cast<MeasuredApplication*>(qApp);
        QTemporaryDir folder;
        FakeScript script;
        script.tokens_per_second = 300;
        script.text =
            QString(u"Each token goes through the *router*, which picks a few experts; `gate` weighs "
                    "them. "_s)
                .repeated(80);
        Desk desk(folder.path(), script);
        desk.window->loadModel(u"/models/Example.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QTest::qWait(300);

        application->measuring = true;
        QVERIFY(desk.controller.send(u"How are experts chosen?"_s));
        auto* experts = desk.window->findChild<DialSlider*>(u"tune.experts.slider"_s);
        for (int i = 0; i < 6; ++i) {
            QTest::qWait(500);
            experts->setValue(i + 6);
        }
        application->measuring = false;
        const auto tokens = desk.window->findChild<InsightPanel*>(u"insight"_s)->series().tokens().size();
        qInfo("%zu tokens shown, the longest event took %.1f ms of processor time (%s)", tokens,
              application->longest, qPrintable(application->where));
        QVERIFY(tokens > 300);
        QVERIFY2(application->longest < 16 * test::kSanitizerSlowdown, qPrintable(application->where));
        desk.controller.chat().stop();
        QTRY_VERIFY(!desk.controller.busy());
    }

    /// A table is laid out anew with each of its rows.
    void aTableThatGrowsKeepsNothingLong() {
        auto* application = static_cast<MeasuredApplication*>(qApp);
        QTemporaryDir folder;
        FakeScript script;
        script.tokens_per_second = 300;
        script.text = u"| layer | expert | share | bytes | note |\n|---|---:|---:|---:|---|\n"_s;
        for (int row = 0; row < 120; ++row)
            script.text += u"| %1 | %2 | 0.%3 | %4 | *chosen* by the `router` |\n"_s.arg(row)
                               .arg(row % 64)
                               .arg(100 + row)
                               .arg(4096 * row);
        Desk desk(folder.path(), script);
        desk.window->loadModel(u"/models/Example.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        QTest::qWait(300);
        application->longest = 0;
        application->measuring = true;
        QVERIFY(desk.controller.send(u"Which experts were chosen?"_s));
        QTest::qWait(6000);
        application->measuring = false;
        const qsizetype shown = desk.controller.conversation().thread().last().text().count(u'\n');
        qInfo("%lld rows shown, the longest event took %.1f ms of processor time (%s)",
              static_cast<long long>(shown), application->longest, qPrintable(application->where));
        QVERIFY(shown > 60);
        QVERIFY2(application->longest < 16 * test::kSanitizerSlowdown, qPrintable(application->where));
        desk.controller.chat().stop();
        QTRY_VERIFY(!desk.controller.busy());
    }

    /// Its tokens are read beside, those that the plots and the marks in sight need.
    void openingALongChatKeepsNothingLong() {
        auto* application = static_cast<MeasuredApplication*>(qApp);
        constexpr int kAnswers = 60;
        QTemporaryDir folder;
        Desk desk(folder.path());
        const ConversationId chat = ConversationStore::newId();
        desk.store.create(chat, u"Long"_s, {});
        MessageId parent = 0;
        for (int i = 0; i < kAnswers; ++i) {
            Message answer;
            answer.id = ConversationStore::newId();
            answer.conversation = chat;
            answer.parent = std::exchange(parent, answer.id);
            answer.author = Author::Assistant;
            answer.parts = {{PartKind::Text, QString(u"word "_s).repeated(500), {}, 0}};
            answer.has_run = true;
            answer.run.finish = FinishReason::EndOfTurn;
            answer.run.moves = {{300, "temperature", 0.5}};
            TokenRecord token;
            token.text = "word ";
            token.latency_ms = 20;
            answer.run.tokens.assign(500, token);
            desk.store.append(answer);
        }
        QTRY_COMPARE(desk.store.unsaved(), 0);
        QTest::qWait(100);
        auto* insight = desk.window->findChild<InsightPanel*>(u"insight"_s);
        auto* thread = desk.window->findChild<ThreadView*>();
        application->longest = 0;
        application->measuring = true;
        desk.controller.openChat(chat);
        QTRY_COMPARE(insight->series().tokens().size(), std::size_t{RunSeries::kCapacity});
        QTRY_COMPARE(thread->content(parent)->tokens.size(), 500);
        QTest::qWait(300);
        application->measuring = false;
        qInfo("opened with %zu tokens plotted, the longest event took %.1f ms of processor time (%s)",
              insight->series().tokens().size(), application->longest, qPrintable(application->where));
        QVERIFY2(application->longest < 16 * test::kSanitizerSlowdown, qPrintable(application->where));
        // Those out of sight are not read.
        QVERIFY(desk.controller.conversation().thread().first().run.tokens.empty());
    }
};

int main(int argc, char** argv) {
    MeasuredApplication application(argc, argv);
    TestStall test;
    return QTest::qExec(&test, argc, argv);
}

#include "tst_shell_stall.moc"
