#include "app/services/model_stores.h"

#include <QDir>
#include <QDirIterator>
#include <QFile>
#include <QFileInfo>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

#include <utility>

namespace switchyard {

namespace {

/// Of a regular file that is not longer; else nothing.
QByteArray readShort(const QString& path, qint64 most) {
    QFile file(path);
    if (!QFileInfo(path).isFile() || file.size() > most || !file.open(QIODevice::ReadOnly))
        return {};
    const QByteArray bytes = file.read(most + 1);
    return bytes.size() > most ? QByteArray() : bytes;
}

/// Projectors for pictures lie beside models, and are none.
bool isProjector(const FoundModel& model) {
    return model.name.startsWith(QLatin1String("mmproj"), Qt::CaseInsensitive);
}

/// Names models by the repository that they lie in, with the file where there are several.
void nameBy(const QString& repository, QList<FoundModel>& models) {
    models.removeIf(isProjector);
    for (FoundModel& model : models)
        model.name = models.size() == 1 ? repository : repository + QStringLiteral(" (%1)").arg(model.name);
}

/// Folders in a folder, by name.
QStringList foldersIn(const QString& folder, int most) {
    QStringList names;
    QDirIterator it(folder, QDir::Dirs | QDir::NoDotAndDotDot | QDir::NoSymLinks);
    while (it.hasNext() && names.size() < most) {
        it.next();
        names.append(it.fileName());
    }
    names.sort();
    return names;
}

} // namespace

// ---- Hugging Face ----

HuggingFaceModels::HuggingFaceModels(QString cache, const ScanLimits& limits)
    : cache_(std::move(cache)), limits_(limits) {}

QString HuggingFaceModels::snapshotOf(const QString& repository) const {
    static const QRegularExpression commit(QStringLiteral("^[0-9A-Za-z_-]{1,128}$"));
    const QString snapshots = repository + QStringLiteral("/snapshots/");
    const QString main =
        QString::fromUtf8(readShort(repository + QStringLiteral("/refs/main"), 256)).trimmed();
    if (commit.match(main).hasMatch() && QFileInfo(snapshots + main).isDir())
        return snapshots + main;
    const QFileInfoList all =
        QDir(snapshots).entryInfoList(QDir::Dirs | QDir::NoDotAndDotDot | QDir::NoSymLinks, QDir::Time);
    return all.isEmpty() ? QString() : all.first().filePath();
}

QList<FoundModel> HuggingFaceModels::find(const std::stop_token& stop) const {
    static const QLatin1String prefix("models--");
    QList<FoundModel> found;
    const QString real = QFileInfo(cache_).canonicalFilePath();
    if (real.isEmpty())
        return found;
    ModelWalk walk(limits_, stop, real); // one for all: the limit of entries is the cache's
    for (const QString& folder : foldersIn(cache_, limits_.entries)) {
        if (stop.stop_requested() || found.size() >= limits_.models)
            break;
        const QString snapshot =
            folder.startsWith(prefix) ? snapshotOf(cache_ + QLatin1Char('/') + folder) : QString();
        if (snapshot.isEmpty())
            continue;
        QList<FoundModel> models;
        walk.walk(snapshot, models);
        nameBy(folder.sliced(prefix.size()).replace(QLatin1String("--"), QLatin1String("/")), models);
        found += models;
    }
    return found;
}

// ---- Ollama ----

OllamaModels::OllamaModels(QString store, const ScanLimits& limits)
    : store_(std::move(store)), limits_(limits) {}

QStringList OllamaModels::watched() const {
    return {store_ + QStringLiteral("/manifests/registry.ollama.ai/library"),
            store_ + QStringLiteral("/blobs")};
}

namespace {

/// The file of the weights that a manifest names, in `blobs`; "" where there is none. `parts`: layers of
/// weights.
QString weightsOf(const QByteArray& manifest, const QString& blobs, int& parts) {
    static const QRegularExpression sha256(QStringLiteral("^sha256[:-]([0-9a-fA-F]{64})$"));
    QString path;
    parts = 0;
    const QJsonArray layers = QJsonDocument::fromJson(manifest).object()[QLatin1String("layers")].toArray();
    for (const QJsonValue& layer : layers) {
        if (layer[QLatin1String("mediaType")].toString() !=
            QLatin1String("application/vnd.ollama.image.model"))
            continue;
        const QRegularExpressionMatch digest = sha256.match(layer[QLatin1String("digest")].toString());
        if (!digest.hasMatch())
            continue;
        ++parts;
        for (const QChar joint : {QLatin1Char('-'), QLatin1Char(':')}) { // older stores have colons
            const QString file = blobs + QStringLiteral("/sha256") + joint + digest.captured(1);
            if (path.isEmpty() && QFileInfo(file).isFile())
                path = file;
        }
    }
    return path;
}

/// "llama3:8b"; of other owners and hosts with these.
QString ollamaName(const QStringList& place) {
    QString name = place[2] + QLatin1Char(':') + place[3];
    if (place[1] != QLatin1String("library"))
        name.prepend(place[1] + QLatin1Char('/'));
    if (place[0] != QLatin1String("registry.ollama.ai"))
        name.prepend(place[0] + QLatin1Char('/'));
    return name;
}

} // namespace

QList<FoundModel> OllamaModels::find(const std::stop_token& stop) const {
    constexpr int kLevels = 4; // host, owner, name, tag
    QList<FoundModel> found;
    const QString root = store_ + QStringLiteral("/manifests"), blobs = store_ + QStringLiteral("/blobs");
    const QString real = QFileInfo(store_).canonicalFilePath();
    int left = limits_.entries;
    QDirIterator it(root, QDir::Files, QDirIterator::Subdirectories); // enters no folder through a link
    while (it.hasNext() && left-- > 0 && found.size() < limits_.models && !stop.stop_requested()) {
        const QString path = it.next();
        const QStringList place = path.sliced(root.size() + 1).split(QLatin1Char('/'));
        if (place.size() != kLevels || place.last().startsWith(QLatin1Char('.')))
            continue;
        FoundModel model;
        model.path = weightsOf(readShort(path, limits_.bytes), blobs, model.parts);
        const QFileInfo weights(model.path);
        if (model.path.isEmpty() || !weights.canonicalFilePath().startsWith(real + QLatin1Char('/')))
            continue;
        model.name = ollamaName(place);
        model.bytes = static_cast<quint64>(weights.size());
        found.append(model);
    }
    return found;
}

// ---- LM Studio ----

LmStudioModels::LmStudioModels(QStringList folders, const ScanLimits& limits)
    : folders_(std::move(folders)), limits_(limits) {}

QList<FoundModel> LmStudioModels::find(const std::stop_token& stop) const {
    QList<FoundModel> found;
    ModelWalk walk(limits_, stop);
    for (const QString& folder : folders_) {
        for (const QString& publisher : foldersIn(folder, limits_.entries)) {
            for (const QString& name : foldersIn(folder + QLatin1Char('/') + publisher, limits_.entries)) {
                if (stop.stop_requested() || found.size() >= limits_.models)
                    return found;
                const QString repository = publisher + QLatin1Char('/') + name;
                QList<FoundModel> models;
                walk.walk(folder + QLatin1Char('/') + repository, models);
                nameBy(repository, models);
                found += models;
            }
        }
    }
    return found;
}

// ---- GPT4All ----

QList<FoundModel> Gpt4AllModels::find(const std::stop_token& stop) const {
    QList<FoundModel> found = FolderModels::find(stop);
    found.removeIf([](const FoundModel& model) {
        return QFileInfo(model.path).fileName().startsWith(QLatin1String("incomplete-"));
    });
    return found;
}

ModelProviders modelProviders(const QStringList& folders, const QStringList& opened) {
    const QString home = QDir::homePath();
    const auto place = [](const char* variable) { return qEnvironmentVariable(variable); };
    QString cache = place("HF_HUB_CACHE");
    if (cache.isEmpty())
        cache = place("HF_HOME").isEmpty() ? home + QStringLiteral("/.cache/huggingface/hub")
                                           : place("HF_HOME") + QStringLiteral("/hub");
    QString ollama = place("OLLAMA_MODELS");
    if (ollama.isEmpty())
        ollama = home + QStringLiteral("/.ollama/models");
    ModelProviders all;
    all.push_back(std::make_shared<FolderModels>(folders));
    all.push_back(std::make_shared<HuggingFaceModels>(cache));
    all.push_back(std::make_shared<OllamaModels>(ollama));
    // Where it runs as a service it has a user of its own.
    if (const QString service = QStringLiteral("/usr/share/ollama/.ollama/models"); ollama != service)
        all.push_back(std::make_shared<OllamaModels>(service));
    all.push_back(std::make_shared<LmStudioModels>(QStringList{
        home + QStringLiteral("/.lmstudio/models"), home + QStringLiteral("/.cache/lm-studio/models")}));
    all.push_back(std::make_shared<Gpt4AllModels>(QStringList{
        home + QStringLiteral("/.local/share/nomic.ai/GPT4All"), home + QStringLiteral("/.cache/gpt4all")}));
    all.push_back(std::make_shared<OpenedModels>(opened)); // last: what lies in a folder is listed there
    return all;
}

} // namespace switchyard
