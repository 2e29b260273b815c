// Files in the composer: what they cost, and the text of documents, as far as the model is told it.
#include "tests/support/made_documents.h"
#include "tests/ui/chat_desk.h"

#include <QClipboard>
#include <QMimeData>
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
        QCOMPARE(desk.page->composer()->files().size(), 0);
        QCOMPARE(desk.page->composer()->text(), u"Look at this"_s);
    }
};

QTEST_MAIN(AttachedFilesTest)
#include "tst_attached_files.moc"
