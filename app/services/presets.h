// Named settings of the dials, one JSON file each. The model's own defaults are one of them.
#pragma once

#include "engine/run/tuning.h"

#include <QObject>
#include <QStringList>

#include <optional>

namespace switchyard {

class Presets : public QObject {
    Q_OBJECT
  public:
    explicit Presets(const QString& folder, QObject* parent = nullptr);

    /// The model's own come first; an empty name.
    void setModelDefaults(const Tuning& tuning);
    QStringList names() const;
    /// nullopt where it is gone or unreadable (`error` says why). An empty name: the model's own.
    std::optional<Tuning> load(const QString& name, QString* error = nullptr) const;
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
    QString fileOf(const QString& name) const;
    QString folder_;
    Tuning model_defaults_;
};

} // namespace switchyard
