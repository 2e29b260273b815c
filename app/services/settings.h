// The user's choices, in an ini file.
#pragma once

#include <QObject>
#include <QSettings>
#include <QStringList>
#include <QVariant>

namespace switchyard {

enum class Theme { System, Light, Dark };

class Settings : public QObject {
    Q_OBJECT
  public:
    explicit Settings(const QString& file, QObject* parent = nullptr);

    Theme theme() const;
    void setTheme(Theme theme);
    QString language() const; ///< "", "en", "zh_CN"; empty: the system's
    void setLanguage(const QString& language);
    bool enterSends() const; ///< false: Ctrl+Enter sends, Enter breaks the line
    void setEnterSends(bool on);
    /// Searched for models besides the data folder's own.
    QStringList modelFolders() const;
    void setModelFolders(const QStringList& folders);
    QString lastModel() const; ///< path
    void setLastModel(const QString& path);
    /// The data folder the user chose for the next start; empty: the standard one.
    QString dataFolder() const;
    void setDataFolder(const QString& folder);
    QString preset() const; ///< name of the one in use; empty: the model's own
    void setPreset(const QString& name);

    /// Anything else that is remembered (geometry, splitters, open groups): "window/geometry" and so on.
    QVariant value(const QString& key, const QVariant& fallback = {}) const;
    void setValue(const QString& key, const QVariant& value);

  Q_SIGNALS:
    void changed(const QString& key); ///< "theme", "language", "enter_sends", "model_folders" ...

  private:
    QSettings settings_;
};

} // namespace switchyard
