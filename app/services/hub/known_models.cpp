#include "app/services/hub/known_models.h"

#include "app/services/hub/web_rules.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

#include <algorithm>

namespace switchyard {
namespace {

constexpr double kLargestModel = 1e13;

quint64 bytesOf(const QJsonValue& value) {
    const double bytes = value.toDouble();
    return bytes > 0 && bytes < kLargestModel ? static_cast<quint64>(bytes) : 0;
}

QByteArray sumOf(const QJsonValue& value) { return sha256Of(value.toString().toLatin1()); }

QList<PackagePart> partsOf(const QJsonArray& rows) {
    QList<PackagePart> parts;
    for (const QJsonValue& row : rows)
        parts.append({row[QLatin1String("package")].toString(), row[QLatin1String("version")].toString(),
                      row[QLatin1String("member")].toString(), bytesOf(row[QLatin1String("bytes")]),
                      sumOf(row[QLatin1String("sha256")])});
    return parts;
}

bool makesSense(const KnownModel& model) {
    quint64 sum = 0;
    for (const PackagePart& part : model.parts) {
        if (part.package.isEmpty() || part.version.isEmpty() || part.member.isEmpty() || part.bytes == 0 ||
            part.sha256.isEmpty())
            return false;
        sum += part.bytes;
    }
    return !model.id.isEmpty() && plainFileName(model.file) == model.file && !model.file.isEmpty() &&
           !model.sha256.isEmpty() && model.bytes > 0 && sum == model.bytes;
}

} // namespace

QList<KnownModel> readKnownModels(const QByteArray& json) {
    QList<KnownModel> models;
    const QJsonArray rows = QJsonDocument::fromJson(json).object()[QLatin1String("models")].toArray();
    for (const QJsonValue& row : rows) {
        const auto text = [&row](const char* key) { return row[QLatin1String(key)].toString(); };
        KnownModel model;
        model.id = text("id");
        model.name = text("name");
        model.file = text("file");
        model.licence = text("licence");
        model.bytes = bytesOf(row[QLatin1String("bytes")]);
        model.memory_bytes = bytesOf(row[QLatin1String("memory_bytes")]);
        model.sha256 = sumOf(row[QLatin1String("sha256")]);
        model.parts = partsOf(row[QLatin1String("parts")].toArray());
        if (makesSense(model))
            models.append(model);
    }
    return models;
}

QList<KnownModel> knownModels() {
    QFile table(QStringLiteral(":/models.json"));
    return table.open(QIODevice::ReadOnly) ? readKnownModels(table.readAll()) : QList<KnownModel>();
}

QString spokenName(const KnownModel& model) {
    static const QRegularExpression ending(QStringLiteral("-(?:Instruct|Chat)$")),
        size(QStringLiteral("-(\\d+(?:\\.\\d+)?[BM])$"));
    QString name = model.name;
    return name.remove(ending).replace(size, QStringLiteral(" \\1"));
}

const KnownModel* firstModel(const QList<KnownModel>& models, quint64 memory) {
    for (const char* id : {"default", "small"}) {
        const auto found = std::ranges::find(models, QLatin1String(id), &KnownModel::id);
        if (found != models.end() && (memory == 0 || found->memory_bytes <= memory))
            return &*found;
    }
    return nullptr;
}

} // namespace switchyard
