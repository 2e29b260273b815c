// Paths, presets, the model library, the one program a folder, and thinking in pieces.
#include "tiny_model.h"

#include "app/services/code_fence.h"
#include "app/services/model_library.h"
#include "app/services/paths.h"
#include "app/services/presets.h"
#include "app/services/theme_watcher.h"
#include "app/services/thinking_splitter.h"

#include <QDir>
#include <QFile>
#include <QSignalSpy>
#include <QStandardPaths>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <csignal>
#include <sys/resource.h>

using namespace switchyard;

class ServicesTest : public QObject {
    Q_OBJECT
    std::unique_ptr<QTemporaryDir> folder_;

  private Q_SLOTS:
    void initTestCase() { QStandardPaths::setTestModeEnabled(true); }
    void init() { folder_ = std::make_unique<QTemporaryDir>(); }

    void pathsFollowTheDataFolder() {
        const Paths standard = Paths::standard();
        QVERIFY(standard.data.endsWith(QStringLiteral("/switchyard")));
        QVERIFY(standard.models.startsWith(standard.data));
        QVERIFY(!standard.settings.startsWith(standard.data));
        const Paths own = Paths::standard(folder_->filePath(QStringLiteral("mine")));
        QCOMPARE(own.data, folder_->filePath(QStringLiteral("mine")));
        QVERIFY(own.settings.startsWith(own.data));
        QVERIFY(QDir(own.models).exists());
    }

    /// What was short enough for one buffer was taken for written, and the old file was an empty one then.
    void aFullDiskLeavesThePresetAsItWas() {
        Presets presets(folder_->filePath(QStringLiteral("presets")));
        Tuning tuning;
        tuning.sequence.temperature = 0.25;
        QVERIFY(presets.save(QStringLiteral("mine"), tuning));
        tuning.sequence.temperature = 0.75;
        std::signal(SIGXFSZ, SIG_IGN);
        rlimit room{};
        QCOMPARE(getrlimit(RLIMIT_FSIZE, &room), 0);
        const rlimit none{0, room.rlim_max};
        QCOMPARE(setrlimit(RLIMIT_FSIZE, &none), 0);
        QString error;
        const bool saved = presets.save(QStringLiteral("mine"), tuning, &error);
        QString other;
        const bool exported =
            presets.exportTo(QStringLiteral("mine"), folder_->filePath(QStringLiteral("out")), &other);
        setrlimit(RLIMIT_FSIZE, &room);
        QVERIFY(!saved && !error.isEmpty());
        QVERIFY(!exported && !other.isEmpty());
        QCOMPARE(presets.load(QStringLiteral("mine"))->sequence.temperature, 0.25);
        QVERIFY(!QFile::exists(folder_->filePath(QStringLiteral("out"))));
    }

    void fencesOfCodeAreReadLineByLine_data() {
        QTest::addColumn<QString>("lines"); ///< one a character of `code`
        QTest::addColumn<QString>("code");  ///< c: code, t: text
        QTest::addColumn<QString>("open");
        QTest::newRow("backticks") << QStringLiteral("a\n```cpp\n```x\n``\n````\nb")
                                   << QStringLiteral("tcccct") << QString();
        QTest::newRow("tildes") << QStringLiteral("~~~ a `b`\n```\n~~~\t\n ~~~~ \r\nb")
                                << QStringLiteral("cccct") << QString();
        QTest::newRow("code in a line") << QStringLiteral("```a```\nb") << QStringLiteral("tt") << QString();
        QTest::newRow("open") << QStringLiteral("b\n  `````\n````\n$") << QStringLiteral("tccc")
                              << QStringLiteral("`````");
        QTest::newRow("nothing") << QString() << QStringLiteral("t") << QString();
    }
    void fencesOfCodeAreReadLineByLine() {
        QFETCH(QString, lines);
        QFETCH(QString, code);
        QFETCH(QString, open);
        FencedLines fences;
        QString found;
        for (const QString& line : lines.split(QLatin1Char('\n')))
            found += QLatin1Char(fences.take(line) ? 'c' : 't');
        QCOMPARE(found, code);
        QCOMPARE(fences.open(), open);
    }

    void presetsAreFiles() {
        Presets presets(folder_->filePath(QStringLiteral("presets")));
        Tuning own;
        own.sequence.experts = 6;
        presets.setModelDefaults(own);
        const QStringList fixed = presets.names(); // the model's and the program's own
        QVERIFY(fixed.front().isEmpty() && std::ranges::all_of(fixed, Presets::isFixed));
        QVERIFY(*presets.load(QString()) == own);
        Tuning wild;
        wild.sequence.temperature = 1.4;
        wild.sequence.kv = BlockType::Q8_0;
        wild.model.weights = BlockType::Q6_K;
        const QString name = QStringLiteral("../wild 野/100% *");
        QVERIFY(presets.save(name, wild));
        QCOMPARE(presets.names(), fixed + QStringList{name});
        QVERIFY(*presets.load(name) == wild);
        QVERIFY(presets.rename(name, QStringLiteral("calm")));
        QVERIFY(!presets.load(name));
        const QString shared = folder_->filePath(QStringLiteral("calm.json"));
        QVERIFY(presets.exportTo(QStringLiteral("calm"), shared));
        QCOMPARE(presets.import(shared), QStringLiteral("calm 2"));
        QVERIFY(*presets.load(QStringLiteral("calm 2")) == wild);
        QVERIFY(presets.remove(QStringLiteral("calm")));
        QCOMPARE(presets.names().size(), fixed.size() + 1);
        QVERIFY(QDir(folder_->path()).entryList(QDir::Files).size() == 1); // nothing escaped the folder
    }

    void theProgramsOwnPresetsCannotBeSavedOver() {
        Presets presets(folder_->filePath(QStringLiteral("presets")));
        const QString precise = presets.names()[1];
        QString error;
        QVERIFY(!presets.save(precise, {}, &error) && error.contains(Presets::title(precise)));
        QVERIFY(presets.save(QStringLiteral("a"), {}));
        QVERIFY(!presets.rename(QStringLiteral("a"), precise, &error));
        QVERIFY(!presets.rename(QStringLiteral("a"), QString(), &error));
    }

    void badPresetsAreRefusedWithAReason() {
        Presets presets(folder_->path());
        const auto refused = [&](const QByteArray& text) {
            QFile file(folder_->filePath(QStringLiteral("bad.txt")));
            if (!file.open(QIODevice::WriteOnly) || file.write(text) < 0)
                return QString();
            file.close();
            QString error;
            return presets.import(file.fileName(), &error).isEmpty() ? error : QString();
        };
        QVERIFY(!refused("no json").isEmpty());
        QVERIFY(!refused("[1]").isEmpty());
        QVERIFY(refused("{\"temperature\": 99}").contains(QStringLiteral("temperature")));
        QVERIFY(!refused("{\"temperature\": null}").isEmpty());
        QVERIFY(refused("{\"temperature\": 1, \"dial_of_tomorrow\": 3}").isEmpty());
        QString error;
        QVERIFY(!presets.save(QStringLiteral("  "), {}, &error));
        QVERIFY(!error.isEmpty());
    }

    void libraryFindsModels() {
        const auto at = [this](const char* name) { return folder_->filePath(QString::fromUtf8(name)); };
        QDir(folder_->path()).mkpath(QStringLiteral("deep/er"));
        writeTinyModel(at("deep/er/zeta.gguf").toStdString());
        writeTinyModel(at("Alpha.gguf").toStdString(), {0, 0, 512, 2, false});
        QVERIFY(QFile::link(at("Alpha.gguf"), at("deep/same.gguf")));
        QFile broken(at("broken.gguf"));
        QVERIFY(broken.open(QIODevice::WriteOnly));
        broken.write("GGUF but no more");
        broken.close();
        QFile part(at("model-00002-of-00003.gguf"));
        QVERIFY(part.open(QIODevice::WriteOnly));

        ModelLibrary library(
            {std::make_shared<FolderModels>(QStringList{folder_->path(), at("deep"), at("does not exist")})});
        QSignalSpy changed(&library, &ModelLibrary::changed);
        QVERIFY(library.scanning());
        library.rescan(); // while one is under way
        QTRY_COMPARE(changed.count(), 1);
        QCOMPARE(library.models().size(), 3); // the link and the later part are not models of their own
        const ModelEntry& dense = library.models()[0];
        QCOMPARE(dense.name, QStringLiteral("Alpha.gguf"));
        QCOMPARE(dense.architecture, QStringLiteral("llama"));
        QCOMPARE(dense.precision, QStringLiteral("F32"));
        QVERIFY(dense.error.isEmpty());
        QVERIFY(dense.parameters > 50000);
        QVERIFY(library.models()[1].error.contains(QStringLiteral("broken.gguf")));
        QCOMPARE(library.models()[2].experts, 8);
        library.setProviders({});
        QTRY_COMPARE(changed.count(), 2);
        QCOMPARE(library.models().size(), 0);
    }

    void firstStartOpensADenseModelThatFits() {
        const auto entry = [](const char* path, quint64 bytes, int experts, const char* error = "") {
            ModelEntry model;
            model.path = QString::fromUtf8(path);
            model.bytes = bytes;
            model.experts = experts;
            model.error = QString::fromUtf8(error);
            return model;
        };
        const QList<ModelEntry> models{entry("carved", 600, 8), entry("small", 100, 0), entry("good", 500, 0),
                                       entry("large", 5000, 0), entry("broken", 550, 0, "cut off")};
        QCOMPARE(ModelLibrary::toBeginWith(models, 2000), QStringLiteral("good"));
        QCOMPARE(ModelLibrary::toBeginWith(models, 400), QStringLiteral("small"));
        QCOMPARE(ModelLibrary::toBeginWith(models, 50), QStringLiteral("small")); // nothing fits: the least
        QCOMPARE(ModelLibrary::toBeginWith(models, 0), QStringLiteral("large"));
        QCOMPARE(ModelLibrary::toBeginWith({models[0], models[4]}, 2000), QStringLiteral("carved"));
        QCOMPARE(ModelLibrary::toBeginWith({models[4]}, 2000), QString());
    }

    void withoutAPortalTheSchemeIsUnknown() {
        ThemeWatcher watcher;
        QVERIFY(watcher.scheme() == ThemeWatcher::Scheme::Unknown); // nothing is known before an answer
    }

    void thinkingComesInPieces() {
        const std::string whole = "<think>one < two</think>\nYes </think>.";
        for (std::size_t size = 1; size < 9; ++size) {
            RunRecord record;
            for (std::size_t at = 0; at < whole.size(); at += size) {
                TokenRecord token;
                token.text = whole.substr(at, size);
                token.latency_ms = 10;
                record.tokens.push_back(token);
            }
            ReadAnswer read(record);
            QList<MessagePart> parts = read.parts;
            TokenPlaces places = read.places;
            ThinkingSplitter(read.splitter).finish(parts, places);
            QCOMPARE(places.size(), static_cast<int>(record.tokens.size()));
            QCOMPARE(parts.size(), 2);
            QCOMPARE(parts[0].text, QStringLiteral("one < two"));
            QVERIFY(parts[0].milliseconds > 0);
            QCOMPARE(parts[1].text, QStringLiteral("\nYes </think>."));
            QVERIFY(read.makes(parts));
            parts[1].text += QLatin1Char('x'); // edited
            QVERIFY(!read.makes(parts));
        }
        ThinkingSplitter inside(AnswerReading{"<think>", {}});
        QList<MessagePart> parts;
        TokenRecord token;
        token.text = "hm</think>so";
        TokenPlaces places;
        inside.push(token, parts, places);
        QVERIFY(parts.size() == 2 && parts[0].kind == PartKind::Thinking &&
                parts[1].text == QStringLiteral("so"));
    }
};

QTEST_GUILESS_MAIN(ServicesTest)
#include "tst_services.moc"
