#include "app/services/hub/hub_answers.h"

#include "app/services/hub/web_rules.h"
#include "app/services/split_name.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QRegularExpression>

#include <algorithm>
#include <map>

namespace switchyard {
namespace {

constexpr qsizetype kMostModels = 100, kMostEntries = 20'000, kMostFiles = 2'000;
constexpr int kLongestPath = 1000;

QString text(const QJsonValue& value, qsizetype longest = 300) { return value.toString().left(longest); }

quint64 count(const QJsonValue& value) {
    const double number = value.toDouble();
    return number > 0 && number < kMostFileBytes ? static_cast<quint64>(number) : 0;
}

QString licenceOf(const QJsonObject& model) {
    for (const QJsonValue& tag : model[QLatin1String("tags")].toArray()) {
        if (tag.toString().startsWith(QLatin1String("license:")))
            return text(tag, 100).sliced(8);
    }
    return text(model[QLatin1String("cardData")][QLatin1String("license")], 100);
}

HubModel modelOf(const QJsonObject& json) {
    HubModel model;
    model.name = text(json[QLatin1String("id")]);
    if (model.name.isEmpty())
        model.name = text(json[QLatin1String("modelId")]);
    model.licence = licenceOf(json);
    model.downloads = count(json[QLatin1String("downloads")]);
    model.likes = count(json[QLatin1String("likes")]);
    const QJsonValue gated = json[QLatin1String("gated")]; // false, "auto" or "manual"
    model.gated = gated.toBool() || !gated.toString().isEmpty();
    return model;
}

/// "Q4_K_M", "IQ4_XS", "BF16" where a file's name says it.
QString precisionOf(const QString& name) {
    static const QRegularExpression type(
        QStringLiteral(
            "(?:^|[-._])(I?Q\\d(?:_[0-9A-Z]+)*|T?Q\\d_\\d|BF16|FP?16|FP?32|FP8|MXFP4(?:_MOE)?)(?=[-._]|$)"),
        QRegularExpression::CaseInsensitiveOption);
    QString found;
    for (auto it = type.globalMatch(name); it.hasNext();)
        found = it.next().captured(1).toUpper();
    return found;
}

bool isGguf(const QString& path) { return path.endsWith(QLatin1String(".gguf"), Qt::CaseInsensitive); }

struct Entry {
    QString path;
    quint64 bytes = 0;
    QByteArray sha256;
};

void addEntries(QList<Entry>& entries, const QJsonArray& rows) {
    for (const QJsonValue& row : rows) {
        if (entries.size() == kMostEntries)
            break;
        const QString path = row[QLatin1String("path")].toString();
        if (row[QLatin1String("type")].toString() != QLatin1String("file") || path.size() > kLongestPath)
            continue;
        const QJsonValue lfs = row[QLatin1String("lfs")];
        QByteArray sum = sha256Of(lfs[QLatin1String("oid")].toString().toLatin1());
        if (sum.isEmpty())
            sum = sha256Of(lfs[QLatin1String("sha256")].toString().toLatin1());
        const quint64 whole = count(lfs[QLatin1String("size")]);
        entries.append({path, whole > 0 ? whole : count(row[QLatin1String("size")]), sum});
    }
}

DownloadFile fileOf(const Entry& entry) {
    QUrl url;
    url.setPath(entry.path, QUrl::DecodedMode);
    return {url, plainFileName(entry.path), entry.bytes, entry.sha256};
}

void add(HubFile& model, const Entry& entry) {
    model.files.append(fileOf(entry));
    model.bytes += entry.bytes;
}

/// Parts of a split file stand together, under the first one's name; where one is missing, none.
QList<HubFile> ggufFiles(const QList<Entry>& entries) {
    QList<HubFile> models;
    std::map<QString, std::map<int, Entry>> split;
    for (const Entry& entry : entries) {
        const QString name = plainFileName(entry.path);
        if (!isGguf(entry.path) || name.isEmpty() || entry.bytes == 0 ||
            name.startsWith(QLatin1String("mmproj"), Qt::CaseInsensitive))
            continue;
        if (const std::optional<SplitName> part = splitName(entry.path)) {
            split[part->stem + QLatin1Char('/') + part->parts][part->number] = entry;
            continue;
        }
        HubFile model;
        model.name = name;
        model.precision = precisionOf(name.chopped(5));
        add(model, entry);
        models.append(model);
    }
    for (const auto& [name, parts] : split) {
        const int all = name.section(QLatin1Char('/'), -1).toInt();
        if (all < 1 || parts.size() != static_cast<std::size_t>(all) || parts.begin()->first != 1 ||
            parts.rbegin()->first != all)
            continue;
        HubFile model;
        const QString base = name.section(QLatin1Char('/'), -2, -2);
        model.name = base + QStringLiteral(".gguf");
        model.precision = precisionOf(base);
        for (const auto& [number, entry] : parts)
            add(model, entry);
        models.append(model);
    }
    return models;
}

/// The repository itself as a folder of weights: what lies at its top and is needed to open it.
std::optional<HubFile> folderFile(const QList<Entry>& entries) {
    static const QStringList beside{QStringLiteral("config.json"),
                                    QStringLiteral("generation_config.json"),
                                    QStringLiteral("tokenizer.json"),
                                    QStringLiteral("tokenizer_config.json"),
                                    QStringLiteral("tokenizer.model"),
                                    QStringLiteral("special_tokens_map.json"),
                                    QStringLiteral("added_tokens.json"),
                                    QStringLiteral("vocab.json"),
                                    QStringLiteral("merges.txt"),
                                    QStringLiteral("chat_template.jinja"),
                                    QStringLiteral("chat_template.json"),
                                    QStringLiteral("quantize_config.json"),
                                    QStringLiteral("model.safetensors.index.json")};
    HubFile model;
    model.folder = true;
    model.name = QStringLiteral("safetensors");
    bool config = false, weights = false;
    for (const Entry& entry : entries) {
        const bool shard = entry.path.endsWith(QLatin1String(".safetensors"));
        if (entry.path.contains(QLatin1Char('/')) || (!shard && !beside.contains(entry.path)) ||
            plainFileName(entry.path) != entry.path || entry.bytes == 0)
            continue;
        config = config || entry.path == QLatin1String("config.json");
        weights = weights || shard;
        add(model, entry);
    }
    if (!config || !weights)
        return {};
    // The file by which a folder is known as a model is named last.
    std::ranges::stable_partition(
        model.files, [](const DownloadFile& file) { return file.name != QLatin1String("config.json"); });
    return model;
}

} // namespace

bool HubFile::verifiable() const {
    return std::ranges::all_of(
        files, [](const DownloadFile& file) { return !file.sha256.isEmpty() || !isWeights(file.name); });
}

bool isHubName(const QString& text) {
    static const QRegularExpression name(
        QStringLiteral("^[A-Za-z0-9_][A-Za-z0-9._-]{0,95}/[A-Za-z0-9_][A-Za-z0-9._-]{0,95}$"));
    return name.match(text).hasMatch() && !text.contains(QLatin1String("..")) &&
           !text.contains(QLatin1String("--"));
}

std::optional<QList<HubModel>> readModels(const QByteArray& json) {
    const QJsonDocument document = QJsonDocument::fromJson(json);
    if (!document.isArray())
        return {};
    QList<HubModel> models;
    for (const QJsonValue& row : document.array()) {
        const HubModel model = modelOf(row.toObject());
        if (isHubName(model.name) && models.size() < kMostModels)
            models.append(model);
    }
    return models;
}

std::optional<HubListing> readModel(const QByteArray& json) {
    static const QRegularExpression commit(QStringLiteral("^[0-9a-f]{40}$"));
    const QJsonObject object = QJsonDocument::fromJson(json).object();
    HubListing listing;
    listing.model = modelOf(object);
    listing.commit = object[QLatin1String("sha")].toString();
    if (!isHubName(listing.model.name) || !commit.match(listing.commit).hasMatch())
        return {};
    const QJsonValue gguf = object[QLatin1String("gguf")];
    listing.parameters = count(gguf[QLatin1String("total")]);
    if (listing.parameters == 0)
        listing.parameters = count(object[QLatin1String("safetensors")][QLatin1String("total")]);
    listing.architecture = text(gguf[QLatin1String("architecture")], 60);
    listing.context =
        static_cast<int>(std::min<quint64>(count(gguf[QLatin1String("context_length")]), 1 << 30));
    return listing;
}

std::optional<QList<HubFile>> readTree(const QByteArray& json) { return readTreePages({json}); }

std::optional<QList<HubFile>> readTreePages(const QList<QByteArray>& pages) {
    QList<Entry> entries;
    for (const QByteArray& page : pages) {
        const QJsonDocument document = QJsonDocument::fromJson(page);
        if (!document.isArray())
            return {};
        addEntries(entries, document.array());
    }
    QList<HubFile> models = ggufFiles(entries);
    if (models.isEmpty()) {
        if (const auto folder = folderFile(entries))
            models.append(*folder);
    }
    std::ranges::stable_sort(models, {}, &HubFile::bytes);
    if (models.size() > kMostFiles)
        models.resize(kMostFiles);
    return models;
}

} // namespace switchyard
