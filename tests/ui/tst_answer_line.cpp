// The line under an answer: nothing but the answer's own record decides what it says.
#include "tests/ui/chat_desk.h"

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

FakeScript ofPrecision(const QString& precision) {
    FakeScript script = quickAnswer(u"An answer of some words."_s);
    script.capabilities.file_precision = precision;
    return script;
}

QString lineOf(const ChatDesk& desk, MessageId id) { return desk.page->thread()->content(id)->line; }

} // namespace

class AnswerLineTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void anotherModelDoesNotChangeIt_data() {
        QTest::addColumn<QString>("path");
        QTest::newRow("another file") << u"/models/other.gguf"_s;
        QTest::newRow("another file of the same name") << u"/elsewhere/fake.gguf"_s;
    }
    void anotherModelDoesNotChangeIt() {
        QFETCH(QString, path);
        QTemporaryDir folder;
        ConversationId chat = 0;
        MessageId old = 0;
        QString line;
        {
            ChatDesk desk(ofPrecision(u"Q5_0"_s), folder.path());
            chat = desk.chat(u"first"_s);
            old = desk.lastId();
            line = lineOf(desk, old);
            QVERIFY2(line.contains(u"Q5_0"_s), qPrintable(line));
            desk.answers.setScript(ofPrecision(u"F16"_s));
            desk.model.use(path);
            QTRY_COMPARE(desk.model.capabilities().model_path, path);
            QCOMPARE(lineOf(desk, old), line);
            desk.chat(u"second"_s);
            QVERIFY2(lineOf(desk, desk.lastId()).contains(u"F16"_s), qPrintable(lineOf(desk, desk.lastId())));
            QCOMPARE(lineOf(desk, old), line);
            desk.page->newChat();
            QVERIFY(desk.open(chat));
            QCOMPARE(lineOf(desk, old), line);
            QTRY_COMPARE(desk.store.unsaved(), 0);
        }
        // After a restart with another model, and before any is there.
        ChatDesk desk(ofPrecision(u"Q2_K"_s), folder.path(), false);
        QVERIFY(desk.open(chat));
        QCOMPARE(lineOf(desk, old), line);
        desk.model.use(u"fake.gguf"_s);
        QTRY_COMPARE(desk.model.state(), ModelState::Ready);
        desk.page->newChat();
        QVERIFY(desk.open(chat));
        QCOMPARE(lineOf(desk, old), line);
    }

    /// Records of before say nothing of their file's precision: they say so whatever is loaded.
    void anOldRecordStaysAsItIs() {
        RunRecord record;
        TokenRecord token;
        token.quant = "file";
        record.tokens = {token};
        const QString line = runLine(record);
        ChatDesk desk(ofPrecision(u"Q5_0"_s));
        QCOMPARE(runLine(record), line);
        QVERIFY2(line.contains(u"file's precision"_s), qPrintable(line));
    }
};

QTEST_MAIN(AnswerLineTest)
#include "tst_answer_line.moc"
