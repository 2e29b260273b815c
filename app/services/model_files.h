// The files that a model of the library consists of: what they are called together, and how they go.
#pragma once

#include "app/services/model_library.h"

#include <QByteArray>

#include <functional>

namespace switchyard {

/// All files of weights of the model, or its folder; only such as are there.
QStringList filesOf(const ModelEntry& model);

/// Moves all of them to the trash of the desktop. Returns why not, as a sentence, where one cannot be; what
/// went before is then put back.
QString moveToTrash(const QStringList& paths);

/// SHA-256 of a file, in hexadecimal digits; "" where it was stopped or cannot be read. `progress`: 0 .. 1.
QByteArray sha256OfFile(const QString& path, const std::stop_token& stop,
                        const std::function<void(double share)>& progress);

} // namespace switchyard
