// Files in the composer: what they cost, and the text of documents, as far as the model is told it.
#include "tests/support/made_documents.h"
#include "tests/ui/chat_desk.h"

#include <QClipboard>
#include <QMimeData>
#include <QStringEncoder>
#include <QUrl>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

struct FileDesk : ChatDesk {
    explicit FileDesk(const FakeScript& script = quickAnswer(u"Yes."_s)) : ChatDesk(script) {
        page->composer()->setDocumentProgram(QStringLiteral(DOCUMENT_READER));
    }
    QString path(const QString& name) const { return folder.filePath(name); }
    void paste(const QString& file) const {
        auto* data = new QMimeData;
        data->setUrls({QUrl::fromLocalFile(file)});
        QGuiApplication::clipboard()->setMimeData(data);
        QTest::keyClick(page->composer()->edit(), Qt::Key_V, Qt::ControlModifier);
    }
    QLabel* chip(int file) const { return find<QLabel>(u"fileLabel-%1"_s.arg(file)); }
    QString told() const { return answers.requests().back().turns.back().text; }
};

} // namespace

class AttachedFilesTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void eachSaysItsTokens() {
        FileDesk desk;
        QVERIFY(writeFile(desk.path(u"notes.txt"_s), "one two three four five"));
        desk.paste(desk.path(u"notes.txt"_s));
        QTRY_COMPARE(desk.page->composer()->files().size(), 1);
        QTRY_VERIFY2(desk.chip(0)->text().contains(u"5 tokens"_s), qPrintable(desk.chip(0)->text()));
        QVERIFY(desk.chip(0)->text().startsWith(u"notes.txt"_s));
        QVERIFY(!desk.chip(0)->property("error").toBool());
    }

    void oneThatTheModelCannotHoldIsSaidSo() {
        FakeScript script = quickAnswer(u"Yes."_s);
        script.capabilities.context = 100;
        FileDesk desk(script);
        QVERIFY(writeFile(desk.path(u"long.txt"_s), QByteArray("word ").repeated(300)));
        desk.paste(desk.path(u"long.txt"_s));
        QTRY_COMPARE(desk.page->composer()->files().size(), 1);
        QTRY_VERIFY2(desk.chip(0)->text().contains(u"more than the 100 that the model can hold"_s),
                     qPrintable(desk.chip(0)->text()));
        QVERIFY(desk.chip(0)->property("error").toBool());
    }

    void theTextOfADocumentIsTold() {
        FileDesk desk;
        QVERIFY(writeFile(desk.path(u"page.pdf"_s), pdf("Hello from a page")));
        desk.paste(desk.path(u"page.pdf"_s));
        QTRY_COMPARE(desk.page->composer()->files().size(), 1);
        QVERIFY(writeArchive(desk.path(u"letter.docx"_s),
                             {{"word/document.xml", wordXml(wordParagraph("Dear model,"))}}));
        desk.paste(desk.path(u"letter.docx"_s));
        QTRY_COMPARE(desk.page->composer()->files().size(), 2);
        desk.ask(u"What is it?"_s);
        QVERIFY(desk.waitIdle());
        QVERIFY2(desk.told().contains(u"page.pdf:\n```\nHello from a page"_s), qPrintable(desk.told()));
        QVERIFY2(desk.told().contains(u"letter.docx:\n```\nDear model,"_s), qPrintable(desk.told()));
    }

    void oneInAnotherEncodingIsTakenAndSaysAsWhatItWasRead() {
        FileDesk desk;
        QStringEncoder chinese("GB18030");
        QVERIFY(writeFile(desk.path(u"notes.txt"_s), chinese(u"专家混合模型"_s)));
        QVERIFY(writeFile(desk.path(u"letter.txt"_s), u"Viele Grüße"_s.toLatin1()));
        QVERIFY(writeFile(desk.path(u"plain.txt"_s), "plain"));
        for (const QString& name : {u"notes.txt"_s, u"letter.txt"_s, u"plain.txt"_s})
            desk.paste(desk.path(name));
        QTRY_COMPARE(desk.page->composer()->files().size(), 3);
        QTRY_VERIFY2(desk.chip(0)->text().contains(u"read as GB18030"_s), qPrintable(desk.chip(0)->text()));
        QVERIFY2(desk.chip(1)->text().contains(u"read as Latin-1"_s), qPrintable(desk.chip(1)->text()));
        QVERIFY(desk.chip(1)->toolTip().contains(u"save the file as UTF-8"_s));
        QVERIFY2(!desk.chip(2)->text().contains(u"read as"_s), qPrintable(desk.chip(2)->text()));
        desk.ask(u"What do they say?"_s);
        QVERIFY(desk.waitIdle());
        QVERIFY2(desk.told().contains(u"专家混合模型"_s), qPrintable(desk.told()));
        QVERIFY2(desk.told().contains(u"Viele Grüße"_s), qPrintable(desk.told()));
    }

    void aChatThatIsLeftAndOpenedAgainStillWaitsForItsFile() {
        FileDesk desk;
        const ConversationId first = desk.chat(u"First"_s);
        const ConversationId second = (desk.page->newChat(), desk.chat(u"Second"_s));
        QVERIFY(desk.open(first));
        QVERIFY(writeFile(desk.path(u"slow.sh"_s), "#!/bin/sh\nuntil [ -e \"$1.go\" ]; do sleep 0.02; done\n"
                                                   "echo what it says\n"));
        QFile::setPermissions(desk.path(u"slow.sh"_s), QFile::ReadOwner | QFile::ExeOwner);
        desk.page->composer()->setDocumentProgram(desk.path(u"slow.sh"_s));
        QVERIFY(writeFile(desk.path(u"page.pdf"_s), pdf("Hello")));
        desk.paste(desk.path(u"page.pdf"_s));
        QVERIFY(desk.open(second));
        QVERIFY(desk.open(first));
        desk.ask(u"What is it?"_s);
        QTest::qWait(50);
        QCOMPARE(desk.page->composer()->text(), u"What is it?"_s); // it waits
        QVERIFY(writeFile(desk.path(u"page.pdf.go"_s), "x"));
        QTRY_COMPARE(desk.thread().size(), 4);
        QVERIFY(desk.waitIdle());
        QVERIFY2(desk.told().contains(u"what it says"_s), qPrintable(desk.told()));
    }

    void whatCannotBeReadIsSaidAndTheMessageStays() {
        FileDesk desk;
        desk.type(u"Look at this"_s);
        QVERIFY(writeFile(desk.path(u"scan.pdf"_s), pdf("")));
        desk.paste(desk.path(u"scan.pdf"_s));
        auto* notice = desk.find<QLabel>(u"composerNotice"_s);
        QTRY_VERIFY2(notice->isVisible() && notice->text().contains(u"scan.pdf has no text"_s),
                     qPrintable(notice->text()));
        QVERIFY(writeFile(desk.path(u"old.doc"_s), "\xD0\xCF\x11\xE0"));
        desk.paste(desk.path(u"old.doc"_s));
        QTRY_VERIFY2(notice->text().contains(u"save it as DOCX"_s), qPrintable(notice->text()));
        QVERIFY(writeFile(desk.path(u"russian.txt"_s), "\xD7\xF2\xEE \xFD\xF2\xEE?"));
        desk.paste(desk.path(u"russian.txt"_s));
        QTRY_VERIFY2(notice->text().contains(u"russian.txt is written in an encoding"_s),
                     qPrintable(notice->text()));
        QVERIFY(notice->text().contains(u"save it as UTF-8"_s));
        QVERIFY(writeFile(desk.path(u"picture.png"_s), QByteArrayLiteral("\x89PNG\r\n\x1a\n\0\0\0\r")));
        desk.paste(desk.path(u"picture.png"_s));
        QTRY_VERIFY2(notice->text().contains(u"picture.png is not a text file"_s),
                     qPrintable(notice->text()));
        for (const char* blank : {"", " \n\t", "\xEF\xBB\xBF"}) {
            QVERIFY(writeFile(desk.path(u"blank.txt"_s), blank));
            desk.paste(desk.path(u"blank.txt"_s));
            QTRY_COMPARE(notice->text(), u"There is no text in blank.txt."_s);
        }
        QCOMPARE(desk.page->composer()->files().size(), 0);
        QCOMPARE(desk.page->composer()->text(), u"Look at this"_s);
        // What can be read is the answer to that.
        QVERIFY(writeFile(desk.path(u"notes.txt"_s), "one two"));
        desk.paste(desk.path(u"notes.txt"_s));
        QTRY_COMPARE(desk.page->composer()->files().size(), 1);
        QTRY_VERIFY(!notice->isVisible());
    }

    void theLastOneIsInSight() {
        FileDesk desk;
        for (int i = 0; i < 7; ++i) {
            const QString path = desk.path(u"file %1.txt"_s.arg(i));
            QVERIFY(writeFile(path, "some words"));
            desk.paste(path);
            QTRY_COMPARE(desk.page->composer()->files().size(), i + 1);
            QTRY_VERIFY2(!desk.chip(i)->visibleRegion().isEmpty(), qPrintable(path));
        }
        QTRY_VERIFY(desk.chip(0)->visibleRegion().isEmpty()); // when the rows have settled
    }
};

QTEST_MAIN(AttachedFilesTest)
#include "tst_attached_files.moc"
