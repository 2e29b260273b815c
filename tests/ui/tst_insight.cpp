// The Insight dock: curves, marks, reading values, zoom, export, and that nothing is painted while hidden.
#include "ui/insight/insight_panel.h"
#include "ui/insight/memory_plot.h"
#include "ui/insight/speed_plot.h"
#include "ui/theme.h"

#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

TokenRecord token(int i, double ms = 20) {
    TokenRecord t;
    t.id = i;
    t.text = " word" + std::to_string(i);
    t.latency_ms = ms;
    t.weights_bytes = 100ull << 20;
    t.kv_bytes = static_cast<std::uint64_t>(i + 1) << 16;
    t.scratch_bytes = 10ull << 20;
    return t;
}

RunRecord record(int tokens) {
    RunRecord r;
    r.timings.prefill_ms = 400;
    r.timings.prompt_tokens = 60;
    for (int i = 0; i < tokens; ++i)
        r.tokens.push_back(token(i));
    r.moves.push_back({10, "experts", 2.0});
    r.moves.push_back({20, "quant", std::string("Q4_K")});
    return r;
}

Conversation conversation(std::initializer_list<int> answers) {
    Conversation c;
    c.summary.id = 7;
    MessageId id = 1;
    for (const int tokens : answers) {
        Message question;
        question.id = id++;
        question.parent = c.thread().isEmpty() ? 0 : c.thread().last().id;
        Message answer;
        answer.id = id++;
        answer.parent = question.id;
        answer.author = Author::Assistant;
        answer.has_run = true;
        answer.run = record(tokens);
        c.tree.append(question);
        c.tree.append(answer);
    }
    return c;
}

std::vector<RunEvent> events(int from, int count) {
    std::vector<RunEvent> all;
    for (int i = from; i < from + count; ++i) {
        RunEvent e;
        e.token = token(i);
        all.push_back(e);
    }
    return all;
}

RunEvent expertsMove(int token) {
    RunEvent event;
    event.kind = RunEvent::Kind::Move;
    event.move = {token, "experts", 3.0};
    return event;
}

/// Shows an answer that has so many tokens as yet.
struct AnsweringPanel : InsightPanel {
    explicit AnsweringPanel(int tokens) {
        resize(700, 240);
        show();
        beginAnswer(5);
        addEvents(events(0, tokens));
    }
};

} // namespace

class TestInsight : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void storedRunIsPlotted() {
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.showThread(conversation({40, 30}));
        QCOMPARE(panel.series().tokens().size(), std::size_t(70));
        QCOMPARE(panel.series().marks().size(), std::size_t(4));
        QCOMPARE(panel.series().prefills().size(), std::size_t(2));
        QTRY_COMPARE(panel.speed().markCount(), 4);
        QCOMPARE(panel.speed().prefillCount(), 2);
        QCOMPARE(panel.speed().graph(0)->dataCount(), 70);
        QVERIFY(panel.series().marks()[0].label.contains(u"2"_s));
        QVERIFY(panel.series().marks()[1].label.contains(u"Q4_K"_s));
        // 20 ms a token are 50 tokens/s.
        QVERIFY(std::abs(panel.series().tokens().back().tokens_per_second - 50) < 1e-6);
        // 2 answers: 0.4 s of prefill and 39 or 29 tokens of 20 ms each.
        QVERIFY(std::abs(panel.series().tokens().back().seconds - (0.8 + 0.02 * (39 + 29))) < 1e-9);
    }

    void oneSpikeDoesNotFlattenTheCurve() {
        InsightPanel panel;
        panel.resize(700, 260);
        panel.show();
        Conversation chat = conversation({60});
        chat.tree.find(chat.thread().last().id)->run.tokens[20].latency_ms = 1200; // the others take 20
        panel.showThread(chat);
        QTRY_VERIFY(panel.speed().yAxis->range().upper > 20);
        QVERIFY2(panel.speed().yAxis->range().upper < 60,
                 qPrintable(QString::number(panel.speed().yAxis->range().upper)));
    }

    // The right axis says what the answer's line says, whatever single tokens took.
    void speedsAxisIsAboutTheAnswersSpeed_data() {
        QTest::addColumn<QList<double>>("latencies");
        QList<double> even(200, 20.0), first_quick = even, some_quick = even, toy(2000, 0.05);
        first_quick[1] = 0.05; // the first that counts
        for (qsizetype i = 1; i < some_quick.size(); i += 7)
            some_quick[i] = 0.05;
        for (qsizetype i = 30; i < toy.size(); i += 10)
            toy[i] = 5; // threads waited for one another: 1,830 tokens/s in all
        QList<double> burst = even;
        std::fill_n(burst.begin() + 1, 6, 0.03);
        QTest::newRow("even") << even;
        QTest::newRow("a quick first token") << first_quick;
        QTest::newRow("quick tokens among others") << some_quick;
        QTest::newRow("a toy with stalls") << toy;
        QTest::newRow("a burst at the start") << burst;
        QTest::newRow("slow") << QList<double>(12, 900.0);
        QTest::newRow("quicker than any stall") << QList<double>(100, 0.05);
    }

    void speedsAxisIsAboutTheAnswersSpeed() {
        QFETCH(QList<double>, latencies);
        Conversation chat = conversation({static_cast<int>(latencies.size())});
        RunRecord& run = chat.tree.find(chat.thread().last().id)->run;
        run.moves.clear();
        double sum = 0;
        for (qsizetype i = 0; i < latencies.size(); ++i) {
            run.tokens[static_cast<std::size_t>(i)].latency_ms = latencies[i];
            sum += i == 0 ? 0 : latencies[i];
        }
        const double speed = 1000.0 * static_cast<double>(latencies.size() - 1) / sum; // as under the answer
        InsightPanel panel;
        panel.resize(700, 260);
        panel.show();
        panel.showThread(chat);
        QTRY_VERIFY(panel.speed().graph(0)->dataCount() > 0);
        const double top = panel.speed().yAxis2->range().upper;
        QVERIFY2(top > speed && top < 2.6 * speed, qPrintable(u"%1 for %2"_s.arg(top).arg(speed)));
        int shown = 0;
        for (const PlotToken& token : panel.series().tokens()) {
            shown += token.tokens_per_second > 0;
            QVERIFY2(token.tokens_per_second < 2.2 * speed,
                     qPrintable(QString::number(token.tokens_per_second)));
        }
        QVERIFY(shown > 0);
    }

    // A dial that made tokens four times as quick shows at once, though most tokens in view were slow.
    void newSpeedIsInThePictureAtOnce() {
        AnsweringPanel panel(600);
        std::vector<RunEvent> quick = events(600, 24);
        for (RunEvent& event : quick)
            event.token.latency_ms = 5;
        panel.addEvents(quick);
        QTRY_VERIFY(panel.speed().yAxis2->range().upper > 100);
        std::vector<RunEvent> slow = events(624, 10);
        for (RunEvent& event : slow)
            event.token.latency_ms = 90;
        panel.addEvents(slow);
        QTRY_VERIFY(panel.speed().yAxis->range().upper > 90);
    }

    void marksLabelsStandAboveTheCurve() {
        InsightPanel panel;
        panel.resize(700, 200); // as small as it gets
        panel.show();
        panel.showThread(conversation({40, 30}));
        QTRY_COMPARE(panel.speed().markCount(), 4);
        SpeedPlot& plot = panel.speed();
        QVERIFY2(plot.height() >= 160, qPrintable(QString::number(plot.height())));
        plot.replot();
        int lowest = 0;
        for (int i = 0; i < plot.itemCount(); ++i) {
            if (auto* label = qobject_cast<QCPItemText*>(plot.item(i));
                label && label->layer()->name() == u"labels"_s)
                lowest = std::max(lowest, static_cast<int>(label->bottom->pixelPosition().y()));
        }
        QVERIFY(lowest > 0);
        QVERIFY(lowest <= plot.yAxis->coordToPixel(20)); // 20 ms a token
    }

    void marksAppearWhileTokensCome() {
        AnsweringPanel panel(20);
        panel.addEvents({expertsMove(20)});
        panel.addEvents(events(20, 20));
        QTRY_COMPARE(panel.speed().markCount(), 1);
        QCOMPARE(panel.speed().graph(0)->dataCount(), 40);
        QCOMPARE(panel.series().marks()[0].number, 20);
    }

    void labelAtTheEdgeStandsOnTheOtherSide() {
        AnsweringPanel panel(10);
        panel.addEvents({expertsMove(10)});
        panel.addEvents(events(10, 88));
        panel.addEvents({expertsMove(98)});
        panel.addEvents(events(98, 2));
        QTRY_COMPARE(panel.speed().markCount(), 2);
        panel.speed().replot();
        int inside = 0;
        for (QCPLayerable* item : panel.speed().layer(u"labels"_s)->children()) {
            auto* label = qobject_cast<QCPItemText*>(item);
            QVERIFY(label);
            QVERIFY(label->right->pixelPosition().x() <= panel.speed().axisRect()->right() + 1);
            QVERIFY(label->left->pixelPosition().x() >= panel.speed().axisRect()->left() - 1);
            ++inside;
        }
        QCOMPARE(inside, 2);
    }

    void ticksAreWholeTokens() {
        AnsweringPanel panel(7);
        QTRY_VERIFY(panel.speed().graph(0)->dataCount() > 0);
        panel.speed().replot();
        for (const QString& tick : panel.speed().xAxis->tickVectorLabels())
            QVERIFY2(!tick.contains(QLocale().decimalPoint()), qPrintable(tick));
    }

    void sameThreadIsNotPlottedTwice() {
        InsightPanel panel;
        panel.show();
        const Conversation one = conversation({30});
        panel.showThread(one);
        const int generation = panel.series().generation();
        Conversation more = one;
        Message answer;
        answer.id = 99;
        answer.author = Author::Assistant;
        answer.parent = one.thread().last().id;
        answer.state = MessageState::Streaming;
        more.tree.append(answer);
        panel.showThread(more);
        panel.beginAnswer(99);
        panel.beginAnswer(99);
        panel.addEvents(events(0, 5));
        panel.showThread(more);
        QCOMPARE(panel.series().generation(), generation);
        QCOMPARE(panel.series().tokens().back().message, MessageId(99));
        QCOMPARE(panel.series().tokens().size(), std::size_t(35));
        Conversation other = conversation({30});
        other.summary.id = 8;
        panel.showThread(other);
        QVERIFY(panel.series().generation() != generation);
    }

    void oldTokensLeaveTheRing() {
        RunSeries series;
        series.begin(1);
        for (const RunEvent& event : events(0, RunSeries::kCapacity + 500))
            series.add(event, 0);
        QCOMPARE(static_cast<int>(series.tokens().size()), RunSeries::kCapacity);
        QCOMPARE(series.firstNumber(), 500);
    }

    void nothingIsPaintedWhileHidden() {
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.showThread(conversation({30}));
        QTRY_VERIFY(panel.speed().repaints() > 0);
        QTest::qWait(80); // what is queued is painted
        panel.hide();
        const int before = panel.speed().repaints();
        panel.beginAnswer(9);
        panel.addEvents(events(0, 200));
        QTest::qWait(120);
        QCOMPARE(panel.speed().repaints(), before);
        panel.show();
        QTRY_VERIFY(panel.speed().repaints() > before);
        QCOMPARE(panel.speed().graph(0)->dataCount(), 230);
    }

    void repaintsStayUnderThirtyASecond() {
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.beginAnswer(9);
        panel.addEvents(events(0, 1));
        QTRY_VERIFY(panel.speed().isVisible());
        QTest::qWait(60);
        const int before = panel.speed().repaints();
        QElapsedTimer timer;
        timer.start();
        for (int i = 0; i < 100; ++i) {
            panel.addEvents(events(1 + i * 3, 3));
            QTest::qWait(5);
        }
        const auto allowed = static_cast<int>(timer.elapsed() / 33) + 2;
        const int painted = panel.speed().repaints() - before;
        QVERIFY2(painted > 5 && painted <= allowed, qPrintable(u"%1 of %2"_s.arg(painted).arg(allowed)));
    }

    void clickFindsTheToken() {
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.showThread(conversation({40}));
        QSignalSpy found(&panel, &InsightPanel::tokenClicked);
        SpeedPlot& plot = panel.speed();
        QTRY_VERIFY(plot.axisRect()->width() > 100);
        const QPoint at(static_cast<int>(plot.xAxis->coordToPixel(25)), plot.axisRect()->center().y());
        QTest::mouseClick(&plot, Qt::LeftButton, {}, at);
        QCOMPARE(found.size(), 1);
        QCOMPARE(found[0][0].value<MessageId>(), MessageId(2));
        QVERIFY(std::abs(found[0][1].toInt() - 25) <= 1);
    }

    void wheelZoomsAndDoubleClickResets() {
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.showThread(conversation({200}));
        SpeedPlot& plot = panel.speed();
        QTRY_VERIFY(plot.axisRect()->width() > 100);
        const double all = plot.xAxis->range().size();
        const QPointF at = plot.axisRect()->center();
        QWheelEvent event(at, plot.mapToGlobal(at), {}, {0, 240}, Qt::NoButton, Qt::NoModifier,
                          Qt::NoScrollPhase, false);
        QApplication::sendEvent(&plot, &event);
        QVERIFY(plot.xAxis->range().size() < all);
        QVERIFY(plot.isZoomed());
        QTest::mouseDClick(&plot, Qt::LeftButton, {}, at.toPoint());
        QVERIFY(!plot.isZoomed());
        QCOMPARE(plot.xAxis->range().size(), all);
    }

    void plotsFollowTheTheme() {
        ThemeManager theme(*qApp);
        theme.setChoice(Theme::Light);
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.showThread(conversation({30}));
        QCOMPARE(panel.speed().graph(0)->pen().color(), lightColours().series[0]);
        theme.setChoice(Theme::Dark);
        QTRY_COMPARE(panel.speed().graph(0)->pen().color(), darkColours().series[0]);
        theme.setChoice(Theme::Light);
    }

    void exportsPngSvgAndCsv() {
        QTemporaryDir folder;
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.showThread(conversation({30}));
        for (LivePlot* plot :
             {static_cast<LivePlot*>(&panel.speed()), static_cast<LivePlot*>(&panel.memory())}) {
            const QString base = folder.filePath(plot->objectName());
            QCOMPARE(plot->exportTo(base + u".png"_s), QString());
            QVERIFY(!QImage(base + u".png"_s).isNull());
            QCOMPARE(plot->exportTo(base + u".svg"_s), QString());
            QFile svg(base + u".svg"_s);
            QVERIFY(svg.open(QIODevice::ReadOnly));
            QVERIFY(svg.readAll().contains("<svg"));
            QCOMPARE(plot->exportTo(base + u".csv"_s), QString());
            QFile csv(base + u".csv"_s);
            QVERIFY(csv.open(QIODevice::ReadOnly));
            const QByteArray table = csv.readAll();
            QCOMPARE(table.count('\n'), 31);
            QVERIFY2(table.split('\n')[0].endsWith(",temperature,top_p,experts_active,quant,kv"),
                     table.constData());
            QCOMPARE(table.split('\n')[30].count(','), table.split('\n')[0].count(','));
        }
        QVERIFY(panel.speed().exportTo(folder.filePath(u"none/x.csv"_s)).contains(u"none/x.csv"_s));
    }

    void memoryIsStackedAndNamesTheMachine() {
        InsightPanel panel;
        panel.resize(700, 240);
        panel.show();
        panel.setCurrentTab(1);
        panel.showThread(conversation({30}));
        MemoryPlot& plot = panel.memory();
        QTRY_COMPARE(plot.graph(0)->dataCount(), 30);
        const double weights = plot.graph(0)->dataMainValue(10), kv = plot.graph(1)->dataMainValue(10);
        QVERIFY(std::abs(weights - 100.0 / 1024) < 1e-9);
        QVERIFY(kv > weights);
        QVERIFY(plot.graph(2)->dataMainValue(10) > kv);
        plot.setMachine(16ull << 30, 4ull << 30);
        QVERIFY2(plot.machineText().contains(u"16"_s), qPrintable(plot.machineText()));
        QVERIFY2(plot.machineText().contains(u"4"_s), qPrintable(plot.machineText()));
    }
};

QTEST_MAIN(TestInsight)
#include "tst_insight.moc"
