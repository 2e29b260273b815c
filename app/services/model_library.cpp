#include "app/services/model_library.h"

#include "app/services/background.h"
#include "app/services/engine_sentence.h"
#include "engine/base/error.h"
#include "engine/files/gguf.h"
#include "engine/model/model_config.h"

#include <QDirIterator>
#include <QFileInfo>
#include <QRegularExpression>
#include <QSet>
#include <QTimer>

#include <algorithm>
#include <array>
#include <filesystem>
#include <tuple>

namespace switchyard {

namespace {

/// The type that holds most of the parameters.
QString mainPrecision(const ModelFile& file) {
    std::array<quint64, kBlockTypes> counts{};
    for (const TensorView& tensor : file.tensors())
        counts[static_cast<std::size_t>(tensor.type)] +=
            static_cast<quint64>(tensor.cols() * tensor.rows() * tensor.matrices());
    const auto most = std::ranges::max_element(counts) - counts.begin();
    const std::string_view name = traits(static_cast<BlockType>(most)).name;
    return QString::fromLatin1(name.data(), static_cast<qsizetype>(name.size()));
}

/// Parts of a split model after the first are opened with it.
bool isLaterPart(const QString& name) {
    static const QRegularExpression part(QStringLiteral("-(\\d{5})-of-\\d{5}\\.gguf$"));
    const QRegularExpressionMatch match = part.match(name);
    return match.hasMatch() && match.captured(1) != QLatin1String("00001");
}

QStringList findFiles(const QStringList& folders, const std::stop_token& stop) {
    QStringList files;
    QSet<QString> seen;
    for (const QString& folder : folders) {
        QDirIterator it(folder, {QStringLiteral("*.gguf")}, QDir::Files, QDirIterator::Subdirectories);
        while (it.hasNext() && !stop.stop_requested()) {
            const QFileInfo info(it.next());
            const QString path = info.canonicalFilePath();
            if (path.isEmpty() || seen.contains(path) || isLaterPart(info.fileName()))
                continue;
            seen.insert(path);
            files.append(path);
        }
    }
    return files;
}

} // namespace

ModelLibrary::ModelLibrary(const QStringList& folders, QObject* parent) : QObject(parent), folders_(folders) {
    rescan();
}

ModelLibrary::~ModelLibrary() = default; // the scanner is told to stop and waited for

void ModelLibrary::setFolders(const QStringList& folders) {
    folders_ = folders;
    rescan();
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
        this, [folders = folders_](const std::stop_token& stop) { return scan(folders, stop); },
        [this](const QList<ModelEntry>& found) { take(found); });
}

QList<ModelEntry> ModelLibrary::scan(const QStringList& folders, const std::stop_token& stop) {
    QList<ModelEntry> found;
    try {
        for (const QString& path : findFiles(folders, stop)) {
            if (stop.stop_requested())
                break;
            found.append(inspect(path));
        }
    } catch (const std::exception& error) { // a folder that goes away meanwhile, or no memory
        qWarning("looking for models ended early: %s", error.what());
    }
    std::ranges::sort(found, {}, [](const ModelEntry& entry) { return entry.name.toLower(); });
    return found;
}

void ModelLibrary::take(const QList<ModelEntry>& found) {
    scanning_ = false;
    if (std::exchange(again_, false))
        return rescan();
    models_ = found;
    Q_EMIT changed();
}

QString ModelLibrary::toBeginWith(const QList<ModelEntry>& models, quint64 memory) {
    const auto rank = [memory](const ModelEntry& model) {
        const bool fits = memory == 0 || model.bytes <= memory / 2;
        // Of those that do not fit, the smallest.
        return std::tuple(fits, model.experts == 0, fits ? model.bytes : ~model.bytes);
    };
    const ModelEntry* best = nullptr;
    for (const ModelEntry& model : models) {
        if (model.error.isEmpty() && (!best || rank(model) > rank(*best)))
            best = &model;
    }
    return best ? best->path : QString();
}

ModelEntry ModelLibrary::inspect(const QString& path) {
    ModelEntry entry;
    entry.path = path;
    entry.name = QFileInfo(path).fileName();
    entry.bytes = static_cast<quint64>(QFileInfo(path).size());
    try {
        const auto file = open_gguf(std::filesystem::path(path.toStdU16String()));
        entry.bytes = file->bytes();
        for (const TensorView& tensor : file->tensors())
            entry.parameters += static_cast<quint64>(tensor.cols() * tensor.rows() * tensor.matrices());
        entry.precision = mainPrecision(*file);
        entry.architecture =
            QString::fromStdString(file->metadata().text("general.architecture").value_or(std::string()));
        const ModelConfig config = read_config(*file);
        entry.context = config.context;
        entry.experts = config.experts;
        entry.experts_active = config.experts_active;
    } catch (const Error& error) {
        entry.error = engineSentence(QString::fromUtf8(error.what()), path);
    } catch (const std::exception& error) {
        entry.error = tr("%1 cannot be read: %2").arg(entry.name, QString::fromUtf8(error.what()));
    }
    return entry;
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_model_library.cpp"
