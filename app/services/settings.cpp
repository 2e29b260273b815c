#include "app/services/settings.h"

#include "app/services/local_files.h"

#include <QFileInfo>

namespace switchyard {

namespace {

// Keys as in the file, and as changed() names them.
const auto kTheme = QStringLiteral("theme");
const auto kLanguage = QStringLiteral("language");
const auto kEnterSends = QStringLiteral("enter_sends");
const auto kModelFolders = QStringLiteral("model_folders");
const auto kLastModel = QStringLiteral("last_model");
const auto kDataFolder = QStringLiteral("data_folder");
const auto kPreset = QStringLiteral("preset");

/// QSettings writes a new file for everybody to read, and keeps the rights of one that is there.
QString privateFile(const QString& path) {
    makePrivateFolder(QFileInfo(path).path());
    makePrivateFile(path);
    return path;
}

} // namespace

Settings::Settings(const QString& file, QObject* parent)
    : QObject(parent), settings_(privateFile(file), QSettings::IniFormat) {}

Theme Settings::theme() const {
    const QString name = value(kTheme).toString();
    return name == QLatin1String("light")  ? Theme::Light
           : name == QLatin1String("dark") ? Theme::Dark
                                           : Theme::System;
}

void Settings::setTheme(Theme theme) {
    setValue(kTheme, theme == Theme::Light  ? QStringLiteral("light")
                     : theme == Theme::Dark ? QStringLiteral("dark")
                                            : QStringLiteral("system"));
}

QString Settings::language() const { return value(kLanguage).toString(); }
void Settings::setLanguage(const QString& language) { setValue(kLanguage, language); }

bool Settings::enterSends() const { return value(kEnterSends, true).toBool(); }
void Settings::setEnterSends(bool on) { setValue(kEnterSends, on); }

QStringList Settings::modelFolders() const { return value(kModelFolders).toStringList(); }
void Settings::setModelFolders(const QStringList& folders) { setValue(kModelFolders, folders); }

QString Settings::lastModel() const { return value(kLastModel).toString(); }
void Settings::setLastModel(const QString& path) { setValue(kLastModel, path); }

QString Settings::dataFolder() const { return value(kDataFolder).toString(); }
void Settings::setDataFolder(const QString& folder) { setValue(kDataFolder, folder); }

QString Settings::preset() const { return value(kPreset).toString(); }
void Settings::setPreset(const QString& name) { setValue(kPreset, name); }

QVariant Settings::value(const QString& key, const QVariant& fallback) const {
    return settings_.value(key, fallback);
}

void Settings::setValue(const QString& key, const QVariant& value) {
    if (settings_.contains(key) && settings_.value(key) == value)
        return;
    settings_.setValue(key, value);
    Q_EMIT changed(key);
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_settings.cpp"
