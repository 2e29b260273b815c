// Work beside the window: in order, with results on the thread that asked, and an end that waits.
#include "app/services/background.h"

#include <QRegularExpression>
#include <QTest>
#include <QThread>

#include <atomic>
#include <chrono>
#include <latch>
#include <stdexcept>

using namespace switchyard;

namespace {

/// Until it is told to stop.
void workUntil(const std::stop_token& stop) {
    while (!stop.stop_requested())
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

} // namespace

class BackgroundTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void resultsComeBackInOrderOnTheThreadThatAsked() {
        Background background;
        QObject context;
        QList<int> results;
        std::atomic<bool> elsewhere = true;
        for (int i = 0; i < 50; ++i) {
            background.run(
                &context,
                [i, &elsewhere, here = QThread::currentThread()] {
                    elsewhere = elsewhere && QThread::currentThread() != here;
                    return i;
                },
                [&results, here = QThread::currentThread()](int result) {
                    QVERIFY(QThread::currentThread() == here);
                    results << result;
                });
        }
        QTRY_COMPARE(results.size(), 50);
        QVERIFY(elsewhere);
        for (int i = 0; i < 50; ++i)
            QCOMPARE(results[i], i);
    }

    void nobodyIsToldWhereTheOneThatAskedIsGone() {
        Background background;
        bool told = false;
        std::latch asked(1);
        {
            QObject context;
            background.run(
                &context,
                [&asked] {
                    asked.wait();
                    return 1;
                },
                [&told](int) { told = true; });
        }
        asked.count_down();
        bool next = false;
        QObject context;
        background.run(
            &context, [] { return 2; }, [&next](int) { next = true; });
        QTRY_VERIFY(next);
        QVERIFY(!told);
    }

    void theEndStopsWhatRunsAndDropsWhatWaits() {
        std::atomic<int> begun = 0, ended = 0;
        bool told = false;
        QObject context;
        {
            Background background;
            for (int i = 0; i < 3; ++i) {
                background.run(
                    &context,
                    [&](const std::stop_token& stop) {
                        ++begun;
                        workUntil(stop);
                        ++ended;
                        return 0;
                    },
                    [&told](int) { told = true; });
            }
            QTRY_COMPARE(begun.load(), 1);
        }
        QCOMPARE(ended.load(), 1); // waited for
        QCOMPARE(begun.load(), 1);
        QCoreApplication::processEvents();
        QVERIFY(!told);
    }

    void stopIsForTheJobUnderWayOnly() {
        Background background;
        QObject context;
        QList<bool> stopped;
        std::atomic<int> begun = 0;
        background.run(
            &context,
            [&](const std::stop_token& stop) {
                ++begun;
                workUntil(stop);
                return true;
            },
            [&](bool was) { stopped << was; });
        background.run(
            &context, [](const std::stop_token& stop) { return stop.stop_requested(); },
            [&](bool was) { stopped << was; });
        QTRY_COMPARE(begun.load(), 1);
        background.stop();
        QTRY_COMPARE(stopped, (QList<bool>{true, false}));
        background.stop(); // nothing runs
    }

    void aJobThatThrowsEndsNoOther() {
        Background background;
        QObject context;
        bool told = false, next = false;
        background.run(
            &context, []() -> int { throw std::runtime_error("on purpose"); }, [&told](int) { told = true; });
        background.post([] { throw std::bad_alloc(); });
        background.run(
            &context, [] { return 1; }, [&next](int) { next = true; });
        QTRY_VERIFY(next);
        QVERIFY(!told);
    }
};

QTEST_GUILESS_MAIN(BackgroundTest)
#include "tst_background.moc"
