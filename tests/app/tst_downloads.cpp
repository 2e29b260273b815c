// The queue of downloads: how many at once, what is paused, tried again and kept for the next start, and
// models of several files, which get their names together or not at all.
#include "download_fixture.h"

#include "app/services/hub/downloads_memory.h"
#include "app/services/hub/hub_token.h"
#include "tests/support/one_secret.h"

using namespace switchyard;
using namespace switchyard::test;
using namespace Qt::StringLiterals;

class DownloadsTest : public QObject, DownloadFixture {
    Q_OBJECT

  private Q_SLOTS:
    void init() { beginAnew(); }

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
