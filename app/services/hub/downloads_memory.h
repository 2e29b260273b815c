// Downloads that had not ended with the program, as they are kept for the next start. Tokens are not.
#pragma once

#include "app/services/hub/download.h"

namespace switchyard {

struct KeptDownload {
    DownloadOrder order;
    QString error; ///< why it failed, as a sentence; "": it did not
};

QByteArray writeOrders(const QList<KeptDownload>& downloads);
/// What makes no sense is left out. `known`: the models that orders may be for by their id.
QList<KeptDownload> readOrders(const QByteArray& json, const QList<KnownModel>& known);

} // namespace switchyard
