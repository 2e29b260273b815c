// A run's record as it lies in the database.
#pragma once

#include "engine/run/record.h"

#include <QByteArray>

namespace switchyard {

struct RunBlob {
    int encoding = 0; ///< 0: JSON; 1: compressed by zlib behind its length in four bytes (qCompress)
    QByteArray bytes;
};

/// JSON, compressed where it is longer than 4 KiB.
RunBlob packRun(const RunRecord& record);
/// Throws Error where the bytes are not a record.
RunRecord unpackRun(const RunBlob& blob);

} // namespace switchyard
