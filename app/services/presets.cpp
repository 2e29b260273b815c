#include "app/services/presets.h"

#include "app/services/engine_sentence.h"
#include "app/services/local_files.h"
#include "app/services/tuning_json.h"
#include "engine/base/error.h"

#include <QDir>
#include <QFile>
#include <QSaveFile>
#include <QUrl>

namespace switchyard {

namespace {

const auto kSuffix = QStringLiteral(".json");

bool fail(QString* error, const QString& sentence) {
    if (error)
        *error = sentence;
    return false;
}

} // namespace

Presets::Presets(const QString& folder, QObject* parent) : QObject(parent), folder_(folder) {}

void Presets::setModelDefaults(const Tuning& tuning) {
    model_defaults_ = tuning;
    Q_EMIT changed();
}

QString Presets::fileOf(const QString& name) const {
    // Any name is allowed; what a file name cannot hold is percent-encoded.
    const QByteArray encoded = QUrl::toPercentEncoding(name, " ()+,=@&!'", ".~");
    return QDir(folder_).filePath(QString::fromLatin1(encoded) + kSuffix);
}

QStringList Presets::names() const {
    QStringList names;
    for (const QString& file : QDir(folder_).entryList({QLatin1Char('*') + kSuffix}, QDir::Files, QDir::Name))
        names.append(QUrl::fromPercentEncoding(file.chopped(kSuffix.size()).toUtf8()));
    names.prepend(QString());
    return names;
}

std::optional<Tuning> Presets::load(const QString& name, QString* error) const {
    if (name.isEmpty())
        return model_defaults_;
    QFile file(fileOf(name));
    if (!file.open(QIODevice::ReadOnly)) {
        fail(error, tr("The preset “%1” cannot be read: %2.").arg(name, file.errorString()));
        return std::nullopt;
    }
    try {
        return tuningFromJson(file.readAll());
    } catch (const Error& e) {
        fail(error,
             tr("The preset “%1” is not usable: %2.").arg(name, engineSentence(QString::fromUtf8(e.what()))));
        return std::nullopt;
    }
}

bool Presets::save(const QString& name, const Tuning& tuning, QString* error) {
    if (name.trimmed().isEmpty())
        return fail(error, tr("A preset needs a name."));
    makePrivateFolder(folder_);
    QSaveFile file(fileOf(name));
    // Stop strings and biases are the user's words, too.
    if (!file.open(QIODevice::WriteOnly) || !file.setPermissions(QFile::ReadOwner | QFile::WriteOwner) ||
        file.write(tuningToJson(tuning) + '\n') < 0 || !file.commit())
        return fail(error, tr("The preset “%1” cannot be saved: %2.").arg(name, file.errorString()));
    Q_EMIT changed();
    return true;
}

bool Presets::rename(const QString& from, const QString& to, QString* error) {
    if (to.trimmed().isEmpty())
        return fail(error, tr("A preset needs a name."));
    if (QFile::exists(fileOf(to)))
        return fail(error, tr("There is a preset “%1” already.").arg(to));
    QFile file(fileOf(from));
    if (!file.rename(fileOf(to)))
        return fail(error, tr("The preset “%1” cannot be renamed: %2.").arg(from, file.errorString()));
    Q_EMIT changed();
    return true;
}

bool Presets::remove(const QString& name, QString* error) {
    QFile file(fileOf(name));
    if (!file.remove())
        return fail(error, tr("The preset “%1” cannot be removed: %2.").arg(name, file.errorString()));
    Q_EMIT changed();
    return true;
}

QString Presets::import(const QString& path, QString* error) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        fail(error, tr("%1 cannot be read: %2.").arg(path, file.errorString()));
        return {};
    }
    Tuning tuning;
    try {
        tuning = tuningFromJson(file.read(1 << 20));
    } catch (const Error& e) {
        fail(error, tr("%1 is not a preset: %2.").arg(path, engineSentence(QString::fromUtf8(e.what()))));
        return {};
    }
    const QString base = QFileInfo(path).completeBaseName();
    QString name = base;
    for (int n = 2; QFile::exists(fileOf(name)); ++n)
        name = QStringLiteral("%1 %2").arg(base).arg(n);
    return save(name, tuning, error) ? name : QString();
}

bool Presets::exportTo(const QString& name, const QString& path, QString* error) const {
    const std::optional<Tuning> tuning = load(name, error);
    if (!tuning)
        return false;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(tuningToJson(*tuning) + '\n') < 0 || !file.commit())
        return fail(error, tr("%1 cannot be written: %2.").arg(path, file.errorString()));
    return true;
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_presets.cpp"
