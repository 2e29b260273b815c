// The hub's answers, good and hostile, and what is made of what a user types.
#include "app/services/hub/hub.h"
#include "app/services/hub/machine_room.h"
#include "tests/support/no_keyring.h"
#include "tests/support/one_secret.h"
#include "tests/support/scripted_server.h"

#include <QNetworkAccessManager>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

using namespace switchyard;
using namespace Qt::StringLiterals;

namespace {

/// JSON, written with single quotes.
QByteArray q(QByteArray json) { return json.replace('\'', '"'); }

const QByteArray kSum(64, 'a');
const QByteArray kCommit(40, 'c');

QByteArray fileRow(const QByteArray& path, qint64 size, bool lfs = true) {
    return q("{'type':'file','oid':'x','path':'") + path + q("','size':") + QByteArray::number(size) +
           (lfs ? q(",'lfs':{'oid':'") + kSum + q("','size':") + QByteArray::number(size) +
                      q(",'pointerSize':134}}")
                : QByteArray("}"));
}

} // namespace

class HubTest : public QObject {
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> folder_;
    std::unique_ptr<Settings> settings_;
    static WebRules rules() {
        WebRules rules;
        rules.local_http = true;
        return rules;
    }
    void use(const ScriptedServer& server) {
        settings_->set<Setting::HubAddress>(server.url(u"/"_s).toString());
    }

  private Q_SLOTS:
    void initTestCase() {
        qRegisterMetaType<QList<HubModel>>();
        qRegisterMetaType<HubListing>();
    }
    void init() {
        folder_ = std::make_unique<QTemporaryDir>();
        settings_ = std::make_unique<Settings>(folder_->filePath(u"s.ini"_s));
    }

    void searchFindsModels() {
        ScriptedServer server([](const ServerRequest&) {
            return ScriptedServer::json(
                q("[{'id':'Qwen/"
                  "Qwen3-0.6B-GGUF','downloads':12000,'likes':7,'gated':false,'tags':['gguf','license:apache-"
                  "2.0']},"
                  "                    {'id':'a/b','gated':'auto'},{'id':'../evil'},{'id':'x'},7,null]"));
        });
        use(server);
        Hub hub(*settings_, rules(), std::make_unique<NoKeyring>());
        QSignalSpy found(&hub, &Hub::found);
        hub.search(u"qwen 3 & more"_s);
        QTRY_COMPARE(found.size(), 1);
        const auto models = found[0][1].value<QList<HubModel>>();
        QCOMPARE(models.size(), 2);
        QCOMPARE(models[0].name, u"Qwen/Qwen3-0.6B-GGUF"_s);
        QCOMPARE(models[0].licence, u"apache-2.0"_s);
        QCOMPARE(models[0].downloads, 12000U);
        QVERIFY(!models[0].gated && models[1].gated);
        const QByteArray asked = server.requests().first().path;
        QVERIFY2(asked.startsWith("/api/models?search=qwen%203%20%26%20more&filter=gguf"), asked.constData());
    }

    void aModelsFilesAreListedByWhatTheyAre() {
        ScriptedServer server([](const ServerRequest& request) {
            if (request.path == "/api/models/a/b")
                return ScriptedServer::json(q("{'id':'a/b','sha':'") + kCommit +
                                            q("','tags':['license:mit'],'gguf':{'total':600000000,'"
                                              "architecture':'qwen3','context_length':40960}}"));
            return ScriptedServer::json(
                '[' + fileRow("m-q8_0.gguf", 900) + ',' + fileRow("m-Q4_K_M.gguf", 500) + ',' +
                fileRow("big/m-bf16-00002-of-00002.gguf", 70) + ',' +
                fileRow("big/m-bf16-00001-of-00002.gguf", 2000) + ',' +
                fileRow("lost-00002-of-00003.gguf", 70) + ',' + fileRow("mmproj-f16.gguf", 70) + ',' +
                fileRow("pytorch_model.bin", 70) + ',' + fileRow("README.md", 70, false) + ']');
        });
        use(server);
        Hub hub(*settings_, rules(), std::make_unique<NoKeyring>());
        QSignalSpy listed(&hub, &Hub::listed);
        hub.list(u"a/b"_s);
        QTRY_COMPARE(listed.size(), 1);
        const auto listing = listed[0][0].value<HubListing>();
        QCOMPARE(listing.parameters, 600'000'000U);
        QCOMPARE(listing.context, 40960);
        QCOMPARE(listing.files.size(), 3);
        QCOMPARE(listing.files[0].name, u"m-Q4_K_M.gguf"_s);
        QCOMPARE(listing.files[0].precision, u"Q4_K_M"_s);
        QVERIFY(listing.files[0].verifiable());
        QCOMPARE(listing.files[2].precision, u"BF16"_s);
        QCOMPARE(listing.files[2].bytes, 2070U);
        const DownloadOrder order = hub.order(listing, listing.files[2], u"/models"_s);
        QCOMPARE(order.files.size(), 2);
        QCOMPARE(order.files[0].name, u"m-bf16-00001-of-00002.gguf"_s);
        QCOMPARE(order.files[0].url,
                 server.url(u"/a/b/resolve/%1/big/m-bf16-00001-of-00002.gguf"_s.arg(QLatin1String(kCommit))));
        QCOMPARE(order.files[0].sha256, kSum);
        QCOMPARE(order.opens(), u"/models/m-bf16-00001-of-00002.gguf"_s);
    }

    /// A long list comes in pages, and a revision that was pasted is the one that is listed.
    void aLongListOfFilesIsFollowed() {
        ScriptedServer server([&](const ServerRequest& request) {
            if (request.path == "/api/models/a/b/revision/v2")
                return ScriptedServer::json(q("{'id':'a/b','sha':'") + kCommit + "\"}");
            ServerReply reply = ScriptedServer::json('[' + fileRow("second.gguf", 900) + ']');
            if (request.path.endsWith("?recursive=true")) {
                reply = ScriptedServer::json('[' + fileRow("first.gguf", 800) + ']');
                reply.headers += std::pair(QByteArray("Link"),
                                           QByteArray("</api/models/a/b/tree/x?cursor=1>; rel=\"next\""));
            } else { // a page that leads away, and so ends it
                reply.headers +=
                    std::pair(QByteArray("Link"), QByteArray("<https://example.org/next>; rel=\"next\""));
            }
            return reply;
        });
        use(server);
        Hub hub(*settings_, rules(), std::make_unique<NoKeyring>());
        const HubQuery query = hub.understand(server.url(u"/a/b/resolve/v2/c/first.gguf"_s).toString());
        QCOMPARE(query.revision, u"v2"_s);
        QCOMPARE(query.file, u"c/first.gguf"_s);
        QVERIFY(hub.understand(server.url(u"/a/b/tree/main"_s).toString()).revision.isEmpty());
        QSignalSpy listed(&hub, &Hub::listed);
        hub.list(query.text, query.revision);
        QTRY_COMPARE(listed.size(), 1);
        QCOMPARE(listed[0][0].value<HubListing>().files.size(), 2);
        QCOMPARE(server.requests().size(), 3);
    }
    void aListWithoutEndEnds() {
        ScriptedServer server([&](const ServerRequest& request) {
            if (request.path == "/api/models/a/b")
                return ScriptedServer::json(q("{'id':'a/b','sha':'") + kCommit + "\"}");
            ServerReply reply = ScriptedServer::json('[' + fileRow("m.gguf", 900) + ']');
            reply.headers += std::pair(QByteArray("Link"), QByteArray("</again>; rel=\"next\""));
            return reply;
        });
        use(server);
        Hub hub(*settings_, rules(), std::make_unique<NoKeyring>());
        QSignalSpy listed(&hub, &Hub::listed);
        hub.list(u"a/b"_s);
        QTRY_COMPARE(listed.size(), 1);
        QVERIFY(server.requests().size() < 30);
    }

    /// The keyring is asked where the hub wants to know who asks, and the question goes out once more.
    void whatTheHubGivesToSomeIsAskedForWithTheToken() {
        ScriptedServer server([](const ServerRequest& request) {
            return request.headers.value("authorization") == "Bearer hf_FromLastTime"
                       ? ScriptedServer::json(q("[{'id':'a/b'}]"))
                       : ServerReply{401, {}, {}};
        });
        use(server);
        WebRules with = rules();
        with.token_host = u"127.0.0.1"_s;
        QByteArray kept = "hf_FromLastTime";
        Hub hub(*settings_, with, std::make_unique<OneSecret>(kept));
        QSignalSpy found(&hub, &Hub::found), failed(&hub, &Hub::failed);
        hub.search(u"x"_s);
        QTRY_COMPARE(found.size(), 1);
        QCOMPARE(server.requests().size(), 2);
        Hub without(*settings_, with, std::make_unique<NoKeyring>());
        QSignalSpy refused(&without, &Hub::failed);
        without.search(u"x"_s);
        QTRY_COMPARE(refused.size(), 1);
        QVERIFY(refused[0][0].toString().contains(u"access token"_s));
        QCOMPARE(failed.size(), 0);
        QVERIFY(!without.busy());
    }

    /// A question may outlive what asks it by a turn of the event loop.
    void aQuestionMayEndAfterItsNetwork() {
        ScriptedServer server(
            [](const ServerRequest&) { return ServerReply{200, {}, {}, -1, -1, false, true}; });
        auto net = std::make_unique<QNetworkAccessManager>();
        const WebRules web = rules();
        WebGet get(*net, web, {server.url(u"/x"_s)});
        get.begin();
        QTRY_COMPARE(server.requests().size(), 1);
        net.reset();
        QCOMPARE(get.available(), 0);
        get.stop();
    }

    void aFolderOfWeightsIsOneModel() {
        const auto models = readTree(
            '[' + fileRow("config.json", 10, false) + ',' + fileRow("model-00001-of-00002.safetensors", 70) +
            ',' + fileRow("model-00002-of-00002.safetensors", 80) + ',' +
            fileRow("tokenizer.json", 30, false) + ',' + fileRow("onnx/model.safetensors", 1) + ',' +
            fileRow("pytorch_model.bin", 150) + ']');
        QVERIFY(models);
        QCOMPARE(models->size(), 1);
        QVERIFY(models->first().folder);
        QCOMPARE(models->first().bytes, 190U);
        QCOMPARE(models->first().files.size(), 4);
        QCOMPARE(models->first().files.last().name, u"config.json"_s);
    }

    void hostileAnswersAreRefused_data() {
        QTest::addColumn<QByteArray>("answer");
        QTest::newRow("nothing") << QByteArray();
        QTest::newRow("no JSON") << QByteArray("<html>Sign in</html>");
        QTest::newRow("cut off") << QByteArray(q("[{'id':'a/b"));
        QTest::newRow("object") << QByteArray(q("{'error':'no'}"));
        QTest::newRow("deep") << QByteArray(100'000, '[');
        QTest::newRow("wrong types") << QByteArray("12");
    }
    void hostileAnswersAreRefused() {
        QFETCH(QByteArray, answer);
        ScriptedServer server([&](const ServerRequest&) { return ScriptedServer::json(answer); });
        use(server);
        Hub hub(*settings_, rules(), std::make_unique<NoKeyring>());
        QSignalSpy failed(&hub, &Hub::failed);
        hub.search(u"x"_s);
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed[0][0].toString().contains(u"not understood"_s));
        hub.list(u"a/b"_s);
        QTRY_COMPARE(failed.size(), 2);
        QVERIFY(!hub.busy());
    }
    void hostileFieldsAreLeftOut() {
        QVERIFY(readModels(q("[{'id':5},{'id':'a/b','downloads':-5,'likes':1e300,'tags':'x','gated':{}}]"))
                    ->size() == 1);
        const auto tree = readTree(q("[{'type':'file','path':'../../"
                                     "x.gguf','size':5},{'type':'file','path':'a\\u0000b.gguf','size':5},"
                                     "            "
                                     "{'type':'directory','path':'d.gguf'},{'type':'file','path':'n.gguf','"
                                     "size':-1},{'type':'file','path':'e.gguf','size':1e300},"
                                     "            {'type':'file','path':'.gguf','size':1}]"));
        QVERIFY(tree);
        QCOMPARE(tree->size(), 1); // its last part is a plain name
        QCOMPARE(tree->first().files.first().name, u"x.gguf"_s);
        QVERIFY(!readModel(q("{'id':'a/b','sha':'../x'}")));
        QVERIFY(!readModel(q("{'id':'a/b/c','sha':'") + kCommit + "\"}"));
    }
    void anEndlessAnswerEnds() {
        ScriptedServer server([&](const ServerRequest&) {
            ServerReply reply{200, {}, QByteArray(1 << 20, ' ')};
            reply.length = -2;
            reply.endless = true;
            return reply;
        });
        use(server);
        Hub hub(*settings_, rules(), std::make_unique<NoKeyring>());
        QSignalSpy failed(&hub, &Hub::failed);
        hub.search(u"x"_s);
        QTRY_COMPARE_WITH_TIMEOUT(failed.size(), 1, 20'000);
        QVERIFY(failed[0][0].toString().contains(u"longer answer"_s));
    }
    void withoutANetworkItSaysSo() {
        ScriptedServer server([](const ServerRequest&) { return ServerReply(); });
        use(server);
        server.close();
        Hub hub(*settings_, rules(), std::make_unique<NoKeyring>());
        QSignalSpy failed(&hub, &Hub::failed);
        hub.search(u"x"_s);
        QTRY_COMPARE(failed.size(), 1);
        QVERIFY(failed[0][0].toString().contains(u"does not answer"_s));
    }

    void whatIsTypedIsUnderstood_data() {
        QTest::addColumn<QString>("typed");
        QTest::addColumn<int>("kind");
        QTest::addColumn<QString>("text");
        using Kind = HubQuery::Kind;
        const auto row = [](const char* typed, Kind kind, const char* text) {
            QTest::newRow(typed) << QString::fromUtf8(typed) << static_cast<int>(kind)
                                 << QString::fromUtf8(text);
        };
        row("", Kind::Nothing, "");
        row("  qwen3   moe ", Kind::Words, "qwen3 moe");
        row("Qwen/Qwen3-0.6B-GGUF", Kind::Name, "Qwen/Qwen3-0.6B-GGUF");
        row("https://huggingface.co/Qwen/Qwen3-0.6B-GGUF/tree/main", Kind::Name, "Qwen/Qwen3-0.6B-GGUF");
        row("https://huggingface.co/a/b/resolve/main/c/d.gguf", Kind::Name, "a/b");
        row("https://example.org/models/x.gguf", Kind::Address, "https://example.org/models/x.gguf");
        row("https://example.org/models/x.bin", Kind::Refused, "https://example.org/models/x.bin");
        row("http://example.org/x.gguf", Kind::Refused, "http://example.org/x.gguf");
        row("file:///etc/passwd", Kind::Refused, "file:///etc/passwd");
        row("../", Kind::Refused, "../");
        row("a/../b", Kind::Refused, "a/../b");
        row("/home/anna/model.gguf", Kind::Refused, "/home/anna/model.gguf");
        row("~/models", Kind::Refused, "~/models");
        row("?!", Kind::Refused, "?!");
        row("qwen2.5 0.5b", Kind::Words, "qwen2.5 0.5b");
        row("4-bit ../ no", Kind::Words, "4-bit ../ no");
        row("混合专家", Kind::Words, "混合专家");
    }
    void whatIsTypedIsUnderstood() {
        QFETCH(QString, typed);
        QFETCH(int, kind);
        QFETCH(QString, text);
        Hub hub(*settings_, {}, std::make_unique<NoKeyring>());
        const HubQuery query = hub.understand(typed);
        QCOMPARE(static_cast<int>(query.kind), kind);
        QCOMPARE(query.text, text);
        QCOMPARE(query.refusal.isEmpty(), query.kind != HubQuery::Kind::Refused);
    }

    void whatFitsThisMachineIsToldByItsSize() {
        MachineRoom room;
        QCOMPARE(room.fit(1), Fit::Unknown);
        room.ram_total = 32'000'000'000;
        room.ram_free = 20'000'000'000;
        QList<HubFile> files;
        for (const auto& [precision, bytes] :
             {std::pair(u"Q2_K"_s, 3'000'000'000ULL), std::pair(u"Q4_K_M"_s, 4'700'000'000ULL),
              std::pair(u"Q8_0"_s, 8'100'000'000ULL), std::pair(u"BF16"_s, 15'200'000'000ULL)}) {
            HubFile file;
            file.precision = precision;
            file.bytes = bytes;
            files.append(file);
        }
        QCOMPARE(room.fit(4'700'000'000), Fit::Memory);
        QCOMPARE(room.fit(25'000'000'000), Fit::Tight);
        QCOMPARE(room.fit(40'000'000'000), Fit::TooLarge);
        QCOMPARE(room.best(files), 1);
        room.card = u"A card"_s;
        room.card_free = 24'000'000'000;
        QCOMPARE(room.fit(4'700'000'000), Fit::Card);
        QCOMPARE(room.best(files), 2);
        room.card_free = 0;
        room.ram_total = room.ram_free = 4'500'000'000;
        QCOMPARE(room.best(files), 0);
        QCOMPARE(room.best(files.mid(2)), -1);
        // A speed is a range, and is not known of a mixture that does not say how much of it answers.
        room.ram_total = room.ram_free = 64'000'000'000;
        HubListing dense, mixture, unknown;
        dense.model.name = u"a/b-7B-GGUF"_s;
        dense.parameters = mixture.parameters = unknown.parameters = 7'000'000'000;
        mixture.model.name = u"a/b-7B-A1B-GGUF"_s;
        unknown.model.name = u"a/b-8x1B-GGUF"_s;
        QVERIFY(!room.speed(dense, files[1]).known()); // the memory was not measured
        room.bandwidth = 20e9;
        const SpeedRange slow = room.speed(dense, files[1]), quick = room.speed(mixture, files[1]);
        QVERIFY(slow.known() && slow.low > 0 && slow.low <= slow.high);
        QVERIFY(quick.low > slow.low && quick.high > slow.high);
        QVERIFY(!room.speed(unknown, files[1]).known());
    }

    void theTokenIsKeptByTheKeyringOrUntilTheEnd() {
        QByteArray kept = "hf_FromLastTime";
        HubToken token(std::make_unique<OneSecret>(kept));
        QVERIFY(token.value().isEmpty()); // it is read when it is wanted
        token.ask();
        QCOMPARE(token.value(), QByteArray("hf_FromLastTime"));
        token.set("hf_Another");
        QCOMPARE(kept, QByteArray("hf_Another"));
        QVERIFY(token.notKept().isEmpty());
        token.set({});
        QVERIFY(kept.isEmpty());
        // What was typed before the keyring answers is not undone by it, be it nothing.
        kept = "hf_Old12345";
        HubToken typed(std::make_unique<OneSecret>(kept));
        typed.set({});
        typed.ask();
        QVERIFY(typed.value().isEmpty() && typed.answered());
        kept = "not a token\r\nX-Header: 1";
        HubToken careful(std::make_unique<OneSecret>(kept));
        careful.ask();
        QVERIFY(careful.value().isEmpty());
        HubToken without(std::make_unique<NoKeyring>());
        without.set("hf_ForNow123");
        QTRY_VERIFY(!without.notKept().isEmpty());
        QCOMPARE(without.value(), QByteArray("hf_ForNow123"));
    }

    void aMirrorIsAHubByHttps() {
        Hub hub(*settings_, {}, std::make_unique<NoKeyring>());
        QCOMPARE(hub.base(), QUrl(u"https://huggingface.co/"_s));
        settings_->set<Setting::HubAddress>(u"https://hf-mirror.com"_s);
        QCOMPARE(hub.base(), QUrl(u"https://hf-mirror.com/"_s));
        settings_->set<Setting::HubAddress>(u"http://hf-mirror.com"_s);
        QCOMPARE(hub.base(), QUrl(u"https://huggingface.co/"_s));
        QVERIFY(!hub.baseRefusal(u"ftp://x"_s).isEmpty());
        QVERIFY(!hub.baseRefusal(u"https://x/?q"_s).isEmpty());
        QVERIFY(!hub.baseRefusal(u"hf-mirror.com"_s).isEmpty());
    }
};

QTEST_GUILESS_MAIN(HubTest)
#include "tst_hub.moc"
