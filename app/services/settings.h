// The user's choices, in an ini file: read and written by the table of settings.
#pragma once

#include "app/services/settings_table.h"

#include <QObject>
#include <QSettings>
#include <QVariant>

namespace switchyard {

class Settings : public QObject {
    Q_OBJECT
  public:
    explicit Settings(const QString& file, QObject* parent = nullptr);

    /// The stored value, or the default where there is none or it is none that the table allows.
    template <Setting S>
    SettingValue<S> get() const {
        return read(settingRow(S)).template value<SettingValue<S>>();
    }
    /// What the table does not allow is not stored.
    template <Setting S>
    void set(const SettingValue<S>& value) {
        write(settingRow(S), QVariant::fromValue(value));
    }

    /// The same by row, for those who go through the table: of the row's type.
    QVariant read(const SettingRow& row) const;
    void write(const SettingRow& row, const QVariant& value);

  Q_SIGNALS:
    void changed(switchyard::Setting setting);

  private:
    QSettings settings_;
};

} // namespace switchyard
