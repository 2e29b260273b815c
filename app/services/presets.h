// Named settings of the dials, one JSON file each. The model's own defaults are one of them; a few are there
// from the start.
#pragma once

#include "app/services/named_files.h"

#include "engine/run/tuning.h"

#include <QObject>
#include <QStringList>

#include <optional>

namespace switchyard {

class Presets : public QObject {
    Q_OBJECT
  public:
    explicit Presets(const QString& folder, QObject* parent = nullptr);

    void setModelDefaults(const Tuning& tuning);
    /// The model's own come first, an empty name; then the program's own, then the user's.
    QStringList names() const;
    /// Of the model or of the program: it cannot be saved over, renamed or deleted.
    static bool isFixed(const QString& name);
    /// As it is shown: the name, or in the user's language what the program calls it.
    static QString title(const QString& name);
    /// nullopt where it is gone or unreadable (`error` says why). An empty name: the model's own.
    std::optional<Tuning> load(const QString& name, QString* error = nullptr) const;
    /// What choosing it makes of the dials as they are. The program's own move sampling alone: precision,
    /// experts and all else stay.
    static Tuning chosen(const QString& name, const Tuning& preset, Tuning now);
    /// False where it cannot be written; `error` says why.
    bool save(const QString& name, const Tuning& tuning, QString* error = nullptr);
    bool rename(const QString& from, const QString& to, QString* error = nullptr);
    bool remove(const QString& name, QString* error = nullptr);
    /// Takes a preset from a file someone shared; its name, or empty with `error`.
    QString import(const QString& file, QString* error = nullptr);
    bool exportTo(const QString& name, const QString& file, QString* error = nullptr) const;

  Q_SIGNALS:
    void changed();

  private:
    bool mayBe(const QString& name, QString* error) const;

    NamedFiles files_;
    Tuning model_defaults_;
};

} // namespace switchyard
