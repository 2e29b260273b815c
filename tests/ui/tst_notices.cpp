// What the user has to know stands in the window until it was read, whatever happens meanwhile.
#include "tests/app/store_fixture.h"
#include "tests/ui/desk.h"
#include "ui/chat/chat_page.h"
#include "ui/chat/toast.h"

#include <QFile>
#include <QLabel>
#include <QSlider>
#include <QTemporaryDir>
#include <QToolButton>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

/// Writes over some bytes of the chat file.
void damage(const QString& folder, qint64 from, qint64 bytes) {
    QFile file(folder + u"/chats.sqlite"_s);
    QVERIFY(file.open(QIODevice::ReadWrite));
    QVERIFY(file.seek(from));
    file.write(QByteArray(bytes, '\xa5'));
}

} // namespace

class NoticesTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void whyThePrecisionDidNotChangeStandsUntilItWasRead() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        Q_EMIT desk.answers.models.recodeProgress(desk.model.key(), 3, 211);
        Q_EMIT desk.answers.models.recodeFailed(desk.model.key(), u"a weight needs 6.0 MiB of memory"_s);
        auto* text = desk.find<QLabel>(u"banner.text"_s);
        QVERIFY(text->isVisible());
        QVERIFY2(text->text().contains(u"a weight needs 6.0 MiB of memory"_s), qPrintable(text->text()));
        for (const QLabel* label : desk.window->findChildren<QLabel*>())
            QVERIFY2(!label->isVisible() || !label->text().contains(u"re-encoding"_s),
                     qPrintable(label->text()));
    }

    void aPrecisionThatCouldNotBeHadIsNotNamed() {
        QTemporaryDir folder;
        Desk desk(folder.path());
        desk.load();
        FakeScript script = longAnswer(200);
        script.recode_seconds = 0.1;
        script.recode_error = u"a weight needs 6.0 MiB of memory"_s;
        desk.answers.setScript(script);
        auto* dial = desk.find<QLabel>(u"tune.quant.value"_s);
        auto* facts = desk.find<QLabel>(u"picker.facts"_s);
        const QString before = dial->text(), said = facts->text();
        auto* slider = desk.find<QSlider>(u"tune.quant.slider"_s);
        slider->setValue(0);
        QVERIFY(dial->text() != before && facts->text() != said);
        QTRY_VERIFY(desk.find<QLabel>(u"banner.text"_s)->isVisible());
        QCOMPARE(dial->text(), before);
        QCOMPARE(facts->text(), said);
        QVERIFY(desk.controller.tuning().model == ModelTuning());
    }

    void aDamagedFileIsToldUntilItWasRead_data() {
        QTest::addColumn<qint64>("from");
        QTest::addColumn<qint64>("bytes");
        QTest::addColumn<bool>("readable");
        QTest::newRow("the header") << qint64{0} << qint64{100} << false;
        QTest::newRow("its first word") << qint64{0} << qint64{16} << false;
        QTest::newRow("all of it") << qint64{0} << qint64{-1} << false;
        QTest::newRow("a third of it") << qint64{-1} << qint64{-1} << true;
    }
    void aDamagedFileIsToldUntilItWasRead() {
        QFETCH(qint64, from);
        QFETCH(qint64, bytes);
        QFETCH(bool, readable);
        QTemporaryDir folder;
        {
            ConversationStore store(folder.path());
            for (int i = 0; i < 60; ++i)
                chatWith(store, u"Chat %1"_s.arg(i), QString(500, u'x'));
            QTRY_COMPARE(store.unsaved(), 0);
        }
        const qint64 size = QFile(folder.filePath(u"chats.sqlite"_s)).size();
        // The last third: further in front lies a page of the names of the tables, without which nothing is
        // read.
        damage(folder.path(), from < 0 ? 2 * size / 3 : from,
               bytes >= 0 ? bytes
               : from < 0 ? size / 3
                          : size);

        Desk desk(folder.path(), longAnswer(2000));
        desk.load();
        desk.window->ask(u"Tell me something long."_s); // as --prompt does
        QTRY_VERIFY(desk.controller.busy());
        QTRY_VERIFY_WITH_TIMEOUT(!desk.controller.busy(), 10000);
        // Another thing to be said, and its time goes by.
        const MessageId question = desk.controller.conversation().thread().first().id;
        desk.controller.deleteMessage(question);
        auto* toast = desk.window->findChild<ChatPage*>()->toast();
        QTRY_VERIFY(toast->isVisible());
        toast->findChild<QToolButton*>(u"toastClose"_s)->click();

        auto* text = desk.find<QLabel>(u"banner.text"_s);
        QVERIFY(text->isVisible());
        QVERIFY2(text->text().contains(u"chats.2.sqlite"_s), qPrintable(text->text()));
        QVERIFY2(text->text().contains(u"What can be read of it is shown"_s) == readable,
                 qPrintable(text->text()));
        QCOMPARE(text->text().contains(u"Nothing of it could be read"_s), !readable);
        QCOMPARE(desk.controller.list().chats().size() > 1, readable);
        desk.action(u"page_models"_s)->trigger(); // over every page
        QVERIFY(text->isVisible());
        desk.find<QToolButton>(u"banner.close"_s)->click();
        QVERIFY(!text->isVisible());
    }
};

QTEST_MAIN(NoticesTest)
#include "tst_notices.moc"
