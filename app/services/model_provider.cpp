#include "app/services/model_provider.h"

#include "app/services/split_name.h"

#include <QCoreApplication>
#include <QDirIterator>
#include <QFileInfo>

#include <algorithm>
#include <deque>
#include <utility>

namespace switchyard {

namespace {

bool isGguf(const QString& file) { return file.endsWith(QLatin1String(".gguf"), Qt::CaseInsensitive); }

bool isWeights(const QString& file) { return file.endsWith(QLatin1String(".safetensors")); }

} // namespace

ModelWalk::ModelWalk(const ScanLimits& limits, const std::stop_token& stop, QString inside)
    : limits_(limits), stop_(stop), inside_(std::move(inside)), left_(limits.entries) {}

void ModelWalk::walk(const QString& folder, QList<FoundModel>& found) {
    std::deque<std::pair<QString, int>> waiting{{folder, 0}};
    for (; !waiting.empty() && left_ > 0 && !stop_.stop_requested(); waiting.pop_front()) {
        const auto [at, depth] = waiting.front();
        QStringList files, folders;
        QDirIterator it(at, QDir::Files | QDir::Dirs | QDir::NoDotAndDotDot | QDir::Readable);
        while (it.hasNext() && left_-- > 0 && !stop_.stop_requested()) {
            const QFileInfo info(it.next());
            if (info.isDir() && !info.isSymLink())
                folders.append(info.fileName());
            else if (info.isFile()) // no pipe or device, whose reading may wait for ever
                files.append(info.fileName());
        }
        files.sort();
        folders.sort();
        if (takeFolder(at, files, found))
            continue;
        for (const QString& file : std::as_const(files))
            if (isGguf(file))
                takeFile(at + QLatin1Char('/') + file, files, found);
        for (const QString& inner : std::as_const(folders))
            if (depth < limits_.depth)
                waiting.emplace_back(at + QLatin1Char('/') + inner, depth + 1);
    }
}

void ModelWalk::take(const QString& path, QList<FoundModel>& found) {
    const QFileInfo info(path);
    const auto files = [](const QString& folder) { return QDir(folder).entryList(QDir::Files, QDir::Name); };
    if (info.isDir())
        takeFolder(path, files(path), found);
    else if (info.isFile())
        takeFile(path, splitName(path) ? files(info.path()) : QStringList{info.fileName()}, found);
}

/// Whether the file lies where it may.
bool ModelWalk::mayLie(const QString& path) const {
    return inside_.isEmpty() || QFileInfo(path).canonicalFilePath().startsWith(inside_ + QLatin1Char('/'));
}

/// Whether no file that was seen is this one, and it lies where it may.
bool ModelWalk::fresh(const QString& path) {
    const QString real = QFileInfo(path).canonicalFilePath();
    if (real.isEmpty() || !mayLie(real))
        return false;
    const auto place = std::ranges::lower_bound(seen_, real);
    if (place != seen_.end() && *place == real)
        return false;
    seen_.insert(place, real);
    return true;
}

/// A Hugging Face folder is one model, whatever else it holds but GGUF files.
bool ModelWalk::takeFolder(const QString& folder, const QStringList& files, QList<FoundModel>& found) {
    const auto has = [&](const char* name) { return files.contains(QLatin1String(name)); };
    const bool weights = std::ranges::any_of(files, isWeights);
    const bool gguf = std::ranges::any_of(files, isGguf);
    if (!has("config.json") || gguf || !(weights || has("tokenizer.json") || has("tokenizer.model")) ||
        found.size() >= limits_.models)
        return false;
    const auto lies = [&](const QString& file) { return mayLie(folder + QLatin1Char('/') + file); };
    if (!std::ranges::all_of(files, lies) || !fresh(folder + QStringLiteral("/config.json")))
        return false;
    FoundModel model{folder, QFileInfo(folder).fileName(), 0, 0};
    for (const QString& file : files) {
        if (isWeights(file)) {
            ++model.parts;
            model.bytes += static_cast<quint64>(QFileInfo(folder + QLatin1Char('/') + file).size());
        }
    }
    found.append(model);
    return true;
}

void ModelWalk::takeFile(const QString& path, const QStringList& beside, QList<FoundModel>& found) {
    const QString file = QFileInfo(path).fileName();
    const std::optional<SplitName> split = splitName(file);
    const int parts = split ? split->count() : 1;
    if ((split && split->number != 1) || found.size() >= limits_.models ||
        !fresh(path)) // later parts are opened with the first
        return;
    FoundModel model{path, file, static_cast<quint64>(QFileInfo(path).size()), parts};
    if (parts > 1) {
        for (const QString& other : beside) {
            const std::optional<SplitName> further_part = splitName(other);
            if (other == file || !other.startsWith(split->stem) || !further_part ||
                further_part->count() != parts)
                continue;
            const QString further = QFileInfo(path).path() + QLatin1Char('/') + other;
            if (!mayLie(further))
                return;
            model.bytes += static_cast<quint64>(QFileInfo(further).size());
        }
    }
    found.append(model);
}

FolderModels::FolderModels(QStringList folders, const ScanLimits& limits)
    : folders_(std::move(folders)), limits_(limits) {}

QString FolderModels::name() const { return QCoreApplication::translate("ModelProvider", "Your folders"); }

QList<FoundModel> FolderModels::find(const std::stop_token& stop) const {
    QList<FoundModel> found;
    ModelWalk walk(limits_, stop);
    for (const QString& folder : folders_)
        walk.walk(folder, found);
    return found;
}

QString OpenedModels::name() const {
    return QCoreApplication::translate("ModelProvider", "Opened by their files");
}

QList<FoundModel> OpenedModels::find(const std::stop_token& stop) const {
    QList<FoundModel> found;
    ModelWalk walk({}, stop);
    for (const QString& path : paths_) {
        if (!stop.stop_requested())
            walk.take(path, found);
    }
    return found;
}

} // namespace switchyard
