// Long work beside the chats: in order, with progress, stopped at once, and told how it ended.
#include "tiny_model.h"

#include "app/services/local_jobs.h"
#include "engine/base/error.h"
#include "engine/files/gguf.h"

#include <QElapsedTimer>
#include <QFileInfo>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <condition_variable>

using namespace switchyard;

namespace {

/// Work that goes on until it is let go or stopped.
struct Gate {
    void pass(const JobReport& report) {
        std::unique_lock lock(mutex);
        wake.wait(lock, report.stop, [this] { return open; });
        if (report.stop.stop_requested())
            throw Error("stopped");
    }
    void release() {
        const std::lock_guard lock(mutex);
        open = true;
        wake.notify_all();
    }
    std::mutex mutex;
    std::condition_variable_any wake;
    bool open = false;
};

} // namespace

class JobQueueTest : public QObject {
    Q_OBJECT
    QTemporaryDir folder_;

    QString tiny(const QString& name) const {
        const QString path = folder_.filePath(name);
        writeTinyModel(path.toStdString(), {0, 0, 512, 2, false});
        return path;
    }
    static JobTask task(const QString& name) { return CarveTask{name, name + QStringLiteral(".out")}; }

  private Q_SLOTS:
    void oneAtATimeInOrderWithProgress() {
        Gate gate;
        std::vector<QString> done;
        JobQueue jobs([&](const JobTask& task, const JobReport& report) {
            report.progress(0.5, QStringLiteral("half"));
            gate.pass(report);
            done.push_back(inputOf(task));
        });
        const JobId one = jobs.add(task(QStringLiteral("one"))), two = jobs.add(task(QStringLiteral("two")));
        QTRY_VERIFY(jobs.job(one)->share == 0.5);
        QCOMPARE(jobs.job(one)->stage, QStringLiteral("half"));
        QVERIFY(jobs.job(one)->state == JobState::Running);
        QVERIFY(jobs.job(two)->state == JobState::Waiting);
        gate.release();
        QTRY_VERIFY(jobs.job(two)->state == JobState::Done);
        QCOMPARE(done, (std::vector<QString>{QStringLiteral("one"), QStringLiteral("two")}));
        QCOMPARE(jobs.job(one)->share, 1.0);
        QVERIFY(!jobs.job(one)->read);
        jobs.markRead(one);
        QVERIFY(jobs.job(one)->read);
    }

    void cancelledWhileItWaitsAndWhileItRuns() {
        Gate gate;
        std::atomic<int> begun = 0;
        JobQueue jobs([&](const JobTask&, const JobReport& report) {
            ++begun;
            gate.pass(report);
        });
        const JobId one = jobs.add(task(QStringLiteral("one"))), two = jobs.add(task(QStringLiteral("two")));
        QTRY_COMPARE(begun.load(), 1);
        jobs.cancel(two);
        QVERIFY(jobs.job(two)->state == JobState::Cancelled);
        QElapsedTimer timer;
        timer.start();
        jobs.cancel(one);
        QTRY_VERIFY(jobs.job(one)->state == JobState::Cancelled);
        QVERIFY2(timer.elapsed() < 200, qPrintable(QString::number(timer.elapsed())));
        QTest::qWait(30);
        QCOMPARE(begun.load(), 1);
        jobs.cancel(one); // long gone: ignored
        jobs.cancel(4711);
    }

    void failuresAreSentencesAndTheNextGoesOn() {
        JobQueue jobs(localJobs(1));
        const JobId none = jobs.add(CarveTask{folder_.filePath(QStringLiteral("none.gguf")),
                                              folder_.filePath(QStringLiteral("carved.gguf"))});
        const JobId next = jobs.add(QuantizeTask{tiny(QStringLiteral("next.gguf")),
                                                 folder_.filePath(QStringLiteral("next-Q8_0.gguf"))});
        QTRY_VERIFY_WITH_TIMEOUT(jobs.job(next)->state == JobState::Done, 20000);
        QVERIFY(jobs.job(none)->state == JobState::Failed);
        QVERIFY2(jobs.job(none)->error.contains(QStringLiteral("none.gguf")),
                 qPrintable(jobs.job(none)->error));
    }

    void quantizesAFile() {
        JobQueue jobs(localJobs(1));
        const QString in = tiny(QStringLiteral("dense.gguf")),
                      out = folder_.filePath(QStringLiteral("q8.gguf"));
        const JobId id = jobs.add(QuantizeTask{in, out, BlockType::Q8_0});
        QTRY_VERIFY_WITH_TIMEOUT(jobs.job(id)->ended(), 20000);
        QVERIFY2(jobs.job(id)->state == JobState::Done, qPrintable(jobs.job(id)->error));
        QVERIFY(QFileInfo(out).size() < QFileInfo(in).size() / 2);
        const auto file = open_gguf(std::filesystem::path(out.toStdU16String()));
        QVERIFY(!file->tensors().empty());
    }

    void aCarveThatIsStoppedLeavesNothing() {
        JobQueue jobs(localJobs(1));
        const QString in = tiny(QStringLiteral("stop.gguf")),
                      out = folder_.filePath(QStringLiteral("no.gguf"));
        const JobId id = jobs.add(CarveTask{in, out});
        QTRY_VERIFY_WITH_TIMEOUT(!jobs.job(id)->stage.isEmpty() || jobs.job(id)->ended(), 20000);
        QVERIFY2(!jobs.job(id)->ended(), qPrintable(jobs.job(id)->error));
        jobs.cancel(id);
        QTRY_VERIFY(jobs.job(id)->ended());
        QVERIFY(jobs.job(id)->state == JobState::Cancelled);
        QVERIFY(!QFileInfo::exists(out));
    }

    void theEndOfTheProgramStopsWhatRuns() {
        Gate gate; // is never let go
        QElapsedTimer timer;
        {
            JobQueue jobs([&](const JobTask&, const JobReport& report) { gate.pass(report); });
            jobs.add(task(QStringLiteral("one")));
            jobs.add(task(QStringLiteral("two")));
            timer.start();
        }
        QVERIFY2(timer.elapsed() < 500, qPrintable(QString::number(timer.elapsed())));
    }

    void onlyTheLastThatEndedAreKept() {
        JobQueue jobs([](const JobTask&, const JobReport&) {});
        JobId last = 0;
        for (int i = 0; i < 50; ++i)
            last = jobs.add(task(QString::number(i)));
        QTRY_VERIFY(jobs.job(last)->state == JobState::Done);
        QCOMPARE(jobs.jobs().size(), 20);
        QVERIFY(!jobs.job(1));
    }
};

QTEST_GUILESS_MAIN(JobQueueTest)
#include "tst_job_queue.moc"
