// Closing the window while chats are only in memory: it asks, waits, and ends.
#include "tests/ui/real_desk.h"

#include <QDir>
#include <QFile>
#include <QLabel>
#include <QMessageBox>
#include <QPushButton>
#include <QSignalSpy>
#include <QSqlDatabase>
#include <QSqlQuery>
#include <QTemporaryDir>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// Another program that holds the file of the chats.
class Holder {
  public:
    explicit Holder(const QString& folder) {
        db_ = QSqlDatabase::addDatabase(u"QSQLITE"_s, u"holder"_s);
        db_.setDatabaseName(folder + u"/chats.sqlite"_s);
        held_ = db_.open() && QSqlQuery(db_).exec(u"BEGIN EXCLUSIVE"_s);
    }
    ~Holder() {
        db_.close();
        db_ = {};
        QSqlDatabase::removeDatabase(u"holder"_s);
    }
    bool held() const { return held_; }

  private:
    QSqlDatabase db_;
    bool held_ = false;
};

int messagesIn(const QString& folder) {
    ConversationStore store(folder);
    int count = -1;
    store.list(&store, [&](const QList<ConversationSummary>& chats) {
        count = 0;
        for (const ConversationSummary& chat : chats)
            store.open(chat.id, &store,
                       [&](const Conversation& all) { count += static_cast<int>(all.thread().size()); });
    });
    QTest::qWait(500);
    return count;
}

} // namespace

class TestClosing : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void asksAboutWhatIsOnlyInMemory_data() {
        QTest::addColumn<QString>("button");
        for (const char* button : {"wait", "stay", "lose"})
            QTest::newRow(button) << QString::fromLatin1(button);
    }
    void asksAboutWhatIsOnlyInMemory() {
        QFETCH(QString, button);
        QTemporaryDir folder;
        {
            Desk desk(folder.path(), longAnswer(2000));
            desk.load();
            QTRY_COMPARE(desk.store.unsaved(), 0);
            auto holder = std::make_unique<Holder>(folder.path());
            QVERIFY(holder->held());
            QSignalSpy closed(desk.window.get(), &MainWindow::closed);
            QVERIFY(desk.controller.send(u"Tell me something long."_s));
            auto* line = desk.find<QLabel>(u"problemLine"_s);
            QTRY_VERIFY_WITH_TIMEOUT(line->isVisible(), 6000);
            QVERIFY2(line->text().contains(u"Another program"_s) && !line->text().contains(u"damaged"_s),
                     qPrintable(line->text()));
            QTRY_VERIFY_WITH_TIMEOUT(!desk.controller.busy(), 10000);
            QVERIFY(!desk.window->close());
            auto* question = desk.find<QMessageBox>(u"dialog.unsaved"_s);
            QVERIFY(question->isVisible());
            QVERIFY(question->informativeText().contains(u"Another program"_s));
            QTest::mouseClick(desk.find<QPushButton>(u"dialog.unsaved."_s + button), Qt::LeftButton);
            if (button == u"lose"_s) {
                QTRY_COMPARE(closed.count(), 1);
                QVERIFY(desk.store.unsaved() > 0);
            } else {
                QTest::qWait(1000);
                QCOMPARE(closed.count(), 0);
                QVERIFY(desk.window->isVisible());
                holder.reset();
                QTRY_COMPARE_WITH_TIMEOUT(desk.store.unsaved(), 0, 5000);
                QTest::qWait(200);
                QCOMPARE(closed.count(), button == u"wait"_s ? 1 : 0);
                QVERIFY(!line->isVisible());
            }
        }
        if (button != u"lose"_s)
            QCOMPARE(messagesIn(folder.path()), 2);
    }

    void asksAboutAFileThatWasTakenAway_data() {
        QTest::addColumn<QString>("button");
        for (const char* button : {"wait", "lose"})
            QTest::newRow(button) << QString::fromLatin1(button);
    }
    void asksAboutAFileThatWasTakenAway() {
        QFETCH(QString, button);
        QTemporaryDir folder;
        const QString data = folder.filePath(u"data"_s);
        {
            Desk desk(data, longAnswer(2000));
            desk.load();
            QVERIFY(desk.controller.send(u"Tell me something long."_s));
            QTRY_VERIFY_WITH_TIMEOUT(!desk.controller.busy(), 10000);
            QTRY_COMPARE(desk.store.unsaved(), 0);
            // The folder is gone, and none can be made in its place.
            QVERIFY(QDir(data).removeRecursively());
            QVERIFY(QFile(data).open(QIODevice::WriteOnly));
            QSignalSpy closed(desk.window.get(), &MainWindow::closed);
            auto* line = desk.find<QLabel>(u"problemLine"_s);
            QTRY_VERIFY_WITH_TIMEOUT(line->isVisible(), 8000); // without anything being written
            QVERIFY2(line->text().contains(u"taken away"_s), qPrintable(line->text()));
            QCOMPARE(desk.controller.conversation().thread().size(), 2);
            QVERIFY(!desk.window->close());
            auto* question = desk.find<QMessageBox>(u"dialog.unsaved"_s);
            QTest::mouseClick(desk.find<QPushButton>(u"dialog.unsaved."_s + button), Qt::LeftButton);
            QVERIFY(question);
            if (button == u"wait"_s) {
                QCOMPARE(closed.count(), 0);
                QVERIFY(QFile::remove(data));
                QTRY_COMPARE_WITH_TIMEOUT(closed.count(), 1, 12000);
            } else {
                QTRY_COMPARE(closed.count(), 1);
                QVERIFY(QFile::remove(data));
                return;
            }
        }
        QCOMPARE(messagesIn(data), 2);
    }

    void closingAtOnceComesBackWithTheQuestion() {
        QTemporaryDir folder;
        Desk desk(folder.path(), longAnswer(50));
        desk.load();
        QTRY_COMPARE(desk.store.unsaved(), 0);
        auto holder = std::make_unique<Holder>(folder.path());
        QSignalSpy closed(desk.window.get(), &MainWindow::closed);
        QVERIFY(desk.controller.send(u"Tell me something long."_s));
        desk.window->close(); // nobody knows yet that the file is held
        QTRY_VERIFY(desk.window->findChild<QMessageBox*>(u"dialog.unsaved"_s));
        QVERIFY(desk.window->isVisible());
        QCOMPARE(closed.count(), 0);
        holder.reset();
        QTRY_COMPARE_WITH_TIMEOUT(closed.count(), 1, 8000);
    }

    void withNothingUnsavedItEndsAtOnce() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        QTRY_COMPARE(desk.store.unsaved(), 0);
        QSignalSpy closed(desk.window.get(), &MainWindow::closed);
        QVERIFY(desk.window->close());
        QCOMPARE(closed.count(), 1);
    }

    void aTemplateThatSearchesALongTextEndsWithTheWindow() {
        ScriptedModel model = chatScript({"Yes"});
        model.chat_template = "{% if messages[0].content|length > 1000 %}{% for i in range(100000) %}"
                              "{% set x = messages[0].content | wordwrap(7) %}{% endfor %}{% endif %}";
        QTemporaryDir folder;
        QElapsedTimer timer;
        {
            RealDesk desk(folder.path(), written(folder, u"long"_s, model));
            desk.send(QString(u"xxxxxx "_s).repeated(57'000)); // words: a field lays them out quickly
            QTest::qWait(200); // it is being measured: the template takes seconds, and the answer as many
            timer.start();
            QSignalSpy closed(desk.window.get(), &MainWindow::closed);
            QVERIFY(desk.window->close());
            QTRY_COMPARE(closed.count(), 1);
        } // and with it the engine
        QVERIFY2(timer.elapsed() < 3000, qPrintable(QString::number(timer.elapsed())));
    }

    void theSystemIsNotAsked() {
        QTemporaryDir folder;
        Desk desk(folder.path(), longAnswer(50));
        desk.load();
        QTRY_COMPARE(desk.store.unsaved(), 0);
        const Holder holder(folder.path());
        QSignalSpy closed(desk.window.get(), &MainWindow::closed);
        QVERIFY(desk.controller.send(u"Tell me something long."_s));
        QElapsedTimer timer;
        timer.start();
        desk.window->closeForSystem();
        QTRY_COMPARE_WITH_TIMEOUT(closed.count(), 1, 12000);
        QVERIFY(timer.elapsed() > 5000);
        QVERIFY(!desk.window->findChild<QMessageBox*>(u"dialog.unsaved"_s));
    }

    void geometryIsWrittenWhenItChanges() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        QTest::qWait(600);
        const QByteArray before = desk.settings.get<Setting::Geometry>();
        QVERIFY(!before.isEmpty());
        desk.window->resize(1210, 740);
        QTRY_VERIFY(desk.settings.get<Setting::Geometry>() != before);
    }
};

QTEST_MAIN(TestClosing)
#include "tst_closing.moc"
