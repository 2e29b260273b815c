#include "app/services/paths.h"

#include <QDir>
#include <QStandardPaths>

namespace switchyard {

Paths Paths::standard(const QString& data_folder) {
    const QString name = QStringLiteral("/switchyard");
    Paths paths;
    if (data_folder.isEmpty()) {
        paths.data = QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) + name;
        paths.settings = QStandardPaths::writableLocation(QStandardPaths::GenericConfigLocation) + name +
                         QStringLiteral("/switchyard.ini");
    } else {
        paths.data = QDir(data_folder).absolutePath();
        paths.settings = paths.data + QStringLiteral("/switchyard.ini");
    }
    paths.models = paths.data + QStringLiteral("/models");
    paths.presets = paths.data + QStringLiteral("/presets");
    QDir().mkpath(paths.models);
    QDir().mkpath(paths.presets);
    return paths;
}

} // namespace switchyard
