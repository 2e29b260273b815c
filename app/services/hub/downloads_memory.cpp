#include "app/services/hub/downloads_memory.h"

#include "app/services/hub/web_rules.h"

#include <QDir>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace switchyard {
namespace {

constexpr qsizetype kMostOrders = 100, kMostFilesOfOrder = 1000;
constexpr qsizetype kLongestError = 1000; ///< characters

QJsonObject jsonOf(const DownloadFile& file) {
    return {{QStringLiteral("url"), QString::fromLatin1(file.url.toEncoded())},
            {QStringLiteral("name"), file.name},
            {QStringLiteral("bytes"), QString::number(file.bytes)},
            {QStringLiteral("sha256"), QString::fromLatin1(file.sha256)}};
}

DownloadFile fileFrom(const QJsonValue& json) {
    const auto text = [&json](const char* key) { return json[QLatin1String(key)].toString(); };
    return {QUrl::fromEncoded(text("url").toLatin1()), text("name"), text("bytes").toULongLong(),
            sha256Of(text("sha256").toLatin1())};
}

} // namespace

QByteArray writeOrders(const QList<KeptDownload>& downloads) {
    QJsonArray rows;
    for (const auto& [order, error] : downloads) {
        QJsonArray files;
        for (const DownloadFile& file : order.files)
            files.append(jsonOf(file));
        rows.append(QJsonObject{{QStringLiteral("name"), order.name},
                                {QStringLiteral("folder"), order.folder},
                                {QStringLiteral("licence"), order.licence},
                                {QStringLiteral("known"), order.known ? order.known->id : QString()},
                                {QStringLiteral("error"), error.left(kLongestError)},
                                {QStringLiteral("files"), files}});
    }
    return QJsonDocument(rows).toJson();
}

QList<KeptDownload> readOrders(const QByteArray& json, const QList<KnownModel>& known) {
    QList<KeptDownload> downloads;
    for (const QJsonValue& row : QJsonDocument::fromJson(json).array()) {
        DownloadOrder order;
        order.name = row[QLatin1String("name")].toString();
        order.folder = row[QLatin1String("folder")].toString();
        order.licence = row[QLatin1String("licence")].toString();
        const QString id = row[QLatin1String("known")].toString();
        if (const auto model = std::ranges::find(known, id, &KnownModel::id); model != known.end())
            order.known = *model;
        for (const QJsonValue& file : row[QLatin1String("files")].toArray())
            order.files.append(fileFrom(file));
        const bool plain = std::ranges::all_of(order.files, [](const DownloadFile& file) {
            return plainFileName(file.name) == file.name && fileKindRefusal(file.name).isEmpty();
        });
        const bool something =
            order.known.has_value() != !order.files.isEmpty() && order.files.size() <= kMostFilesOfOrder;
        if (plain && something && QDir::isAbsolutePath(order.folder) && downloads.size() < kMostOrders)
            downloads.append({order, row[QLatin1String("error")].toString().left(kLongestError)});
    }
    return downloads;
}

} // namespace switchyard
