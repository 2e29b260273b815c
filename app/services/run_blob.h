// A run's record, or its summary, as it lies in the database.
#pragma once

#include "engine/run/record.h"

#include <QByteArray>

namespace switchyard {

struct RunBlob {
    /// 0: JSON; 1: compressed by zlib behind its length in four bytes (qCompress); 2: either, without the
    /// tokens, which are in chunks.
    int encoding = 0;
    QByteArray bytes;
};

/// JSON, compressed where it is longer than 4 KiB.
RunBlob packRun(const RunRecord& record);
/// Throws Error where the bytes are not a record.
RunRecord unpackRun(const RunBlob& blob);

} // namespace switchyard
