// The stores of other programs: their models under the names that their users know, and whatever is broken in
// them costs nothing.
#include "app/services/model_library.h"
#include "app/services/model_stores.h"
#include "tests/app/tiny_model.h"

#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

using namespace Qt::StringLiterals;
using namespace switchyard;

namespace {

const QString kDigest = QString(64, u'a');

/// A store in a folder of its own.
struct Store {
    QString at(const QString& path) const { return folder.filePath(path); }
    void write(const QString& path, const QByteArray& bytes) const {
        QDir().mkpath(QFileInfo(at(path)).path());
        QFile file(at(path));
        if (!file.open(QIODevice::WriteOnly) || file.write(bytes) != bytes.size())
            qFatal("cannot write %s", qPrintable(path));
    }
    void model(const QString& path) const {
        QDir().mkpath(QFileInfo(at(path)).path());
        writeTinyModel(at(path).toStdString());
    }
    void link(const QString& path, const QString& target) const {
        QDir().mkpath(QFileInfo(at(path)).path());
        if (!QFile::link(target, at(path)))
            qFatal("cannot link %s", qPrintable(path));
    }
    void manifest(const QString& place, const QString& digest) const {
        write(u"manifests/"_s + place,
              u"{\"schemaVersion\":2,\"layers\":[{\"mediaType\":\"application/vnd.ollama.image.license\","
              "\"digest\":\"sha256:%1\"},{\"mediaType\":\"application/vnd.ollama.image.model\",\"digest\":"
              "\"%2\",\"size\":5}]}"_s.arg(QString(64, u'0'), digest)
                  .toUtf8());
    }
    QTemporaryDir folder;
};

QStringList names(const ModelProvider& provider) {
    QStringList all;
    for (const FoundModel& model : provider.find({}))
        all.append(model.name);
    all.sort();
    return all;
}

} // namespace

class ModelProvidersTest : public QObject {
    Q_OBJECT

  private Q_SLOTS:
    void huggingFaceByRepository() {
        Store store;
        store.model(u"models--org--good/blobs/abc123"_s);
        store.link(u"models--org--good/snapshots/c1/tiny-Q4.gguf"_s, u"../../blobs/abc123"_s);
        store.write(u"models--org--good/snapshots/c0/old.gguf"_s, "x");
        store.write(u"models--org--good/refs/main"_s, "c1\n");
        store.model(u"models--gpt2/snapshots/c1/a.gguf"_s); // no refs: the newest snapshot
        store.model(u"models--gpt2/snapshots/c1/deep/b.gguf"_s);
        store.write(u"models--gpt2/snapshots/c1/mmproj-f16.gguf"_s, "x");
        store.write(u"models--org--folder/snapshots/c1/config.json"_s, "{}");
        store.write(u"models--org--folder/snapshots/c1/model-00001-of-00002.safetensors"_s, "12345");
        store.write(u"models--org--folder/snapshots/c1/model-00002-of-00002.safetensors"_s, "123");
        store.write(u"datasets--org--data/snapshots/c1/x.gguf"_s, "x");
        store.write(u"stray.gguf"_s, "x");
        const HuggingFaceModels provider(store.folder.path());
        QCOMPARE(names(provider),
                 (QStringList{u"gpt2 (a.gguf)"_s, u"gpt2 (b.gguf)"_s, u"org/folder"_s, u"org/good"_s}));
        for (const FoundModel& model : provider.find({})) {
            QVERIFY(!model.path.contains(u"blobs"_s));
            if (model.name == u"org/folder"_s)
                QVERIFY(model.parts == 2 && model.bytes == 8);
            if (model.name == u"org/good"_s) { // opened by its link, whose name tells what it is
                QVERIFY(model.path.endsWith(u"/tiny-Q4.gguf"_s));
                QVERIFY(ModelLibrary::inspect(model).error.isEmpty());
            }
        }
    }

    void ollamaByNameAndTag() {
        Store store;
        store.model(u"blobs/sha256-"_s + kDigest);
        store.model(u"blobs/sha256:"_s + QString(64, u'b')); // an older store's
        store.manifest(u"registry.ollama.ai/library/tiny/latest"_s, u"sha256:"_s + kDigest);
        store.manifest(u"registry.ollama.ai/library/tiny/8b"_s, u"sha256:"_s + QString(64, u'b'));
        store.manifest(u"registry.ollama.ai/someone/own/q4"_s, u"sha256:"_s + kDigest);
        store.manifest(u"hf.co/org/repo/Q4_K_M"_s, u"sha256:"_s + kDigest);
        const OllamaModels provider(store.folder.path());
        QCOMPARE(names(provider), (QStringList{u"hf.co/org/repo:Q4_K_M"_s, u"someone/own:q4"_s, u"tiny:8b"_s,
                                               u"tiny:latest"_s}));
        const QList<FoundModel> found = provider.find({});
        for (const FoundModel& model : found) { // the engine knows it by its first bytes, not by its name
            const ModelEntry entry = ModelLibrary::inspect(model);
            QVERIFY2(entry.error.isEmpty(), qPrintable(entry.error));
            QCOMPARE(entry.architecture.isEmpty(), false);
            QVERIFY(entry.bytes > 1000);
        }
    }

    void lmStudioByPublisherAndName() {
        Store store;
        store.model(u"one/pub/only/x-q4.gguf"_s);
        store.write(u"one/pub/only/mmproj-x.gguf"_s, "x");
        store.write(u"one/pub/split/y-00001-of-00002.gguf"_s, "123");
        store.write(u"one/pub/split/y-00002-of-00002.gguf"_s, "12");
        store.model(u"two/other/both/a.gguf"_s);
        store.model(u"two/other/both/b.gguf"_s);
        const LmStudioModels provider({store.at(u"one"_s), store.at(u"two"_s), store.at(u"none"_s)});
        QCOMPARE(names(provider), (QStringList{u"other/both (a.gguf)"_s, u"other/both (b.gguf)"_s,
                                               u"pub/only"_s, u"pub/split"_s}));
        for (const FoundModel& model : provider.find({})) {
            if (model.name == u"pub/split"_s)
                QVERIFY(model.parts == 2 && model.bytes == 5);
        }
    }

    void gpt4AllByFile() {
        Store store;
        store.model(u"one/tiny-Q4_0.gguf"_s);
        store.write(u"one/incomplete-big.gguf"_s, "x");
        store.write(u"one/localdocs_v3.db"_s, "x");
        const Gpt4AllModels provider({store.at(u"one"_s), store.at(u"none"_s)});
        QCOMPARE(provider.name(), u"GPT4All"_s);
        const QList<FoundModel> found = provider.find({});
        QCOMPARE(found.size(), 1);
        QVERIFY(found.first().path.endsWith(u"one/tiny-Q4_0.gguf"_s));
    }

    void foldersWithTheirFolders() {
        Store store;
        store.model(u"a.gguf"_s);
        store.write(u"llama/config.json"_s, "{}");
        store.write(u"llama/model.safetensors"_s, "x");
        store.write(u"words/config.json"_s, "{}");
        store.write(u"words/tokenizer.json"_s, "{}");
        store.write(u"site/config.json"_s, "{}"); // of something else
        const FolderModels provider({store.folder.path()});
        QCOMPARE(names(provider), (QStringList{u"a.gguf"_s, u"llama"_s, u"words"_s}));
    }

    void brokenManifests_data() {
        QTest::addColumn<QByteArray>("bytes");
        const QByteArray layer = "{\"mediaType\":\"application/vnd.ollama.image.model\",\"digest\":\"%\"}";
        QTest::newRow("empty") << QByteArray();
        QTest::newRow("cut") << QByteArray("{\"layers\":[{\"mediaType\":\"application/vnd.ollama.im");
        QTest::newRow("no object") << QByteArray("[[[1]]]");
        QTest::newRow("layers are text") << QByteArray("{\"layers\":\"x\"}");
        QTest::newRow("deep") << QByteArray("[").repeated(100'000);
        QTest::newRow("huge") << QByteArray("{\"layers\":[" + QByteArray("{},").repeated(500'000) + "{}]}");
        for (const QByteArray digest :
             {"", "sha256:", "../../secret", "sha256:../../../../etc/passwd", "md5:abc"})
            QTest::newRow(QByteArray("digest " + digest).constData())
                << QByteArray("{\"layers\":[" + QByteArray(layer).replace('%', digest) + "]}");
        QTest::newRow("no such blob") << QByteArray(
            "{\"layers\":[" + QByteArray(layer).replace('%', "sha256:" + QByteArray(64, 'f')) + "]}");
    }
    void brokenManifests() {
        QFETCH(QByteArray, bytes);
        Store store;
        store.model(u"blobs/sha256-"_s + kDigest);
        store.write(u"manifests/registry.ollama.ai/library/bad/latest"_s, bytes);
        store.write(u"manifests/registry.ollama.ai/library/bad/deep/er/latest"_s, bytes);
        store.manifest(u"registry.ollama.ai/library/good/latest"_s, u"sha256:"_s + kDigest);
        QElapsedTimer clock;
        clock.start();
        QCOMPARE(names(OllamaModels(store.folder.path())), QStringList{u"good:latest"_s});
        QVERIFY(clock.elapsed() < 2000);
    }

    void linksMayLeadAnywhere() {
        Store store, outside;
        outside.model(u"secret.gguf"_s);
        store.link(u"models--a--b/snapshots/c1/circle"_s, store.at(u"models--a--b"_s));
        store.link(u"models--a--b/snapshots/c1/self.gguf"_s,
                   store.at(u"models--a--b/snapshots/c1/self.gguf"_s));
        store.link(u"models--a--b/snapshots/c1/out.gguf"_s, outside.at(u"secret.gguf"_s));
        store.link(u"models--a--b/snapshots/c1/gone.gguf"_s, u"../../blobs/gone"_s);
        store.link(u"models--a--b/snapshots/c1/null.gguf"_s, u"/dev/zero"_s);
        QCOMPARE(::mkfifo(store.at(u"models--a--b/snapshots/c1/pipe.gguf"_s).toLocal8Bit().constData(), 0600),
                 0);
        store.write(u"models--a--b/refs/main"_s, "../../../../etc");
        QCOMPARE(names(HuggingFaceModels(store.folder.path())), QStringList());
        store.link(u"blobs/sha256-"_s + kDigest, outside.at(u"secret.gguf"_s));
        store.manifest(u"registry.ollama.ai/library/bad/latest"_s, u"sha256:"_s + kDigest);
        QCOMPARE(names(OllamaModels(store.folder.path())), QStringList());
        // In the user's own folders a link to a file is theirs to make.
        store.link(u"own/linked.gguf"_s, outside.at(u"secret.gguf"_s));
        store.link(u"own/again"_s, store.at(u"own"_s));
        QCOMPARE(names(FolderModels({store.at(u"own"_s)})), QStringList{u"linked.gguf"_s});
    }

    void everyFileOfAModelLiesInTheCache() {
        Store store, outside;
        outside.write(u"secret"_s, "12345");
        const QString folder = u"models--a--folder/snapshots/c1/"_s;
        store.write(folder + u"config.json"_s, "{}");
        store.write(folder + u"model-00001-of-00002.safetensors"_s, "123");
        store.link(folder + u"model-00002-of-00002.safetensors"_s, outside.at(u"secret"_s));
        const QString split = u"models--a--split/snapshots/c1/"_s;
        store.write(split + u"x-00001-of-00002.gguf"_s, "123");
        store.link(split + u"x-00002-of-00002.gguf"_s, outside.at(u"secret"_s));
        QCOMPARE(names(HuggingFaceModels(store.folder.path())), QStringList());
        // In the user's own folders links are theirs to make.
        QCOMPARE(names(FolderModels({store.folder.path()})),
                 (QStringList{u"c1"_s, u"x-00001-of-00002.gguf"_s}));
    }

    void oneModelUnderSeveralNamesIsListedOnce() {
        Store studio, ollama;
        studio.model(u"pub/only/x.gguf"_s);
        studio.link(u"own"_s, studio.at(u"pub"_s));
        ollama.model(u"blobs/sha256-"_s + kDigest);
        ollama.manifest(u"registry.ollama.ai/library/tiny/latest"_s, u"sha256:"_s + kDigest);
        ollama.manifest(u"registry.ollama.ai/library/tiny/8b"_s, u"sha256:"_s + kDigest);
        ModelLibrary library({std::make_shared<FolderModels>(QStringList{studio.at(u"own"_s)}),
                              std::make_shared<OllamaModels>(ollama.folder.path()),
                              std::make_shared<LmStudioModels>(QStringList{studio.folder.path()})});
        QTRY_VERIFY(!library.scanning());
        QStringList listed;
        for (const ModelEntry& model : library.models())
            listed.append(model.source + u": "_s + model.name);
        QCOMPARE(listed, (QStringList{u"Your folders: x.gguf"_s, u"Ollama: tiny:8b, tiny:latest"_s}));
    }

    void foldersThatMayNotBeRead() {
        Store store;
        store.model(u"closed/a.gguf"_s);
        store.model(u"open/b.gguf"_s);
        QFile::setPermissions(store.at(u"closed"_s), QFile::Permissions());
        const QStringList found = names(FolderModels({store.folder.path()}));
        QFile::setPermissions(store.at(u"closed"_s), QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        QVERIFY(found.contains(u"b.gguf"_s)); // root may read everything
        for (const QString& nowhere : {u"/does/not/exist"_s, QString(), store.at(u"open/b.gguf"_s)}) {
            QCOMPARE(names(HuggingFaceModels(nowhere)), QStringList());
            QCOMPARE(names(OllamaModels(nowhere)), QStringList());
            QCOMPARE(names(LmStudioModels({nowhere})), QStringList());
        }
    }

    void onlySoMuchIsLookedAt() {
        Store store;
        QString deep;
        for (int i = 0; i < 20; ++i) {
            deep += u"d/"_s;
            store.write(deep + u"%1.gguf"_s.arg(i), "x");
        }
        QCOMPARE(names(FolderModels({store.folder.path()}, {.depth = 3})).size(), 3);
        QCOMPARE(names(FolderModels({store.folder.path()}, {.models = 2})).size(), 2);
        QVERIFY(names(FolderModels({store.folder.path()}, {.entries = 5})).size() <= 5);
        std::stop_source stop;
        stop.request_stop();
        QCOMPARE(FolderModels({store.folder.path()}).find(stop.get_token()).size(), 0);
    }

    void theLibraryListsBySourceAndWatches() {
        Store own, ollama;
        own.model(u"zeta.gguf"_s);
        ollama.model(u"blobs/sha256-"_s + kDigest);
        ollama.manifest(u"registry.ollama.ai/library/alpha/latest"_s, u"sha256:"_s + kDigest);
        ModelLibrary library({std::make_shared<FolderModels>(QStringList{own.folder.path()}),
                              std::make_shared<OllamaModels>(ollama.folder.path())});
        QTRY_COMPARE(library.models().size(), 2);
        QCOMPARE(library.models()[0].name, u"zeta.gguf"_s);
        QCOMPARE(library.models()[1].name, u"alpha:latest"_s);
        QCOMPARE(library.models()[1].source, u"Ollama"_s);
        QCOMPARE(ModelLibrary::toBeginWith(library.models(), 0), library.models()[0].path); // one's own first
        own.model(u"another.gguf"_s);
        QTRY_COMPARE_WITH_TIMEOUT(library.models().size(), 3, 10'000); // without being asked
        QVERIFY(QFile::remove(own.at(u"zeta.gguf"_s)));
        QTRY_COMPARE_WITH_TIMEOUT(library.models().size(), 2, 10'000);
    }

    void whatWasOpenedByItsPathIsFoundThere() {
        Store store;
        store.model(u"one.gguf"_s);
        store.model(u"split-00001-of-00002.gguf"_s);
        store.model(u"split-00002-of-00002.gguf"_s);
        const OpenedModels opened({store.at(u"one.gguf"_s), store.at(u"one.gguf"_s), store.at(u"gone.gguf"_s),
                                   store.at(u"split-00001-of-00002.gguf"_s), store.at(u"."_s),
                                   u"/dev/zero"_s});
        const QList<FoundModel> found = opened.find({});
        QCOMPARE(found.size(), 2);
        QCOMPARE(found[0].path, store.at(u"one.gguf"_s));
        QCOMPARE(found[1].parts, 2);
        QCOMPARE(found[1].bytes, 2 * found[0].bytes);
        QVERIFY(opened.watched().isEmpty());
    }

    void theEnvironmentSaysWhereStoresLie() {
        Store store;
        store.model(u"hub/models--a--b/snapshots/c/x.gguf"_s);
        store.model(u"blobs/sha256-"_s + kDigest);
        store.manifest(u"registry.ollama.ai/library/n/t"_s, u"sha256:"_s + kDigest);
        const auto all = [] {
            QStringList found;
            for (const auto& provider : modelProviders({}))
                found += names(*provider);
            return found;
        };
        qputenv("OLLAMA_MODELS", store.folder.path().toLocal8Bit());
        qputenv("HF_HOME", store.folder.path().toLocal8Bit());
        qunsetenv("HF_HUB_CACHE");
        QVERIFY(all().contains(u"n:t"_s) && all().contains(u"a/b"_s));
        qputenv("HF_HUB_CACHE", "/does/not/exist"); // goes before HF_HOME
        QVERIFY(!all().contains(u"a/b"_s));
        qunsetenv("HF_HUB_CACHE");
        qunsetenv("HF_HOME");
        qunsetenv("OLLAMA_MODELS");
    }
};

QTEST_GUILESS_MAIN(ModelProvidersTest)
#include "tst_model_providers.moc"
