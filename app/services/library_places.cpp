#include "app/services/library_places.h"

#include "app/services/model_stores.h"

#include <QDir>

#include <algorithm>
#include <utility>

namespace switchyard {
namespace {
constexpr qsizetype kMostOpened = 20; ///< the last ones
} // namespace

LibraryPlaces::LibraryPlaces(ModelLibrary& library, CurrentModel& model, Settings& settings,
                             QString own_folder, QObject* parent)
    : QObject(parent), library_(library), model_(model), settings_(settings),
      own_folder_(std::move(own_folder)) {
    connect(&settings_, &Settings::changed, this, [this](Setting setting) {
        if (setting == Setting::ModelFolders || setting == Setting::OpenedModels)
            tellLibrary();
    });
    connect(&model_, &CurrentModel::stateChanged, this, &LibraryPlaces::noteOpened);
    connect(&library_, &ModelLibrary::changed, this, &LibraryPlaces::noteOpened);
    tellLibrary();
}

void LibraryPlaces::tellLibrary() {
    library_.setProviders(modelProviders(QStringList{own_folder_} + settings_.get<Setting::ModelFolders>(),
                                         settings_.get<Setting::OpenedModels>()));
}

/// A model that works and is in no list. While the library looks it may yet find it.
void LibraryPlaces::noteOpened() {
    if (library_.scanning() || model_.state() != ModelState::Ready)
        return;
    const QString path = model_.capabilities().model_path;
    const QList<ModelEntry>& listed = library_.models();
    QStringList opened = settings_.get<Setting::OpenedModels>();
    if (!QDir::isAbsolutePath(path) || opened.contains(path) ||
        std::ranges::find(listed, path, &ModelEntry::path) != listed.end())
        return;
    opened.append(path);
    settings_.set<Setting::OpenedModels>(opened.last(std::min(opened.size(), kMostOpened)));
}

} // namespace switchyard
