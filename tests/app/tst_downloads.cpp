// Downloads from a server that behaves well, and from such as do not: every file that gets its name is whole
// and the announced one, and nothing else of the disk is touched.
#include "app/services/hub/downloads.h"
#include "app/services/hub/downloads_memory.h"
#include "app/services/hub/hub_token.h"
#include "app/services/hub/web_get.h"
#include "tests/support/one_secret.h"
#include "tests/support/self_signed.h"
#include "tests/support/wheels.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QSslServer>
#include <QSslSocket>
#include <QTemporaryDir>
#include <QTest>

using namespace switchyard;
using namespace switchyard::test;
using namespace Qt::StringLiterals;

namespace {

QByteArray someBytes(qsizetype count, int seed = 1) {
    QByteArray bytes(count, '\0');
    quint32 state = static_cast<quint32>(seed);
    for (char& byte : bytes) {
        state = state * 1664525U + 1013904223U;
        byte = static_cast<char>(state >> 24);
    }
    return "GGUF" + bytes.sliced(4);
}

void write(const QString& path, const QByteArray& bytes) {
    QFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
        qFatal("cannot write %s", qPrintable(path));
}

} // namespace

class DownloadsTest : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;
    const QByteArray body_ = someBytes(300'000);
    static constexpr const char* kTag = "\"one\"";

    static DownloadOptions options() {
        DownloadOptions options;
        options.rules.local_http = true;
        options.rules.first_pause = 1;
        options.rules.tries = 3;
        options.rules.token_host = u"127.0.0.1"_s;
        return options;
    }
    DownloadOrder order(const ScriptedServer& server, const QByteArray& sum = {}, quint64 bytes = 0) const {
        DownloadOrder order;
        order.name = u"a model"_s;
        order.folder = folder_->filePath(u"models"_s);
        order.files = {{server.url(u"/a.gguf"_s), u"a.gguf"_s, bytes, sum}};
        return order;
    }
    QString target() const { return folder_->filePath(u"models/a.gguf"_s); }
    QStringList there() const {
        return QDir(folder_->filePath(u"models"_s))
            .entryList(QDir::Files | QDir::Hidden | QDir::System, QDir::Name);
    }
    static void breakAt(ServerReply& reply, qint64 byte) {
        reply.length = reply.body.size();
        reply.break_at = byte;
    }
    static const Download& ended(Downloads& downloads, DownloadId id) {
        if (!QTest::qWaitFor([&] { return downloads.find(id)->ended(); }, 20'000))
            qFatal("it does not end");
        return *downloads.find(id);
    }

  private Q_SLOTS:
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void aWholeFileIsCheckedAndGetsItsName() {
        ScriptedServer server(
            [this](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        Downloads downloads(options());
        const Download& end = ended(downloads, downloads.add(order(server, sumOf(body_), 300'000)));
        QCOMPARE(end.error, QString());
        QCOMPARE(end.state, DownloadState::Done);
        QVERIFY(end.verified);
        QCOMPARE(end.done, 300'000U);
        QCOMPARE(readAll(target()), body_);
        QCOMPARE(there(), QStringList{u"a.gguf"_s});
        QVERIFY(!server.requests().first().headers.contains("authorization"));
        QVERIFY(!server.requests().first().headers.contains("cookie"));
    }

    void aBrokenConnectionIsGoneOnWithWhereItBroke() {
        int asked = 0;
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            if (++asked < 4) {
                breakAt(reply, 60'000);
            }
            return reply;
        });
        Downloads downloads(options());
        const Download& end = ended(downloads, downloads.add(order(server, sumOf(body_), 300'000)));
        QCOMPARE(end.error, QString());
        QCOMPARE(readAll(target()), body_);
        QCOMPARE(server.requests().size(), 4);
        QVERIFY(server.requests().last().from() > 100'000); // not from the beginning again
        QCOMPARE(server.requests().last().headers.value("if-range"), QByteArray(kTag));
    }

    /// The part is of this file only by the same ETag; by another, everything comes anew.
    void anotherFileUnderTheSameAddressIsFetchedFromItsBeginning() {
        const QByteArray other = someBytes(300'000, 2);
        int asked = 0;
        ScriptedServer server([&](const ServerRequest& request) {
            if (++asked > 1)
                return ScriptedServer::file(request, other, "\"two\"");
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            breakAt(reply, 100'000);
            return reply;
        });
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server))).error, QString());
        QCOMPARE(readAll(target()), other);
    }

    /// Servers that give a range with another ETag, from another byte, or of another size than was asked for.
    void aWrongRangeIsNotPutBehindWhatIsThere_data() {
        QTest::addColumn<QByteArray>("tag");
        QTest::addColumn<QByteArray>("range");
        QTest::newRow("ETag") << QByteArray("\"two\"") << QByteArray("bytes 100000-299999/300000");
        QTest::newRow("begin") << QByteArray(kTag) << QByteArray("bytes 99999-299999/300000");
        QTest::newRow("size") << QByteArray(kTag) << QByteArray("bytes 100000-299999/300001");
        QTest::newRow("end") << QByteArray(kTag) << QByteArray("bytes 100000-200000/300000");
        QTest::newRow("nonsense") << QByteArray(kTag) << QByteArray("bytes x-y/z");
        QTest::newRow("none") << QByteArray(kTag) << QByteArray();
    }
    void aWrongRangeIsNotPutBehindWhatIsThere() {
        QFETCH(QByteArray, tag);
        QFETCH(QByteArray, range);
        int asked = 0;
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file({request.path, {}}, body_, kTag);
            if (++asked == 1) {
                breakAt(reply, 100'000);
            } else if (request.from() > 0) {
                reply = {206, {{"ETag", tag}, {"Content-Range", range}}, body_.mid(request.from())};
            }
            return reply;
        });
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server, sumOf(body_)))).error, QString());
        QCOMPARE(readAll(target()), body_);
        QCOMPARE(server.requests().last().from(), 0);
    }

    void aServerThatIgnoresRangesStillGivesTheFile() {
        int asked = 0;
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file({request.path, {}}, body_, kTag);
            if (++asked == 1) {
                breakAt(reply, 100'000);
            }
            return reply;
        });
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server, sumOf(body_)))).error, QString());
        QCOMPARE(readAll(target()), body_);
    }

    void aConnectionThatKeepsBreakingIsGivenUpAndCanBeGoneOnWith() {
        bool broken = true;
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            if (broken) {
                breakAt(reply, request.from() > 0 ? 0 : 100'000);
            }
            return reply;
        });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server, sumOf(body_)));
        QCOMPARE(ended(downloads, id).state, DownloadState::Failed);
        QVERIFY(downloads.find(id)->error.contains(u"broke off"_s));
        QCOMPARE(there(), (QStringList{u"a.gguf.switchyard-part"_s, u"a.gguf.switchyard-part.json"_s}));
        broken = false;
        const qsizetype before = server.requests().size();
        downloads.resume(id);
        QCOMPARE(ended(downloads, id).error, QString());
        QCOMPARE(readAll(target()), body_);
        QVERIFY(server.requests()[before].from() > 0);
    }

    void wrongFilesAreRefusedAndRemoved_data() {
        QTest::addColumn<QByteArray>("sum");
        QTest::addColumn<quint64>("listed");
        QTest::addColumn<qint64>("said");
        QTest::addColumn<QString>("sentence");
        const QByteArray right = sumOf(body_);
        QTest::newRow("wrong SHA-256") << sumOf("x") << quint64(300'000) << qint64(-1) << u"SHA-256"_s;
        QTest::newRow("larger than listed") << right << quint64(200'000) << qint64(-1) << u"list says"_s;
        QTest::newRow("larger than listed, no length")
            << right << quint64(200'000) << qint64(-2) << u"sends more"_s;
        QTest::newRow("nothing known") << QByteArray() << quint64(0) << qint64(-2) << u"how large"_s;
    }
    void wrongFilesAreRefusedAndRemoved() {
        QFETCH(QByteArray, sum);
        QFETCH(quint64, listed);
        QFETCH(qint64, said);
        QFETCH(QString, sentence);
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            reply.length = said;
            return reply;
        });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server, sum, listed));
        QCOMPARE(ended(downloads, id).state, DownloadState::Failed);
        QVERIFY2(downloads.find(id)->error.contains(sentence), qPrintable(downloads.find(id)->error));
        QVERIFY(!QFile::exists(target()));
        downloads.cancel(id);
        QTRY_COMPARE(there(), QStringList());
    }

    void anEndlessBodyEnds() {
        ScriptedServer server([&](const ServerRequest&) {
            ServerReply reply{200, {}, body_};
            reply.length = -2;
            reply.endless = true;
            return reply;
        });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server, sumOf(body_), 1'000'000));
        QVERIFY(ended(downloads, id).error.contains(u"sends more"_s));
        QCOMPARE(there(), QStringList());
    }

    void redirectsAreFollowedToWhatMayBeAsked() {
        ScriptedServer server([&](const ServerRequest& request) {
            if (request.path == "/a.gguf")
                return ScriptedServer::redirect("/b.gguf");
            return ScriptedServer::file(request, body_, kTag);
        });
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server, sumOf(body_)))).error, QString());
        QCOMPARE(readAll(target()), body_);
    }

    void hostileRedirectsAreRefused_data() {
        QTest::addColumn<QByteArray>("to");
        QTest::newRow("loop") << QByteArray("/a.gguf");
        QTest::newRow("http elsewhere") << QByteArray("http://example.invalid/a.gguf");
        QTest::newRow("file") << QByteArray("file:///etc/passwd");
        QTest::newRow("data") << QByteArray("data:,text");
        QTest::newRow("user name") << QByteArray("https://somebody@example.invalid/a.gguf");
        QTest::newRow("nonsense") << QByteArray("http://[");
    }
    void hostileRedirectsAreRefused() {
        QFETCH(QByteArray, to);
        ScriptedServer server([&](const ServerRequest&) { return ScriptedServer::redirect(to); });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server));
        QCOMPARE(ended(downloads, id).state, DownloadState::Failed);
        QVERIFY2(downloads.find(id)->error.contains(u"another address"_s) ||
                     downloads.find(id)->error.contains(u"without end"_s),
                 qPrintable(downloads.find(id)->error));
        QVERIFY(server.requests().size() <= 6);
    }

    /// The token goes to the hub, and not to the host that it leads to: here another port, as another name
    /// for this machine is none that may be asked.
    void theTokenStaysWithTheHub() {
        ScriptedServer store(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        ScriptedServer hub([&](const ServerRequest& request) {
            if (request.path == "/a.gguf")
                return ScriptedServer::redirect("/b.gguf");
            return ScriptedServer::redirect(store.url(u"/c.gguf"_s).toEncoded());
        });
        QByteArray secret = "hf_secret";
        HubToken token(std::make_unique<OneSecret>(secret));
        token.ask();
        Downloads downloads(options());
        downloads.setToken(token);
        QCOMPARE(ended(downloads, downloads.add(order(hub, sumOf(body_)))).error, QString());
        QCOMPARE(hub.requests().size(), 2);
        for (const ServerRequest& request : hub.requests())
            QCOMPARE(request.headers.value("authorization"), QByteArray("Bearer hf_secret"));
        QVERIFY(!store.requests().first().headers.contains("authorization"));
    }
    void anotherHostNeverGetsTheToken() {
        ScriptedServer server(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        DownloadOptions others = options();
        others.rules.token_host = u"huggingface.co"_s;
        QByteArray secret = "hf_secret";
        HubToken token(std::make_unique<OneSecret>(secret));
        token.ask();
        Downloads downloads(others);
        downloads.setToken(token);
        QCOMPARE(ended(downloads, downloads.add(order(server))).error, QString());
        QVERIFY(!server.requests().first().headers.contains("authorization"));
    }
    /// What was begun in another program: the keyring is asked where the server wants to know who asks.
    void theTokenIsTakenWhenADownloadBegins_data() {
        QTest::addColumn<QByteArray>("kept");
        QTest::addColumn<bool>("well");
        QTest::newRow("in the keyring") << QByteArray("hf_secret") << true;
        QTest::newRow("nowhere") << QByteArray() << false;
        QTest::newRow("another") << QByteArray("hf_another") << false;
    }
    void theTokenIsTakenWhenADownloadBegins() {
        QFETCH(QByteArray, kept);
        QFETCH(bool, well);
        ScriptedServer server([&](const ServerRequest& request) {
            return request.headers.value("authorization") == "Bearer hf_secret"
                       ? ScriptedServer::file(request, body_, kTag)
                       : ServerReply{401, {}, "who?"};
        });
        DownloadOptions remembered = options();
        remembered.memory = folder_->filePath(u"downloads.json"_s);
        write(remembered.memory, writeOrders({{order(server, sumOf(body_)), {}}}));
        HubToken token(std::make_unique<OneSecret>(kept));
        Downloads downloads(remembered);
        downloads.setToken(token);
        downloads.remember();
        downloads.resume(1);
        QCOMPARE(ended(downloads, 1).state, well ? DownloadState::Done : DownloadState::Failed);
        QVERIFY(well || downloads.find(1)->error.contains(u"access token"_s));
        token.set("hf_secret");
        downloads.resume(1);
        QCOMPARE(ended(downloads, 1).error, QString());
        QCOMPARE(readAll(target()), body_);
        QVERIFY(!readAll(remembered.memory).contains("hf_"));
    }

    void theHubsOwnSumIsChecked() {
        QByteArray sum = sumOf(body_);
        ScriptedServer server([&](const ServerRequest& request) {
            if (request.path == "/b")
                return ScriptedServer::file(request, body_, kTag);
            ServerReply reply = ScriptedServer::redirect("/b");
            reply.headers.append({"X-Linked-ETag", '"' + sum + '"'});
            return reply;
        });
        Downloads downloads(options());
        QVERIFY(ended(downloads, downloads.add(order(server))).verified);
        QVERIFY(QFile::remove(target()));
        sum = sumOf("another");
        QVERIFY(ended(downloads, downloads.add(order(server))).error.contains(u"SHA-256"_s));
        QCOMPARE(there(), QStringList());
    }

    void onlyHttpsIsAsked() {
        ScriptedServer server(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        DownloadOptions strict = options();
        strict.rules.local_http = false;
        Downloads downloads(strict);
        const DownloadId id = downloads.add(order(server));
        QCOMPARE(downloads.find(id)->state, DownloadState::Failed); // at once
        QVERIFY(downloads.find(id)->error.contains(u"https"_s));
        QVERIFY(server.requests().isEmpty());
    }

    void aServerThatNobodyVouchesForIsNotTrusted() {
        if (!QSslSocket::supportsSsl())
            QSKIP("this Qt has no TLS");
        QSslServer server;
        server.setSslConfiguration(selfSigned());
        QVERIFY(server.listen(QHostAddress::LocalHost));
        DownloadOptions strict = options();
        strict.rules.local_http = false;
        Downloads downloads(strict);
        DownloadOrder order;
        order.name = u"a model"_s;
        order.folder = folder_->filePath(u"models"_s);
        order.files = {{QUrl(u"https://127.0.0.1:%1/a.gguf"_s.arg(server.serverPort())), u"a.gguf"_s}};
        const DownloadId id = downloads.add(order);
        QVERIFY2(ended(downloads, id).error.contains(u"not safe"_s), qPrintable(downloads.find(id)->error));
        QCOMPARE(there(), QStringList());
    }

    void hostileNamesAndPicklesAreRefused_data() {
        QTest::addColumn<QString>("name");
        const QStringList names{u"../../x.gguf"_s,
                                u"../x.gguf"_s,
                                u"/etc/x.gguf"_s,
                                u"a/b.gguf"_s,
                                u".hidden.gguf"_s,
                                u".."_s,
                                QString(),
                                u"a\0b.gguf"_s,
                                u"a\nb.gguf"_s,
                                QString(300, u'a') + u".gguf"_s,
                                u"model.bin"_s,
                                u"model.pt"_s,
                                u"model.pkl"_s,
                                u"run.sh"_s,
                                u"a\u202Efug.gguf"_s,
                                u"a\\b.gguf"_s};
        for (const QString& name : names)
            QTest::newRow(qPrintable(name.left(20))) << name;
    }
    void hostileNamesAndPicklesAreRefused() {
        QFETCH(QString, name);
        ScriptedServer server(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        Downloads downloads(options());
        DownloadOrder hostile = order(server);
        hostile.files.first().name = name;
        const DownloadId id = downloads.add(hostile);
        QCOMPARE(downloads.find(id)->state, DownloadState::Failed);
        QVERIFY(!downloads.find(id)->error.isEmpty());
        downloads.resume(id); // is no way around it
        QCOMPARE(downloads.find(id)->state, DownloadState::Failed);
        // Nor does taking it back remove what has nothing to do with it.
        QVERIFY(QDir().mkpath(folder_->filePath(u"models/a"_s)));
        for (const char* beside : {"x.gguf.switchyard-part", "models/a/b.gguf.switchyard-part"})
            write(folder_->filePath(QLatin1String(beside)), "mine");
        downloads.cancel(id);
        QTest::qWait(10);
        QVERIFY(QFile::exists(folder_->filePath(u"x.gguf.switchyard-part"_s)));
        QVERIFY(QFile::exists(folder_->filePath(u"models/a/b.gguf.switchyard-part"_s)));
        QVERIFY(server.requests().isEmpty());
    }

    /// A file that failed and is asked for anew is one download, not two.
    void oneThatFailedIsReplacedByItsNextTry() {
        bool there_now = false;
        ScriptedServer server([&](const ServerRequest& request) {
            return there_now ? ScriptedServer::file(request, body_, kTag) : ServerReply{404, {}, {}};
        });
        Downloads downloads(options());
        const DownloadId first = downloads.add(order(server));
        QCOMPARE(ended(downloads, first).state, DownloadState::Failed);
        there_now = true;
        const DownloadId second = downloads.add(order(server));
        QCOMPARE(downloads.find(first)->state, DownloadState::Cancelled);
        downloads.cancel(first);
        downloads.resume(first);
        QCOMPARE(ended(downloads, second).error, QString());
        QCOMPARE(readAll(target()), body_);
        QCOMPARE(downloads.find(first)->state, DownloadState::Cancelled);
    }

    /// Asked for again while it is paused, it is the same download, by the list of now.
    void oneThatIsPausedGoesOnWhereItIsAskedForAgain() {
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            reply.silent = request.path == "/old.gguf";
            return reply;
        });
        Downloads downloads(options());
        DownloadOrder old = order(server);
        old.files.first().url = server.url(u"/old.gguf"_s);
        const DownloadId id = downloads.add(old);
        downloads.pause(id);
        QCOMPARE(downloads.add(order(server)), id);
        QCOMPARE(downloads.all().size(), 1);
        QCOMPARE(ended(downloads, id).error, QString());
        QCOMPARE(readAll(target()), body_);
    }

    /// What another program calls its unfinished files is not ours, to go on with or to remove.
    void anotherProgramsPartStays() {
        ScriptedServer server(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        QVERIFY(QDir().mkpath(folder_->filePath(u"models"_s)));
        write(target() + u".part"_s, "mine");
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server, sumOf(body_)))).error, QString());
        QCOMPARE(readAll(target() + u".part"_s), QByteArray("mine"));
    }

    /// A file of known size may end with a connection that breaks off behind its last byte.
    void aConnectionThatBreaksBehindTheLastByteIsAsGoodAsAny() {
        ScriptedServer server([&](const ServerRequest&) {
            ServerReply reply{200, {{"Transfer-Encoding", "chunked"}}, {}};
            reply.length = -2;
            reply.body = QByteArray::number(body_.size(), 16) + "\r\n" + body_ + "\r\n";
            return reply; // and no last chunk
        });
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server, sumOf(body_), 300'000))).error, QString());
        QCOMPARE(readAll(target()), body_);
        QCOMPARE(server.requests().size(), 1);
    }

    /// Its size was not listed: the note has it from the server.
    void aWholePartOfUnknownSizeIsNotFetchedAgain() {
        bool named = false;
        ScriptedServer server([&](const ServerRequest& request) {
            if (!named && request.from() == 0) // its name is taken when it is to get it
                named = QDir().mkpath(target());
            return ScriptedServer::file(request, body_, kTag);
        });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server));
        QVERIFY(ended(downloads, id).error.contains(u"its name"_s));
        QVERIFY(QDir().rmdir(target()));
        downloads.resume(id);
        QCOMPARE(ended(downloads, id).error, QString());
        QCOMPARE(readAll(target()), body_);
        QCOMPARE(server.requests().size(), 1);
    }
    /// Where the note does not have it, the server says that there is nothing more.
    void nothingBehindWhatIsThereMeansThatItIsWhole() {
        ScriptedServer server([&](const ServerRequest& request) {
            if (request.from() < body_.size())
                return ScriptedServer::file(request, body_, kTag);
            return ServerReply{416, {{"Content-Range", "bytes */300000"}}, {}};
        });
        QVERIFY(QDir().mkpath(folder_->filePath(u"models"_s)));
        write(partOf(target()), body_);
        QByteArray note = "{'url':'" + order(server).files.first().url.toEncoded() +
                          "','etag':'\\'one\\'','sha256':'','bytes':'0'}";
        write(noteOf(target()), note.replace('\'', '"'));
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server))).error, QString());
        QCOMPARE(readAll(target()), body_);
        QCOMPARE(server.requests().size(), 1);
    }

    void whatIsNoModelLeavesThePartAlone_data() {
        QTest::addColumn<QByteArray>("type");
        QTest::addColumn<QByteArray>("answer");
        QTest::newRow("a page to sign in") << QByteArray("text/html") << QByteArray("<html>Sign in</html>");
        QTest::newRow("that says nothing of itself") << QByteArray() << QByteArray("<html>Sign in</html>");
        QTest::newRow("a short answer") << QByteArray() << QByteArray("no");
        QTest::newRow("nothing") << QByteArray() << QByteArray();
    }
    void whatIsNoModelLeavesThePartAlone() {
        QFETCH(QByteArray, type);
        QFETCH(QByteArray, answer);
        bool signed_in = true;
        ScriptedServer server([&](const ServerRequest& request) {
            if (!signed_in)
                return ServerReply{200, {{"Content-Type", type}}, answer};
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            if (request.from() == 0) {
                breakAt(reply, 200'000);
                signed_in = false;
            }
            return reply;
        });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server));
        QVERIFY(!ended(downloads, id).error.isEmpty());
        QVERIFY(!QFile::exists(target()));
        QVERIFY(QFile(partOf(target())).size() > 0);
        signed_in = true;
        downloads.resume(id);
        QCOMPARE(ended(downloads, id).error, QString());
        QCOMPARE(readAll(target()), body_);
        QVERIFY(server.requests().last().from() > 100'000);
    }

    /// Three files, and how far the end of a program let them get.
    void namesThatWereGivenAreGoneOnWith_data() {
        QTest::addColumn<int>("named");
        for (int named : {0, 1, 2, 3})
            QTest::addRow("%d", named) << named;
    }
    void namesThatWereGivenAreGoneOnWith() {
        QFETCH(int, named);
        const QList<QByteArray> bodies{someBytes(1000, 1), someBytes(2000, 2), someBytes(3000, 3)};
        ScriptedServer server([&](const ServerRequest& request) {
            return ScriptedServer::file(request, bodies[request.path.mid(1).toInt()], kTag);
        });
        DownloadOrder all = order(server);
        all.files.clear();
        QVERIFY(QDir().mkpath(all.folder));
        for (int i = 0; i < 3; ++i) {
            all.files.append({server.url(u"/%1"_s.arg(i)), u"m%1.gguf"_s.arg(i),
                              static_cast<quint64>(bodies[i].size()), sumOf(bodies[i])});
            if (i < named)
                write(all.targets().last(), bodies[i]);
        }
        Downloads downloads(options());
        const DownloadId id = downloads.add(all);
        QCOMPARE(ended(downloads, id).error, QString());
        QVERIFY(downloads.find(id)->verified);
        QCOMPARE(there(), (QStringList{u"m0.gguf"_s, u"m1.gguf"_s, u"m2.gguf"_s}));
        QCOMPARE(server.requests().size(), 3 - named);
        // Another file of that name and size stays.
        write(all.targets().last(), someBytes(3000, 4));
        QVERIFY(ended(downloads, downloads.add(all)).error.contains(u"not overwritten"_s));
        QCOMPARE(readAll(all.targets().last()), someBytes(3000, 4));
    }
    void allFilesGetTheirNamesOrNone() {
        const QByteArray second = someBytes(50'000, 5);
        DownloadOrder both;
        ScriptedServer server([&](const ServerRequest& request) {
            if (request.path == "/1")
                return ScriptedServer::file(request, body_, kTag);
            QDir().mkpath(both.targets().last()); // meanwhile somebody makes a folder of that name
            return ScriptedServer::file(request, second, kTag);
        });
        both = order(server);
        both.files = {{server.url(u"/1"_s), u"m1.gguf"_s, 300'000, sumOf(body_)},
                      {server.url(u"/2"_s), u"m2.gguf"_s, 50'000, sumOf(second)}};
        Downloads downloads(options());
        const DownloadId id = downloads.add(both);
        QVERIFY(ended(downloads, id).error.contains(u"its name"_s));
        QVERIFY(!QFile::exists(both.targets().first()));
        QVERIFY(QDir().rmdir(both.targets().last()));
        downloads.resume(id);
        QCOMPARE(ended(downloads, id).error, QString());
        QCOMPARE(there(), (QStringList{u"m1.gguf"_s, u"m2.gguf"_s}));
        QCOMPARE(server.requests().size(), 2);
    }

    /// The end of the program waits for what was asked for before it.
    void whatWasAskedForBeforeTheEndIsDone() {
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            breakAt(reply, request.from() > 0 ? 0 : 100'000);
            return reply;
        });
        DownloadOptions kept = options();
        kept.memory = folder_->filePath(u"downloads.json"_s);
        {
            Downloads downloads(kept);
            downloads.add(order(server));
        }
        QCOMPARE(readOrders(readAll(kept.memory), {}).size(), 1);
        {
            Downloads downloads(kept);
            QVERIFY(!ended(downloads, downloads.add(order(server))).error.isEmpty());
            QVERIFY(!there().isEmpty());
            downloads.cancel(1);
        }
        QCOMPARE(there(), QStringList());
        QVERIFY(readOrders(readAll(kept.memory), {}).isEmpty());
    }

    /// Of those that ended the oldest ends are forgotten, never the newest, nor what failed.
    void theOneThatEndedJustNowIsKept() {
        ScriptedServer server([&](const ServerRequest& request) {
            return request.path == "/none" ? ServerReply{404, {}, {}}
                                           : ScriptedServer::file(request, someBytes(100), kTag);
        });
        Downloads downloads(options());
        const auto add = [&](int number, const QString& path) {
            DownloadOrder one = order(server);
            one.files = {{server.url(path), u"%1.gguf"_s.arg(number)}};
            return downloads.add(one);
        };
        const DownloadId first = add(0, u"/x"_s);
        downloads.pause(first);
        const DownloadId failed = add(1, u"/none"_s);
        for (int i = 2; i < 23; ++i)
            add(i, u"/x"_s);
        QTRY_VERIFY(std::ranges::count(downloads.all(), DownloadState::Done, &Download::state) == 20);
        QTRY_COMPARE(downloads.all().last().state, DownloadState::Done);
        downloads.resume(first);
        QTRY_COMPARE(downloads.find(first) ? downloads.find(first)->state : DownloadState::Cancelled,
                     DownloadState::Done);
        QVERIFY(downloads.find(failed) && downloads.find(failed)->state == DownloadState::Failed);
        QCOMPARE(std::ranges::count(downloads.all(), DownloadState::Done, &Download::state), 20);
    }

    /// What one has still to write is not free for another.
    void twoAtOnceShareTheRoomOfTheDisk() {
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            reply.silent = request.path == "/slow";
            return reply;
        });
        DownloadOptions small = options();
        small.rules.free_space = [](const QString&) { return qint64(100'500'000); };
        Downloads downloads(small);
        DownloadOrder slow = order(server, {}, 300'000);
        slow.files = {{server.url(u"/slow"_s), u"slow.gguf"_s, 300'000}};
        const DownloadId first = downloads.add(slow), second = downloads.add(order(server, {}, 300'000));
        QVERIFY(ended(downloads, second).error.contains(u"make room"_s));
        downloads.cancel(first);
        downloads.resume(second);
        QCOMPARE(ended(downloads, second).error, QString());
    }

    void aSizeThatCannotBeIsRefused() {
        ScriptedServer server([&](const ServerRequest&) {
            return ServerReply{200, {{"Content-Length", "18446744073709551000"}}, body_, -2};
        });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server));
        QVERIFY(!ended(downloads, id).error.isEmpty());
        QCOMPARE(there(), QStringList());
    }

    /// Only weights have a sum: a model is checked where all of them are.
    void aModelIsCheckedByTheSumsOfItsWeights() {
        QByteArray weights = "12345678{" + QByteArray(100, ' ');
        ScriptedServer server([&](const ServerRequest& request) {
            return ScriptedServer::file(request, request.path == "/w" ? weights : QByteArray("{}"), kTag);
        });
        DownloadOrder model = order(server);
        model.files = {{server.url(u"/w"_s), u"w.safetensors"_s, 109, sumOf(weights)},
                       {server.url(u"/c"_s), u"config.json"_s, 2}};
        Downloads downloads(options());
        const Download& end = ended(downloads, downloads.add(model));
        QCOMPARE(end.error, QString());
        QVERIFY(end.verified);
    }

    /// A server that asks to wait is waited for.
    void aServerThatAsksToWaitIsAskedLater() {
        QElapsedTimer clock;
        ScriptedServer server([&](const ServerRequest& request) {
            if (clock.isValid())
                return ScriptedServer::file(request, body_, kTag);
            clock.start();
            return ServerReply{429, {{"Retry-After", "1"}}, {}};
        });
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server, sumOf(body_)))).error, QString());
        QVERIFY(clock.elapsed() >= 1000);
        QCOMPARE(options().rules.pause(1, retryAfter("99999999999")), 600'000);
        QCOMPARE(retryAfter("Wed, 21 Oct 2015 07:28:00 GMT"), 0);
        QCOMPARE(retryAfter("-5"), 0);
    }

    void nothingIsOverwritten() {
        ScriptedServer server(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        QVERIFY(QDir().mkpath(folder_->filePath(u"models"_s)));
        write(target(), "mine");
        Downloads downloads(options());
        QVERIFY(ended(downloads, downloads.add(order(server))).error.contains(u"not overwritten"_s));
        QCOMPARE(readAll(target()), QByteArray("mine"));
        QVERIFY(server.requests().isEmpty());
        // Nor what a link leads to.
        QVERIFY(QFile::remove(target()));
        const QString elsewhere = folder_->filePath(u"mine"_s);
        write(elsewhere, "mine");
        QVERIFY(QFile::link(elsewhere, partOf(target())));
        QVERIFY(ended(downloads, downloads.add(order(server))).error.contains(u"in the way"_s));
        QCOMPARE(readAll(elsewhere), QByteArray("mine"));
    }

    void aFullDiskIsSaidBeforeAndTheWayOnIsOpen() {
        std::atomic<qint64> free{100'200'000};
        ScriptedServer server(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        DownloadOptions small = options();
        small.rules.free_space = [&free](const QString&) { return free.load(); };
        Downloads downloads(small);
        const DownloadId id = downloads.add(order(server, sumOf(body_), 300'000));
        QVERIFY2(ended(downloads, id).error.contains(u"make room"_s), qPrintable(downloads.find(id)->error));
        QVERIFY(server.requests().isEmpty());
        free = 200'000'000;
        downloads.resume(id);
        QCOMPARE(ended(downloads, id).error, QString());
    }

    void errorsOfTheServerAreSentences_data() {
        QTest::addColumn<int>("status");
        QTest::addColumn<QString>("sentence");
        QTest::newRow("401") << 401 << u"access token"_s;
        QTest::newRow("403") << 403 << u"access token"_s;
        QTest::newRow("404") << 404 << u"no such"_s;
        QTest::newRow("429") << 429 << u"wait"_s;
        QTest::newRow("500") << 500 << u"500"_s;
        QTest::newRow("204") << 204 << u"204"_s;
    }
    void errorsOfTheServerAreSentences() {
        QFETCH(int, status);
        QFETCH(QString, sentence);
        ScriptedServer server([&](const ServerRequest&) { return ServerReply{status, {}, "no"}; });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server));
        QVERIFY2(ended(downloads, id).error.contains(sentence), qPrintable(downloads.find(id)->error));
        QVERIFY(!QFile::exists(target()));
    }

    void atMostThreeAtOnceAndEachIsPausedAndCancelledAlone() {
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            reply.silent = true;
            return reply;
        });
        Downloads downloads(options());
        QList<DownloadId> ids;
        for (int i = 0; i < 5; ++i) {
            DownloadOrder one = order(server, sumOf(body_));
            one.files.first().name = u"%1.gguf"_s.arg(i);
            ids.append(downloads.add(one));
        }
        const auto state = [&](int i) { return downloads.find(ids[i])->state; };
        QTRY_COMPARE(server.requests().size(), 3);
        QCOMPARE(state(2), DownloadState::Running);
        QCOMPARE(state(3), DownloadState::Waiting);
        downloads.pause(ids[0]);
        QCOMPARE(state(0), DownloadState::Paused);
        QCOMPARE(state(3), DownloadState::Running);
        downloads.cancel(ids[1]);
        QCOMPARE(state(1), DownloadState::Cancelled);
        QCOMPARE(state(4), DownloadState::Running);
        QTRY_VERIFY(!there().contains(partOf(u"1.gguf"_s)));
        QTRY_COMPARE(server.requests().size(), 5);
        server.setScript(
            [&](const ServerRequest& request) { return ScriptedServer::file(request, body_, kTag); });
        downloads.resume(ids[0]);
        QCOMPARE(state(0), DownloadState::Waiting);
        downloads.cancel(ids[2]);
        QCOMPARE(ended(downloads, ids[0]).state, DownloadState::Done);
        // The same file twice at once is refused.
        DownloadOrder twice = order(server);
        twice.files.first().name = u"3.gguf"_s;
        QVERIFY(downloads.find(downloads.add(twice))->error.contains(u"already"_s));
    }

    void aPausedOneGoesOnInAnotherProgram() {
        bool slowly = true;
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            reply.slowly = slowly;
            return reply;
        });
        {
            Downloads downloads(options());
            downloads.add(order(server, sumOf(body_), 300'000));
            QTRY_VERIFY(QFile(partOf(target())).size() > 10'000);
        } // the end of the program
        QVERIFY(!QFile::exists(target()));
        slowly = false;
        Downloads downloads(options());
        QCOMPARE(ended(downloads, downloads.add(order(server, sumOf(body_), 300'000))).error, QString());
        QCOMPARE(readAll(target()), body_);
        QVERIFY(server.requests().last().from() > 10'000);
    }

    /// A download that had not ended is there at the next start, paused, and asks nothing before it is told
    /// to.
    void whatHadNotEndedIsThereAtTheNextStart() {
        bool slowly = true;
        ScriptedServer server([&](const ServerRequest& request) {
            ServerReply reply = ScriptedServer::file(request, body_, kTag);
            reply.slowly = slowly;
            return reply;
        });
        DownloadOptions kept = options();
        kept.memory = folder_->filePath(u"downloads.json"_s);
        {
            Downloads downloads(kept);
            downloads.add(order(server, sumOf(body_), 300'000));
            QTRY_VERIFY(QFile(partOf(target())).size() > 10'000);
        }
        QVERIFY(!readAll(kept.memory).isEmpty());
        slowly = false;
        const qsizetype asked = server.requests().size();
        Downloads downloads(kept);
        downloads.remember();
        QCOMPARE(downloads.all().size(), 1);
        QCOMPARE(downloads.all().first().state, DownloadState::Paused);
        QVERIFY(downloads.all().first().done > 10'000);
        QCOMPARE(server.requests().size(), asked);
        downloads.resume(1);
        QCOMPARE(ended(downloads, 1).error, QString());
        QCOMPARE(readAll(target()), body_);
        QTRY_VERIFY(readOrders(readAll(kept.memory), {}).isEmpty());
        // What somebody else wrote there does no harm.
        for (const char* hostile :
             {"", "{", "[1,null,{}]", R"([{"folder":"relative","files":[{"name":"a.gguf"}]}])",
              R"([{"folder":"/tmp","files":[{"name":"../a.gguf"}]}])", R"([{"folder":"/tmp","known":"x"}])"})
            QVERIFY2(readOrders(hostile, {}).isEmpty(), hostile);
    }

    /// One that failed says why at the next start, too, until it is tried again.
    void whyOneFailedIsSaidAtTheNextStart() {
        bool there = false;
        ScriptedServer server([&](const ServerRequest& request) {
            return there ? ScriptedServer::file(request, body_, kTag) : ServerReply{404, {}, {}};
        });
        DownloadOptions kept = options();
        kept.memory = folder_->filePath(u"downloads.json"_s);
        QString why;
        {
            Downloads downloads(kept);
            why = ended(downloads, downloads.add(order(server, sumOf(body_), body_.size()))).error;
            QVERIFY(!why.isEmpty());
        }
        Downloads downloads(kept);
        downloads.remember();
        QCOMPARE(downloads.all().first().state, DownloadState::Failed);
        QCOMPARE(downloads.all().first().error, why);
        there = true;
        downloads.resume(1);
        QVERIFY(downloads.all().first().error.isEmpty());
        QCOMPARE(ended(downloads, 1).error, QString());
        QCOMPARE(readAll(target()), body_);
        QTRY_VERIFY(readOrders(readAll(kept.memory), {}).isEmpty());
        const QByteArray long_error = writeOrders({{order(server), QString(100'000, u'x')}});
        QVERIFY(readOrders(long_error, {}).first().error.size() <= 1000);
    }

    void theFilesOfAModelGetTheirNamesTogether() {
        const QByteArray second = someBytes(50'000, 5);
        bool whole = false;
        ScriptedServer server([&](const ServerRequest& request) {
            if (request.path == "/1")
                return ScriptedServer::file(request, body_, kTag);
            return whole ? ScriptedServer::file(request, second, kTag) : ServerReply{404, {}, {}};
        });
        DownloadOrder both = order(server);
        both.files = {{server.url(u"/1"_s), u"m-00001-of-00002.gguf"_s, 300'000, sumOf(body_)},
                      {server.url(u"/2"_s), u"m-00002-of-00002.gguf"_s, 50'000, sumOf(second)}};
        Downloads downloads(options());
        const DownloadId id = downloads.add(both);
        QCOMPARE(ended(downloads, id).state, DownloadState::Failed);
        for (const QString& name : there())
            QVERIFY2(name.contains(u".switchyard-part"_s), qPrintable(name));
        whole = true;
        downloads.resume(id);
        QCOMPARE(ended(downloads, id).error, QString());
        QCOMPARE(there(), (QStringList{u"m-00001-of-00002.gguf"_s, u"m-00002-of-00002.gguf"_s}));
        QCOMPARE(server.asked("/1"), 1); // it was whole
        QCOMPARE(downloads.find(id)->order.opens(), both.folder + u"/m-00001-of-00002.gguf"_s);
        // The folder is the user's, even where nothing is in it.
        whole = false;
        both.folder = folder_->filePath(u"others"_s);
        const DownloadId second_id = downloads.add(both);
        QVERIFY(!ended(downloads, second_id).error.isEmpty());
        downloads.cancel(second_id);
        QTRY_VERIFY(QDir(both.folder).isEmpty());
        QTest::qWait(20);
        QVERIFY(QDir(both.folder).exists());
    }

    // ---- Models of the table ----

    static PackageShop shopOf() { return PackageShop(someBytes(290'000, 3), 200'000); }
    DownloadOrder known(const PackageShop& shop) const {
        return orderOf(shop.model(), folder_->filePath(u"models"_s));
    }
    static DownloadOptions optionsFor(const ScriptedServer& server) {
        DownloadOptions with = options();
        with.package_index = server.url(u"/simple/"_s);
        return with;
    }

    void aModelIsJoinedFromItsPackages() {
        const PackageShop shop = shopOf();
        ScriptedServer server([&](const ServerRequest& request) { return shop.answer(request); });
        Downloads downloads(optionsFor(server));
        const DownloadId id = downloads.add(known(shop));
        QCOMPARE(ended(downloads, id).error, QString());
        QVERIFY(downloads.find(id)->verified);
        QCOMPARE(readAll(folder_->filePath(u"models/known.gguf"_s)), shop.first + shop.second);
        QCOMPARE(there(), QStringList{u"known.gguf"_s});
    }

    void aPackageThatIsThereIsNotFetchedAgain() {
        const PackageShop shop = shopOf();
        bool broken = true;
        ScriptedServer server([&](const ServerRequest& request) {
            return broken && request.path == "/w2" ? ServerReply{404, {}, {}} : shop.answer(request);
        });
        {
            Downloads downloads(optionsFor(server));
            QVERIFY(!ended(downloads, downloads.add(known(shop))).error.isEmpty());
        }
        broken = false;
        Downloads downloads(optionsFor(server));
        QCOMPARE(ended(downloads, downloads.add(known(shop))).error, QString());
        QCOMPARE(server.asked("/w1"), 1);
        QCOMPARE(readAll(folder_->filePath(u"models/known.gguf"_s)), shop.first + shop.second);
    }

    void aPackageIndexThatStumblesIsAskedAgain() {
        const PackageShop shop = shopOf();
        ScriptedServer server([&](const ServerRequest& request) {
            return server.asked(request.path) == 1 ? ServerReply{503, {}, {}} : shop.answer(request);
        });
        Downloads downloads(optionsFor(server));
        QCOMPARE(ended(downloads, downloads.add(known(shop))).error, QString());
        // What has its name already is known again, and another file of that name is left alone.
        const qsizetype asked = server.requests().size();
        const Download& again = ended(downloads, downloads.add(known(shop)));
        QCOMPARE(again.error, QString());
        QVERIFY(again.verified);
        QCOMPARE(server.requests().size(), asked);
        const QString path = folder_->filePath(u"models/known.gguf"_s);
        write(path, someBytes(290'000, 8));
        QVERIFY(ended(downloads, downloads.add(known(shop))).error.contains(u"not overwritten"_s));
        QCOMPARE(readAll(path), someBytes(290'000, 8));
    }

    void wrongPackagesAreRefused_data() {
        QTest::addColumn<QByteArray>("wheel");
        const QByteArray first = shopOf().first, other = someBytes(200'000, 9);
        QTest::newRow("another member") << wheelOf("a/one.bin", other, sumOf(other));
        QTest::newRow("RECORD lies") << wheelOf("a/one.bin", first, sumOf(other));
        QTest::newRow("member lies") << wheelOf("a/one.bin", other, sumOf(first));
        QTest::newRow("no member") << wheelOf("a/x.bin", first, sumOf(first));
        QTest::newRow("another size") << wheelOf("a/one.bin", first.left(1000), sumOf(first));
        QTest::newRow("no archive") << QByteArray(1000, 'x');
        QTest::newRow("cut off") << wheelOf("a/one.bin", first, sumOf(first)).left(100'000);
    }
    void wrongPackagesAreRefused() {
        QFETCH(QByteArray, wheel);
        PackageShop shop = shopOf();
        shop.wheels[0] = wheel;
        ScriptedServer server([&](const ServerRequest& request) { return shop.answer(request); });
        Downloads downloads(optionsFor(server));
        const DownloadId id = downloads.add(known(shop));
        QVERIFY2(ended(downloads, id).error.contains(u"not the expected one"_s),
                 qPrintable(downloads.find(id)->error));
        QVERIFY(!QFile::exists(folder_->filePath(u"models/known.gguf"_s)));
        downloads.cancel(id);
        QTRY_COMPARE(there(), QStringList());
    }

    void theTableOfTheProgramMakesSense() {
        QFile table(QStringLiteral(SWITCHYARD_TEST_DATA) + u"/../../resources/models.json"_s);
        QVERIFY(table.open(QIODevice::ReadOnly));
        const QList<KnownModel> models = readKnownModels(table.readAll());
        QCOMPARE(models.size(), 3);
        QCOMPARE(firstModel(models, 0)->id, u"default"_s);
        QCOMPARE(firstModel(models, 500'000'000)->id, u"small"_s);
        QCOMPARE(firstModel(models, 1000), nullptr);
        QVERIFY(readKnownModels("[1,2").isEmpty());
        QVERIFY(readKnownModels(R"({"models":[{"id":"x","file":"../x.gguf"},7,null]})").isEmpty());
    }
};

QTEST_GUILESS_MAIN(DownloadsTest)
#include "tst_downloads.moc"
