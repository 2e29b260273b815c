#include "app/services/paths.h"

#include "app/services/local_files.h"

#include <QDir>
#include <QFileInfo>
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
    paths.prompts = paths.data + QStringLiteral("/prompts");
    // The data folder first: a folder that is made on the way to another is that one's.
    for (const QString& folder :
         {paths.data, paths.models, paths.presets, paths.prompts, QFileInfo(paths.settings).path()})
        makePrivateFolder(folder);
    return paths;
}

} // namespace switchyard
