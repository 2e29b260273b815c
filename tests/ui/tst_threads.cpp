// Where the system gives no further thread the window says so, loses nothing, and goes on when it does.
#include "tests/app/store_fixture.h"
#include "tests/app/stranger.h"
#include "tests/engine/faults/injection.h"
#include "tests/ui/chat_desk.h"

#include "app/services/model_library.h"

#include <QApplication>
#include <QClipboard>
#include <QDir>
#include <QLabel>
#include <QMimeData>
#include <QUrl>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

constexpr std::int64_t kAll = 1'000'000;

} // namespace

class ThreadsTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void init() {
        if (!test::threads_can_fail())
            QSKIP("threads cannot be made to fail here");
    }
    void cleanup() { test::stop_failing(); }

    void chatsWaitForTheStoresThread() {
        QTemporaryDir folder;
        ConversationId id = 0;
        {
            test::fail_threads(0, kAll);
            ConversationStore store(folder.path());
            QSignalSpy problems(&store, &ConversationStore::problem);
            id = ConversationStore::newId();
            store.create(id, u"Chat"_s, {});
            store.append(messageOf(id, 0, Author::User, u"words"_s));
            QTRY_COMPARE(problems.count(), 1);
            QVERIFY(problems[0][0].toString().contains(u"thread"_s));
            QCOMPARE(problems[0][1].toBool(), false);
            QCOMPARE(store.unsaved(), 2);
            QVERIFY(test::stop_failing());
            QTRY_COMPARE_WITH_TIMEOUT(store.unsaved(), 0, 5000);
            QTRY_COMPARE(problems.count(), 2); // and takes it back
            QCOMPARE(problems[1][1].toBool(), true);
        }
        QCOMPARE(countIn(folder.filePath(u"chats.sqlite"_s), u"messages"_s), 1);
    }

    void withoutAThreadTheEndStoresThem() {
        QTemporaryDir folder;
        {
            test::fail_threads(0, kAll);
            ConversationStore store(folder.path());
            const ConversationId id = ConversationStore::newId();
            store.create(id, u"Chat"_s, {});
            store.append(messageOf(id, 0, Author::User, u"words"_s));
        }
        test::stop_failing();
        QCOMPARE(countIn(folder.filePath(u"chats.sqlite"_s), u"messages"_s), 1);
    }

    void aFileThatCannotBeReadNowIsSaid() {
        ChatDesk desk(quickAnswer(u"Read."_s));
        QFile file(desk.folder.filePath(u"notes.txt"_s));
        QVERIFY(file.open(QIODevice::WriteOnly) && file.write("the secret") > 0);
        file.close();
        const auto paste = [&] {
            auto* data = new QMimeData;
            data->setUrls({QUrl::fromLocalFile(file.fileName())});
            QApplication::clipboard()->setMimeData(data);
            QTest::keyClick(desk.page->composer()->edit(), Qt::Key_V, Qt::ControlModifier);
        };
        test::fail_threads(0, kAll);
        paste();
        auto* notice = desk.find<QLabel>(u"composerNotice"_s);
        QTRY_VERIFY(notice->isVisible());
        QVERIFY2(notice->text().contains(u"cannot be read now"_s), qPrintable(notice->text()));
        test::stop_failing();
        desk.type(u"Still here."_s);
        paste();
        QTRY_COMPARE(desk.page->composer()->files().size(), 1);
        desk.enter(); // and nothing waits for the file that was not read
        QVERIFY(desk.waitIdle());
        QCOMPARE(desk.thread().size(), 2);
    }

    void modelsAreLookedForLater() {
        QTemporaryDir folder;
        QVERIFY(QFile(folder.filePath(u"a.gguf"_s)).open(QIODevice::WriteOnly));
        QTest::ignoreMessage(QtWarningMsg, QRegularExpression(u"models are looked for later"_s));
        test::fail_threads(0, kAll);
        ModelLibrary library({std::make_shared<FolderModels>(QStringList{folder.path()})});
        test::stop_failing();
        QTRY_COMPARE_WITH_TIMEOUT(library.models().size(), 1, 5000);
    }

    void withoutAThreadForAnswersThereIsASentence() {
        test::fail_threads(0, 1);
        try {
            ScriptedServices answers;
            QFAIL("no thread failed");
        } catch (const std::exception& error) {
            QVERIFY(QString::fromUtf8(error.what()).contains(u"further thread"_s));
        }
    }
};

QTEST_MAIN(ThreadsTest)
#include "tst_threads.moc"
