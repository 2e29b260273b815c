// Files from a server that behaves well, and from such as do not: every file that gets its name is whole and
// the announced one, and nothing else of the disk is touched.
#include "download_fixture.h"

#include "app/services/hub/web_get.h"
#include "tests/support/self_signed.h"

#include <QElapsedTimer>
#include <QSslServer>
#include <QSslSocket>

using namespace switchyard;
using namespace switchyard::test;
using namespace Qt::StringLiterals;

class FileFetchTest : public QObject, DownloadFixture {
    Q_OBJECT

  private Q_SLOTS:
    void init() { beginAnew(); }

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

    void aSizeThatCannotBeIsRefused() {
        ScriptedServer server([&](const ServerRequest&) {
            return ServerReply{200, {{"Content-Length", "18446744073709551000"}}, body_, -2};
        });
        Downloads downloads(options());
        const DownloadId id = downloads.add(order(server));
        QVERIFY(!ended(downloads, id).error.isEmpty());
        QCOMPARE(there(), QStringList());
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
};

QTEST_GUILESS_MAIN(FileFetchTest)
#include "tst_file_fetch.moc"
