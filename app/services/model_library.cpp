#include "app/services/model_library.h"

#include "app/services/background.h"
#include "app/services/engine_sentence.h"
#include "app/services/paths.h"
#include "engine/base/error.h"
#include "engine/files/gguf.h"
#include "engine/files/safetensors.h"
#include "engine/model/folder_config.h"
#include "engine/model/model_config.h"

#include <QDateTime>
#include <QFile>
#include <QFileInfo>
#include <QRegularExpression>
#include <QStringList>

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

namespace switchyard {

namespace {

QString blockTypeName(BlockType type) {
    const std::string_view name = traits(type).name;
    return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
}

/// The type that holds most of the parameters.
QString mainPrecision(const ModelFile& file) {
    std::array<quint64, kBlockTypes> counts{};
    for (const TensorView& tensor : file.tensors())
        counts[static_cast<std::size_t>(tensor.type)] +=
            static_cast<quint64>(tensor.cols() * tensor.rows() * tensor.matrices());
    return blockTypeName(static_cast<BlockType>(std::ranges::max_element(counts) - counts.begin()));
}

void readFile(ModelEntry& entry) {
    const auto file = open_gguf(filePath(entry.path));
    entry.bytes = file->bytes();
    for (const TensorView& tensor : file->tensors())
        entry.parameters += static_cast<quint64>(tensor.cols() * tensor.rows() * tensor.matrices());
    entry.precision = mainPrecision(*file);
    entry.architecture =
        QString::fromStdString(file->metadata().text("general.architecture").value_or(std::string()));
    entry.licence = QString::fromStdString(file->metadata().text("general.license").value_or(std::string()));
    const ModelConfig config = read_config(*file);
    entry.context = config.context;
    entry.experts = config.experts;
    entry.experts_active = config.experts_active;
}

/// The licence that a folder's README names in its head, as the hub has it there.
QString licenceOfReadme(const QString& folder) {
    constexpr qint64 kMost = 1 << 16;
    QFile file(folder + QStringLiteral("/README.md"));
    if (!QFileInfo(file.fileName()).isFile() || !file.open(QIODevice::ReadOnly))
        return {};
    const QString head = QString::fromUtf8(file.read(kMost)).section(QStringLiteral("\n---"), 0, 0);
    static const QRegularExpression licence(QStringLiteral("^license:\\s*([\\w.+-]{1,60})\\s*$"),
                                            QRegularExpression::MultilineOption);
    return head.startsWith(QLatin1String("---")) ? licence.match(head).captured(1) : QString();
}

/// Only what the headers say: opening a folder as a model may copy gigabytes.
void readFolder(ModelEntry& entry) {
    const auto folder = open_safetensors(filePath(entry.path));
    entry.bytes = folder->bytes();
    entry.licence = licenceOfReadme(entry.path);
    std::map<FolderType, quint64> counts;
    for (const FolderTensor& tensor : folder->tensors()) {
        entry.parameters += static_cast<quint64>(tensor.values());
        counts[tensor.type] += static_cast<quint64>(tensor.values());
    }
    if (!counts.empty()) {
        const auto most =
            std::ranges::max_element(counts, {}, [](const auto& count) { return count.second; });
        const std::string_view name = folder_type_name(most->first);
        entry.precision = QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
    }
    const FolderConfig config =
        read_folder_config(folder->config(), (filePath(entry.path) / "config.json").string());
    const std::string& architecture = config.shape.architecture;
    const auto number = [&](const char* key) {
        return static_cast<int>(config.metadata.uint(architecture + key).value_or(0));
    };
    entry.architecture = QString::fromStdString(architecture);
    entry.context = number(".context_length");
    entry.experts = config.shape.experts;
    entry.experts_active = number(".expert_used_count");
}

/// A file that is found under several paths or names is one model: of the first source that has it, with all
/// names that it has there.
QList<ModelEntry> findAll(const ModelProviders& providers, const std::stop_token& stop) {
    QList<ModelEntry> all;
    struct Known {
        qsizetype place = 0;
        QStringList names;
    };
    std::map<QString, Known> known; // by the path without links
    int rank = 0;
    for (const auto& provider : providers) {
        const QString source = provider->name();
        for (const FoundModel& model : provider->find(stop)) {
            if (stop.stop_requested())
                return all;
            const QString real = QFileInfo(model.path).canonicalFilePath();
            const auto [seen, fresh] = known.try_emplace(real.isEmpty() ? model.path : real);
            Known& it = seen->second;
            if (!fresh) {
                ModelEntry& first = all[it.place];
                if (first.rank == rank && !it.names.contains(model.name)) {
                    it.names.append(model.name);
                    it.names.sort();
                    first.name = it.names.join(QStringLiteral(", "));
                }
                continue;
            }
            it = {all.size(), {model.name}};
            ModelEntry entry = ModelLibrary::inspect(model);
            entry.source = source;
            entry.rank = rank;
            all.append(entry);
        }
        ++rank;
    }
    std::ranges::sort(all, {},
                      [](const ModelEntry& entry) { return std::pair(entry.rank, entry.name.toLower()); });
    return all;
}

/// Folders that are not there yet are seen at the next scan.
QStringList watchable(const ModelProviders& providers) {
    QStringList folders;
    for (const auto& provider : providers)
        folders += provider->watched();
    folders.removeIf([](const QString& folder) { return !QFileInfo(folder).isDir(); });
    return folders;
}

} // namespace

ModelLibrary::ModelLibrary(ModelProviders providers, QObject* parent)
    : QObject(parent), providers_(std::move(providers)) {
    constexpr int kSettled = 1500; // ms
    settled_.setSingleShot(true);
    settled_.setInterval(kSettled);
    connect(&settled_, &QTimer::timeout, this, &ModelLibrary::rescan);
    connect(&watcher_, &QFileSystemWatcher::directoryChanged, &settled_, qOverload<>(&QTimer::start));
    rescan();
}

ModelLibrary::~ModelLibrary() = default; // the scanner is told to stop and waited for

void ModelLibrary::setProviders(ModelProviders providers) {
    providers_ = std::move(providers);
    rescan();
}

void ModelLibrary::watch(const QStringList& folders) {
    if (const QStringList before = watcher_.directories(); !before.isEmpty())
        watcher_.removePaths(before);
    if (!folders.isEmpty())
        watcher_.addPaths(folders);
}

void ModelLibrary::rescan() {
    if (scanning_) {
        // One scan at a time: the one under way ends soon and another follows, without waiting here.
        again_ = true;
        scanner_->stop();
        return;
    }
    scanning_ = true;
    try {
        if (!scanner_)
            scanner_ = std::make_unique<Background>();
    } catch (const Error& error) {
        scanning_ = false;
        qWarning("models are looked for later: %s", error.what());
        constexpr int kPause = 2000; // ms
        QTimer::singleShot(kPause, this, &ModelLibrary::rescan);
        return;
    }
    scanner_->run(
        this, [providers = providers_](const std::stop_token& stop) { return scan(providers, stop); },
        [this](const Scan& scan) { take(scan); });
}

ModelLibrary::Scan ModelLibrary::scan(const ModelProviders& providers, const std::stop_token& stop) {
    Scan scan;
    try {
        scan.watched = watchable(providers); // here: a folder may be on a disk that answers late
        scan.found = findAll(providers, stop);
    } catch (const std::exception& error) { // a folder that goes away meanwhile, or no memory
        qWarning("looking for models ended early: %s", error.what());
    }
    return scan;
}

void ModelLibrary::take(const Scan& scan) {
    scanning_ = false;
    if (std::exchange(again_, false))
        return rescan();
    models_ = scan.found;
    watch(scan.watched);
    Q_EMIT changed();
}

QString ModelLibrary::toBeginWith(const QList<ModelEntry>& models, quint64 memory) {
    const auto rank = [memory](const ModelEntry& model) {
        const bool fits = memory == 0 || model.bytes <= memory / 2;
        // Of those that do not fit, the smallest.
        return std::tuple(fits, model.rank == 0, model.experts == 0, fits ? model.bytes : ~model.bytes);
    };
    const ModelEntry* best = nullptr;
    for (const ModelEntry& model : models) {
        if (model.error.isEmpty() && (!best || rank(model) > rank(*best)))
            best = &model;
    }
    return best ? best->path : QString();
}

ModelEntry ModelLibrary::inspect(const FoundModel& model) {
    ModelEntry entry;
    entry.path = model.path;
    entry.name = model.name;
    entry.parts = model.parts;
    entry.bytes = model.bytes;
    const QFileInfo there(model.path);
    entry.folder = there.isDir();
    entry.changed = there.lastModified().toMSecsSinceEpoch();
    try {
        if (entry.folder)
            readFolder(entry);
        else
            readFile(entry);
    } catch (const Error& error) {
        entry.error = engineSentence(QString::fromUtf8(error.what()), model.path);
    } catch (const std::exception& error) {
        entry.error = tr("%1 cannot be read: %2").arg(entry.name, QString::fromUtf8(error.what()));
    }
    return entry;
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_model_library.cpp"
