// PDF and office files, read by a program of its own: their text, and what hostile ones come to.
#include "app/services/document_reader.h"
#include "tests/support/made_documents.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

using namespace Qt::StringLiterals;
using namespace switchyard;

class DocumentsTest : public QObject {
    Q_OBJECT
    QTemporaryDir folder_;

    QString path(const QString& name) const { return folder_.filePath(name); }
    static ReadDocument read(const QString& path, const DocumentLimits& limits = {}) {
        return readDocument(QStringLiteral(DOCUMENT_READER), path, limits);
    }
    /// Of a file with these bytes.
    ReadDocument readBytes(const QString& name, const QByteArray& bytes) const {
        return writeFile(path(name), bytes) ? read(path(name)) : ReadDocument();
    }
    ReadDocument readWord(const QByteArray& xml) const {
        return writeArchive(path(u"a.docx"_s), {{"word/document.xml", xml}}) ? read(path(u"a.docx"_s))
                                                                             : ReadDocument();
    }

  private Q_SLOTS:
    void theirTextIsRead() {
        const ReadDocument words =
            readWord(wordXml(wordParagraph("First &amp; only") + "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t>"
                                                                 "<w:delText>gone</w:delText></w:r></w:p>"));
        QCOMPARE(words.problem, QString());
        QCOMPARE(words.text, u"First & only\na\tb\n"_s);

        QVERIFY(writeArchive(
            path(u"a.odt"_s),
            {{"content.xml",
              "<o xmlns:text=\"t\" xmlns:office=\"o\"><text:h>Title</text:h><text:p>one<text:s text:c=\"3\"/>"
              "two<office:annotation><text:p>aside</text:p></office:annotation></text:p></o>"}}));
        QCOMPARE(read(path(u"a.odt"_s)).text, u"Title\none   two\n"_s);

        const QByteArray slide = "<s xmlns:a=\"a\"><a:p><a:r><a:t>%1</a:t></a:r></a:p></s>";
        QVERIFY(writeArchive(path(u"a.pptx"_s),
                             {{"ppt/presentation.xml", "<p/>"},
                              {"ppt/slides/slide10.xml", QByteArray(slide).replace("%1", "last")},
                              {"ppt/slides/slide2.xml", QByteArray(slide).replace("%1", "second")},
                              {"ppt/slides/slide1.xml", QByteArray(slide).replace("%1", "first")}}));
        QCOMPARE(read(path(u"a.pptx"_s)).text, u"first\nsecond\nlast\n"_s);

        QVERIFY(writeArchive(
            path(u"a.xlsx"_s),
            {{"xl/workbook.xml", "<w><sheets><sheet name=\"Sums\"/></sheets></w>"},
             {"xl/sharedStrings.xml",
              "<sst><si><t>apples</t></si><si><r><t>pe</t></r><r><t>ars</t></r></si></sst>"},
             {"xl/worksheets/sheet1.xml",
              "<ws><sheetData><row><c r=\"A1\" t=\"s\"><v>0</v></c><c r=\"C1\"><f>1+2</f><v>3</v></c></row>"
              "<row><c t=\"s\"><v>1</v></c><c "
              "t=\"inlineStr\"><is><t>here</t></is></c></row></sheetData></ws>"}}));
        QCOMPARE(read(path(u"a.xlsx"_s)).text, u"apples\t\t3\npears\there\n"_s);

        const ReadDocument page = readBytes(u"a.pdf"_s, pdf("Hello from a page"));
        QCOMPARE(page.problem, QString());
        QVERIFY2(page.text.contains(u"Hello from a page"_s), qPrintable(page.text));
    }

    void whyThereIsNone_data() {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QString>("said");
        const QByteArray key(32, 'x');
        QTest::newRow("encrypted PDF")
            << u"a.pdf"_s
            << pdf("secret", "/ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>] "
                             "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" +
                                 key.toHex() + "> /U <" + key.toHex() + "> >>")
            << u"is encrypted"_s;
        QTest::newRow("scanned") << u"a.pdf"_s << pdf("") << u"has no text"_s;
        QTest::newRow("damaged PDF") << u"a.pdf"_s << QByteArray("%PDF-1.4\nno more") << u"is damaged"_s;
        QTest::newRow("another file") << u"a.pdf"_s << QByteArray("GIF89a") << u"is no PDF"_s;
        QTest::newRow("empty") << u"a.docx"_s << QByteArray() << u"is damaged"_s;
        QTest::newRow("encrypted Word")
            << u"a.docx"_s << QByteArray("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1") << u"is encrypted"_s;
        QTest::newRow("no archive") << u"a.docx"_s << QByteArray("PK\x03\x04 and nothing behind")
                                    << u"is damaged"_s;
    }
    void whyThereIsNone() {
        QFETCH(QString, name);
        QFETCH(QByteArray, bytes);
        QFETCH(QString, said);
        const ReadDocument read = readBytes(name, bytes);
        QVERIFY2(read.problem.contains(said), qPrintable(read.problem));
        QVERIFY(read.problem.startsWith(name));
        QCOMPARE(read.text, QString());
    }

    void archivesOfOtherThings() {
        QVERIFY(writeArchive(path(u"a.docx"_s), {{"readme.txt", "hello"}}));
        QVERIFY(read(path(u"a.docx"_s)).problem.contains(u"is no PDF"_s));
        QVERIFY(writeArchive(path(u"a.odt"_s), {{"META-INF/manifest.xml", "<m><encryption-data/></m>"},
                                                {"content.xml", "\x01\x02"}}));
        QVERIFY(read(path(u"a.odt"_s)).problem.contains(u"is encrypted"_s));
        QVERIFY(readWord(wordXml("")).problem.contains(u"has no text"_s));
        QVERIFY(readWord("<w:document><w:p>").problem.contains(u"is damaged"_s));
    }

    void aTruncatedOneIsDamagedWhereverItEnds() {
        QVERIFY(writeArchive(path(u"whole.docx"_s),
                             {{"word/document.xml", wordXml(wordParagraph("hello").repeated(200))}}));
        QFile file(path(u"whole.docx"_s));
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QByteArray whole = file.readAll();
        for (const qsizetype size : {qsizetype{4}, whole.size() / 3, whole.size() / 2, whole.size() - 1}) {
            const ReadDocument read = readBytes(u"cut.docx"_s, whole.left(size));
            QVERIFY2(read.problem.contains(u"is damaged"_s), qPrintable(read.problem));
        }
        const QByteArray page = pdf("hello");
        for (qsizetype size = 10; size < page.size(); size += 97)
            QVERIFY(!readBytes(u"cut.pdf"_s, page.left(size)).problem.isEmpty() || size > 300);
    }

    void oneThatUnfoldsIsRefused() {
        constexpr qsizetype kLarge = 101 << 20;
        QVERIFY(writeArchive(path(u"bomb.docx"_s), {{"word/document.xml", QByteArray(kLarge, ' ')}}));
        QVERIFY(QFileInfo(path(u"bomb.docx"_s)).size() < 2 << 20);
        const ReadDocument read = DocumentsTest::read(path(u"bomb.docx"_s));
        QVERIFY2(read.problem.contains(u"more text than a message"_s), qPrintable(read.problem));
    }

    void moreTextThanWasAskedForIsRefused() {
        QVERIFY(
            writeArchive(path(u"long.docx"_s),
                         {{"word/document.xml", wordXml(wordParagraph("word word word").repeated(1000))}}));
        DocumentLimits limits;
        limits.text = 1000;
        QVERIFY(read(path(u"long.docx"_s), limits).problem.contains(u"more text than"_s));
        limits.text = 100'000;
        QVERIFY(read(path(u"long.docx"_s), limits).problem.isEmpty());
    }

    void entitiesAreNotUnfolded() {
        QByteArray laughs = "<?xml version=\"1.0\"?><!DOCTYPE d [<!ENTITY a0 \"ha\">";
        for (int i = 1; i < 30; ++i)
            laughs += "<!ENTITY a" + QByteArray::number(i) + " \"" +
                      ("&a" + QByteArray::number(i - 1) + ";").repeated(10) + "\">";
        laughs += "]><w:document xmlns:w=\"w\">" + wordParagraph("&a29;") + "</w:document>";
        QVERIFY(readWord(laughs).problem.contains(u"is damaged"_s));
        QVERIFY(
            readWord("<!DOCTYPE d [<!ENTITY f SYSTEM \"file:///etc/passwd\">]><w:document xmlns:w=\"w\">" +
                     wordParagraph("&f;") + "</w:document>")
                .problem.contains(u"is damaged"_s));
    }

    void deepOnesAreRead() {
        constexpr int kDeep = 200'000;
        const QByteArray deep = "<w:document xmlns:w=\"w\">" + QByteArray("<w:x>").repeated(kDeep) +
                                wordParagraph("here") + QByteArray("</w:x>").repeated(kDeep) +
                                "</w:document>";
        const ReadDocument read = readWord(deep);
        QVERIFY2(read.text == u"here\n"_s || !read.problem.isEmpty(), qPrintable(read.text.left(100)));
    }

    void aPdfOfPagesThatAreTheirOwnParents() {
        QByteArray circle = pdf("hello");
        circle.replace("/Kids [3 0 R] /Count 1", "/Kids [2 0 R] /Count 9");
        const ReadDocument read = readBytes(u"circle.pdf"_s, circle);
        QVERIFY2(!read.problem.isEmpty(), qPrintable(read.text));
    }

    void aReaderThatGetsNoMemoryOrTimeEndsAlone() {
        QVERIFY(writeFile(path(u"a.pdf"_s), pdf("hello")));
        DocumentLimits limits;
        limits.memory = 8 << 20; // not even the program itself
        QVERIFY(!read(path(u"a.pdf"_s), limits).problem.isEmpty());
        limits = {};
        limits.seconds = 0;
        const auto with = [&](const QByteArray& script) {
            const QString program = path(u"reader.sh"_s);
            QFile::remove(program);
            writeFile(program, "#!/bin/sh\n" + script);
            QFile::setPermissions(program, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
            return readDocument(program, path(u"a.pdf"_s), limits).problem;
        };
        QVERIFY2(with("exec sleep 100").contains(u"more time or memory"_s), "it goes on");
        limits.seconds = 40;
        QVERIFY2(with("exec yes").contains(u"more text than"_s), "it says on");
        QVERIFY2(with("kill -SEGV $$").contains(u"more time or memory"_s), "it was killed");
    }

    void aPipeOrNoFile() {
        QVERIFY(!read(path(u"none.pdf"_s)).problem.isEmpty());
        QVERIFY(readDocument({}, path(u"a.pdf"_s)).problem.contains(u"switchyard-read-document"_s));
        QVERIFY(
            readDocument(u"/bin/false"_s, path(u"a.pdf"_s)).problem.contains(u"switchyard-read-document"_s));
    }
};

QTEST_GUILESS_MAIN(DocumentsTest)
#include "tst_documents.moc"
