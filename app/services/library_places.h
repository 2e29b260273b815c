// Where the library looks for models: the program's own folder, those of the user, other programs' stores,
// and what was opened by its path, which is listed from then on.
#pragma once

#include "app/services/current_model.h"
#include "app/services/model_library.h"
#include "app/services/settings.h"

#include <QObject>

namespace switchyard {

class LibraryPlaces : public QObject {
    Q_OBJECT
  public:
    /// All must outlive it. `own_folder`: the data folder's.
    LibraryPlaces(ModelLibrary& library, CurrentModel& model, Settings& settings, QString own_folder,
                  QObject* parent = nullptr);

  private:
    void tellLibrary();
    void noteOpened();

    ModelLibrary& library_;
    CurrentModel& model_;
    Settings& settings_;
    const QString own_folder_;
};

} // namespace switchyard
