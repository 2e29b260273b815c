#include "app/services/settings.h"

#include "app/services/local_files.h"

#include <QDir>
#include <QFileInfo>

#include <algorithm>
#include <optional>

namespace switchyard {

namespace {

constexpr qsizetype kLongestText = 4096, kLongestState = 65536;

/// QSettings writes a new file for everybody to read, and keeps the rights of one that is there.
QString privateFile(const QString& path) {
    makePrivateFolder(QFileInfo(path).path());
    makePrivateFile(path);
    return path;
}

QString keyOf(const SettingRow& row) {
    return QString::fromUtf8(row.key.data(), static_cast<qsizetype>(row.key.size()));
}

bool isText(const QVariant& stored) { return stored.typeId() == QMetaType::QString; }

bool mayBe(const QString& text, bool path) {
    return text.size() <= kLongestText && !text.contains(QChar(u'\0')) &&
           (!path || QDir::isAbsolutePath(text));
}

// Stored values to those of the row's type; nullopt: it is none. The file has nothing but texts, lists of
// texts and bytes; what was set since has its own type.

std::optional<QVariant> take(const FlagSetting&, const QVariant& stored) {
    const QString word = stored.toString();
    if (stored.typeId() == QMetaType::Bool || word == QLatin1String("true") || word == QLatin1String("false"))
        return stored.toBool();
    return std::nullopt;
}

std::optional<QVariant> take(const WholeSetting& kind, const QVariant& stored) {
    bool is_number = isText(stored) || stored.typeId() == QMetaType::Int;
    const int number = is_number ? stored.toString().toInt(&is_number) : 0;
    if (!is_number || (number != kind.standard && (number < kind.least || number > kind.most)))
        return std::nullopt;
    return number;
}

std::optional<QVariant> take(const RealSetting& kind, const QVariant& stored) {
    bool is_number = isText(stored) || stored.typeId() == QMetaType::Double;
    const double number = is_number ? stored.toDouble(&is_number) : 0;
    if (!is_number || (number != kind.standard && !(number >= kind.least && number <= kind.most)))
        return std::nullopt;
    return number;
}

std::optional<QVariant> take(const WordSetting& kind, const QVariant& stored) {
    const std::string word = stored.toString().toStdString();
    if (!isText(stored) || std::find(kind.words.begin(), kind.words.end(), word) == kind.words.end())
        return std::nullopt;
    return stored;
}

std::optional<QVariant> take(const ThemeSetting& kind, const QVariant& stored) {
    if (stored.metaType() == QMetaType::fromType<Theme>())
        return stored;
    const auto word = std::find(kind.words.begin(), kind.words.end(), stored.toString().toStdString());
    if (!isText(stored) || word == kind.words.end())
        return std::nullopt;
    return QVariant::fromValue(static_cast<Theme>(word - kind.words.begin()));
}

std::optional<QVariant> take(const TextSetting& kind, const QVariant& stored) {
    if (!isText(stored) || !(stored.toString().isEmpty() || mayBe(stored.toString(), kind.path)))
        return std::nullopt;
    return stored;
}

/// A list of one is a text in the file, and an empty one is nothing. What is wrong in it is left out.
std::optional<QVariant> take(const TextsSetting& kind, const QVariant& stored) {
    if (stored.isValid() && !isText(stored) && stored.typeId() != QMetaType::QStringList)
        return std::nullopt;
    QStringList texts;
    for (const QString& text : stored.toStringList()) {
        if (!text.isEmpty() && mayBe(text, kind.paths))
            texts << text;
    }
    return texts;
}

std::optional<QVariant> take(const StateSetting&, const QVariant& stored) {
    if (stored.typeId() != QMetaType::QByteArray || stored.toByteArray().size() > kLongestState)
        return std::nullopt;
    return stored;
}

QVariant standardOf(const SettingKind& kind) {
    return std::visit(
        [](const auto& of) -> QVariant {
            using Kind = std::decay_t<decltype(of)>;
            if constexpr (std::is_same_v<Kind, WordSetting>)
                return QString::fromUtf8(of.standard.data(), static_cast<qsizetype>(of.standard.size()));
            else if constexpr (requires { of.standard; })
                return QVariant::fromValue(of.standard);
            else
                return QVariant::fromValue(typename Kind::Value());
        },
        kind);
}

std::optional<QVariant> taken(const SettingRow& row, const QVariant& stored) {
    return std::visit([&](const auto& kind) { return take(kind, stored); }, row.kind);
}

/// As it stands in the file.
QVariant stored(const SettingRow& row, const QVariant& value) {
    if (const auto* theme = std::get_if<ThemeSetting>(&row.kind)) {
        const std::string_view word = theme->words[static_cast<std::size_t>(value.value<Theme>())];
        return QString::fromUtf8(word.data(), static_cast<qsizetype>(word.size()));
    }
    return value;
}

} // namespace

Settings::Settings(const QString& file, QObject* parent)
    : QObject(parent), settings_(privateFile(file), QSettings::IniFormat) {}

QVariant Settings::read(const SettingRow& row) const {
    const QString key = keyOf(row);
    if (settings_.contains(key)) {
        if (const std::optional<QVariant> value = taken(row, settings_.value(key)))
            return *value;
    }
    return standardOf(row.kind);
}

void Settings::write(const SettingRow& row, const QVariant& value) {
    const std::optional<QVariant> allowed = taken(row, value);
    if (!allowed)
        return;
    const QString key = keyOf(row);
    const QVariant written = stored(row, *allowed);
    if (settings_.contains(key) && settings_.value(key) == written)
        return;
    settings_.setValue(key, written);
    Q_EMIT changed(row.setting);
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_settings.cpp"
