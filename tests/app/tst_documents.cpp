// PDF and office files, read by a program of its own: their text, and what hostile ones come to.
#include "app/documents/sandbox.h"
#include "app/services/document_reader.h"
#include "tests/support/made_documents.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#ifdef Q_OS_LINUX
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <linux/landlock.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

using namespace Qt::StringLiterals;
using namespace switchyard;

#ifdef Q_OS_LINUX
namespace {

/// How a child process that gives up its rights before it does `work` ends: its exit code, or minus the
/// signal's number.
template <typename Work>
int endOfChild(const QByteArray& document, const Work& work) {
    const pid_t child = fork();
    if (child == 0) {
        std::signal(SIGABRT, SIG_DFL); // not the test's own
        giveUpRights(document.constData());
        _exit(work());
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        qFatal("no child");
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// The first of these, counted from 1, that is not refused; 0: all are.
int firstAllowed(const char* file, const char* made) {
    int tried = 0, first = 0;
    const auto refused = [&](long result) {
        ++tried;
        if (first == 0 && (result != -1 || errno != EACCES))
            first = tried;
    };
    refused(unlink(file));
    refused(rename(file, made));
    refused(truncate(file, 0));
    refused(link(file, made));
    refused(symlink(file, made)); // 5
    refused(mkdir(made, 0700));
    refused(chmod(file, 0777));
    refused(open(file, O_WRONLY));
    refused(open(file, O_RDONLY | O_TRUNC));
    refused(open(made, O_RDWR | O_CREAT, 0600)); // 10
    refused(kill(getppid(), 0));
    refused(syscall(SYS_tgkill, getppid(), getppid(), 0));
    refused(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr));
    refused(syscall(SYS_process_vm_writev, getppid(), nullptr, 0, nullptr, 0, 0));
    refused(syscall(SYS_io_uring_setup, 0, nullptr)); // 15
    refused(socket(AF_INET, SOCK_STREAM, 0));
    refused(socket(AF_UNIX, SOCK_STREAM, 0));
    refused(execl("/bin/true", "true", nullptr));
    const rlimit none{0, 0};
    refused(prlimit(getppid(), RLIMIT_CORE, &none, nullptr));
    refused(fork()); // 20
    return first;
}

bool kernelHasLandlock() {
    return syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 1;
}

} // namespace
#endif

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

    /// Of a reader that is this script.
    QString saidOf(const QByteArray& script, const DocumentLimits& limits = {},
                   const std::stop_token& stop = {}) const {
        const QString program = path(u"reader.sh"_s);
        QFile::remove(program);
        if (!writeFile(path(u"a.pdf"_s), pdf("hello")) || !writeFile(program, "#!/bin/sh\n" + script))
            return u"nothing is written"_s;
        QFile::setPermissions(program, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        return readDocument(program, path(u"a.pdf"_s), limits, stop).problem;
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
        QVERIFY2(saidOf("exec sleep 100", limits).contains(u"more time or memory"_s), "it goes on");
        QVERIFY2(saidOf("exec yes").contains(u"more text than"_s), "it says on");
        QVERIFY2(saidOf("kill -SEGV $$").contains(u"more time or memory"_s), "it was killed");
    }

    void onlyAProgramThatDoesNotStartIsMissing() {
        const QString missing = u"switchyard-read-document is missing"_s;
        QVERIFY(saidOf("exit 127").contains(missing));
        for (const char* code : {"1", "2", "9", "99"}) // a library ends it where its memory does
            QVERIFY2(saidOf(QByteArray("exit ") + code).contains(u"more time or memory"_s), code);
        QVERIFY(saidOf("exit 14").contains(u"is damaged"_s));
    }

    void oneThatIsStoppedHasNothingToSay() {
        std::stop_source stop;
        stop.request_stop();
        QCOMPARE(saidOf("exec sleep 100", {}, stop.get_token()), QString());
    }

#ifdef Q_OS_LINUX
    void itsReaderCanChangeNothingAndReachNobody() {
        if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0)
            QSKIP("this kernel filters no system calls");
        QVERIFY(writeFile(path(u"kept.txt"_s), "kept"));
        QVERIFY(writeFile(path(u"other.txt"_s), "secret"));
        const QByteArray kept = QFile::encodeName(path(u"kept.txt"_s)),
                         made = QFile::encodeName(path(u"made"_s)),
                         other = QFile::encodeName(path(u"other.txt"_s));
        QCOMPARE(endOfChild(kept, [&] { return firstAllowed(kept.constData(), made.constData()); }), 0);
        QVERIFY(!QFileInfo::exists(path(u"made"_s)));
        QCOMPARE(QFileInfo(path(u"kept.txt"_s)).size(), 4);
        QCOMPARE(endOfChild(kept, [&] { return open(kept.constData(), O_RDONLY) < 0 ? 1 : 0; }), 0);
        if (kernelHasLandlock())
            QCOMPARE(endOfChild(kept, [&] { return open(other.constData(), O_RDONLY) < 0 ? 0 : 1; }), 0);
        QCOMPARE(endOfChild(kept, []() -> int { std::abort(); }), -SIGABRT);
#ifdef __x86_64__
        QCOMPARE(endOfChild(kept, [] { return static_cast<int>(syscall(SYS_getuid | 0x40000000)); }),
                 -SIGSYS);
        QCOMPARE(endOfChild(kept,
                            [] { // as a program of 32 bits
                                long number = 20;
                                asm volatile("int $0x80" : "+a"(number) : : "memory");
                                return number < 0 ? 1 : 0;
                            }),
                 -SIGSYS);
#endif
    }
#endif

    void tabStopsAndShapesToldTwiceAreNoText() {
        const ReadDocument words = readWord(
            wordXml("<w:p><w:pPr><w:tabs><w:tab w:val=\"left\"/><w:tab/></w:tabs></w:pPr><w:r><w:t>a</w:t>"
                    "<w:tab/><w:t>b</w:t></w:r></w:p><w:p><w:r><m:AlternateContent xmlns:m=\"m\"><m:Choice>" +
                    wordParagraph("in a box") + "</m:Choice><m:Fallback>" + wordParagraph("in a box") +
                    "</m:Fallback></m:AlternateContent><w:t>c</w:t></w:r></w:p>"));
        QCOMPARE(words.text, u"a\tb\nin a box\nc\n"_s);
    }

    void slidesAndSheetsFollowTheirBook() {
        const QByteArray rels = "<Relationships><Relationship Id=\"r1\" Target=\"%1\"/><Relationship "
                                "Id=\"r2\" Target=\"%2\"/></Relationships>";
        const auto sheet = [](const QByteArray& word) {
            return "<ws><row><c r=\"A1\" t=\"str\"><v>" + word + "</v></c></row></ws>";
        };
        QVERIFY(writeArchive(
            path(u"b.xlsx"_s),
            {{"xl/workbook.xml", "<w xmlns:r=\"r\"><sheet name=\"Second made\" sheetId=\"2\" r:id=\"r2\"/>"
                                 "<sheet name=\"First made\" sheetId=\"1\" r:id=\"r1\"/></w>"},
             {"xl/_rels/workbook.xml.rels", QByteArray(rels)
                                                .replace("%1", "worksheets/sheet1.xml")
                                                .replace("%2", "/xl/worksheets/two.xml")},
             {"xl/worksheets/sheet1.xml", sheet("one")},
             {"xl/worksheets/two.xml", sheet("two")}}));
        QCOMPARE(read(path(u"b.xlsx"_s)).text, u"# Second made\ntwo\n# First made\none\n"_s);

        QVERIFY(writeArchive(
            path(u"b.pptx"_s),
            {{"ppt/presentation.xml", "<p xmlns:r=\"r\"><sldIdLst><sldId id=\"9\" r:id=\"r2\"/>"
                                      "<sldId id=\"8\" r:id=\"r1\"/></sldIdLst></p>"},
             {"ppt/_rels/presentation.xml.rels",
              QByteArray(rels).replace("%1", "slides/slide1.xml").replace("%2", "./slides/slide2.xml")},
             {"ppt/slides/slide1.xml", "<s xmlns:a=\"a\"><a:p><a:t>one</a:t></a:p></s>"},
             {"ppt/slides/slide2.xml", "<s xmlns:a=\"a\"><a:p><a:t>two</a:t></a:p></s>"}}));
        QCOMPARE(read(path(u"b.pptx"_s)).text, u"two\none\n"_s);
    }

    void cellsFarToTheRightAreLeftOut() {
        QVERIFY(writeArchive(
            path(u"wide.xlsx"_s),
            {{"xl/workbook.xml", "<w/>"},
             {"xl/worksheets/sheet1.xml", "<ws><row><c r=\"A1\"><v>1</v></c><c r=\"ALM1\"><v>2</v></c><c "
                                          "r=\"XFD1\"><v>3</v></c><c><v>4</v></c></row></ws>"}}));
        QCOMPARE(read(path(u"wide.xlsx"_s)).text, u"1\n"_s);
    }

    void aPipeOrNoFile() {
        QVERIFY(!read(path(u"none.pdf"_s)).problem.isEmpty());
        QVERIFY(readDocument({}, path(u"a.pdf"_s)).problem.contains(u"switchyard-read-document"_s));
        QVERIFY(
            readDocument(u"/no/such"_s, path(u"a.pdf"_s)).problem.contains(u"switchyard-read-document"_s));
    }
};

QTEST_GUILESS_MAIN(DocumentsTest)
#include "tst_documents.moc"
