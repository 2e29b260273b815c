// The models that can be chosen, as entries of a menu.
#pragma once

#include "app/services/model_library.h"

#include <functional>

class QMenu;

namespace switchyard {

/// Adds the models that can be used, in sections by where they were found; `current` (a path) is checked.
/// `chosen` is called with the path. Where there is none a line says so.
void addModels(QMenu& menu, const QList<ModelEntry>& models, const QString& current,
               const std::function<void(const QString& path)>& chosen);

/// What the library calls a model: a file in another program's store may have a name that says nothing.
QString libraryName(const QList<ModelEntry>& models, const QString& path, const QString& otherwise);

} // namespace switchyard
