// Long work in its one place in the window: what runs, its progress, cancel, and errors until they are read.
#include "tests/ui/desk.h"
#include "ui/jobs_panel.h"
#include "ui/language.h"

#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QTemporaryDir>
#include <QTranslator>

using namespace Qt::StringLiterals;
using namespace switchyard;

class JobsTest : public QObject {
    Q_OBJECT

    static FakeScript carving(double seconds, const QString& error = {}) {
        FakeScript script = longAnswer(200);
        script.carve_seconds = seconds;
        script.carve_error = error;
        script.capabilities = denseModel();
        return script;
    }
    static void begin(Desk& desk, const FakeScript& script) {
        desk.load(denseModel());
        desk.answers.setScript(script);
        desk.find<QPushButton>(u"carve.start"_s)->click();
    }
    static JobsPanel* open(Desk& desk) {
        QTest::mouseClick(desk.find<QToolButton>(u"status.jobs"_s), Qt::LeftButton);
        return desk.window->findChild<JobsPanel*>();
    }

  private Q_SLOTS:
    void initTestCase() { installLanguage(*qApp, u"en"_s); } // its plurals

    void whatRunsIsSaidAndCancelledInTheList() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        auto* button = desk.find<QToolButton>(u"status.jobs"_s);
        QVERIFY(!button->isVisible());
        begin(desk, carving(20));
        QTRY_VERIFY(button->isVisible() && button->text().contains(u"Carving"_s));
        JobsPanel* panel = open(desk);
        QVERIFY(panel->isVisible());
        auto* bar = panel->findChild<QProgressBar*>(u"jobs.1.progress"_s);
        QTRY_VERIFY(bar->isVisible() && bar->value() > 0);
        QVERIFY(desk.find<QProgressBar>(u"carve.progress"_s)->isVisible()); // the dial shows its job, too
        panel->findChild<QToolButton*>(u"jobs.1.cancel"_s)->click();
        QTRY_VERIFY(desk.answers.jobs.job(1)->state == JobState::Cancelled);
        QVERIFY(!bar->isVisible());
        QCOMPARE(panel->findChild<QLabel*>(u"jobs.1.state"_s)->text(), u"Stopped; nothing was written."_s);
        QCOMPARE(desk.find<QLabel>(u"carve.text"_s)->text(), u"Stopped; nothing was written."_s);
        QVERIFY(desk.find<QPushButton>(u"carve.start"_s)->isVisible());
        panel->close();
        QVERIFY(!button->isVisible()); // what was asked for is no news
    }

    void errorsStandUntilTheyAreRead() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        begin(desk, carving(0.05, u"No space is left."_s));
        auto* button = desk.find<QToolButton>(u"status.jobs"_s);
        QTRY_COMPARE(button->text(), u"1 job failed"_s);
        desk.answers.setScript(carving(0.05));
        desk.answers.jobs.add(QuantizeTask{u"/m/a.gguf"_s, u"/m/b.gguf"_s, BlockType::Q4_K});
        QTRY_VERIFY(desk.answers.jobs.job(2)->state == JobState::Done);
        QCOMPARE(button->text(), u"1 job failed"_s); // before all else
        JobsPanel* panel = open(desk);
        auto* said = panel->findChild<QLabel*>(u"jobs.1.state"_s);
        QCOMPARE(said->text(), u"No space is left."_s);
        QVERIFY(said->property("error").toBool());
        QCOMPARE(panel->findChild<QLabel*>(u"jobs.2.state"_s)->text(), u"Done: b.gguf"_s);
        QVERIFY(button->isVisible());
        panel->close();
        QVERIFY(!button->isVisible());
    }

    void inChinese() {
        installLanguage(*qApp, u"zh_CN"_s);
        {
            QTemporaryDir folder;
            Desk desk(folder.path());
            begin(desk, carving(20));
            JobsPanel* panel = nullptr;
            QTRY_VERIFY(desk.find<QToolButton>(u"status.jobs"_s)->isVisible());
            panel = open(desk);
            QTRY_VERIFY(panel->findChild<QLabel*>(u"jobs.1.state"_s)->text().contains(u"%"_s));
            for (const QLabel* label : panel->findChildren<QLabel*>())
                QVERIFY2(!label->text().contains(u"Carving"_s) && !label->text().contains(u"writing"_s),
                         qPrintable(label->text()));
            panel->close();
        }
        qDeleteAll(qApp->findChildren<QTranslator*>());
        installLanguage(*qApp, u"en"_s);
    }
};

QTEST_MAIN(JobsTest)
#include "tst_jobs.moc"
