#include "app/services/presets.h"

#include "app/services/engine_sentence.h"
#include "app/services/local_files.h"
#include "app/services/tuning_json.h"
#include "engine/base/error.h"

#include <QFile>
#include <QFileInfo>
#include <QSaveFile>

#include <array>

namespace switchyard {

namespace {

constexpr qint64 kLargest = 1 << 20; // bytes

/// A preset that is there from the start: sampling alone, so that neither speed nor memory change by it.
struct BuiltIn {
    const char* name; ///< no name that a user can give: a file's begins with no colon
    const char* title;
    double temperature, top_p, min_p, repetition_penalty;
    int top_k;
};

// Precise takes the likeliest of few; Creative leaves most to chance and lets min-p cut off what is absurd.
constexpr std::array kBuiltIn{
    BuiltIn{":precise", QT_TRANSLATE_NOOP("switchyard::Presets", "Precise"), 0.2, 0.9, 0.0, 1.05, 20},
    BuiltIn{":balanced", QT_TRANSLATE_NOOP("switchyard::Presets", "Balanced"), 0.7, 0.95, 0.0, 1.08, 40},
    BuiltIn{":creative", QT_TRANSLATE_NOOP("switchyard::Presets", "Creative"), 1.1, 1.0, 0.05, 1.1, 0},
};

const BuiltIn* builtIn(const QString& name) {
    for (const BuiltIn& preset : kBuiltIn) {
        if (name == QLatin1String(preset.name))
            return &preset;
    }
    return nullptr;
}

Tuning withSampling(Tuning tuning, const SequenceTuning& sampling) {
    SequenceTuning& to = tuning.sequence;
    to.temperature = sampling.temperature;
    to.top_p = sampling.top_p;
    to.top_k = sampling.top_k;
    to.min_p = sampling.min_p;
    to.repetition_penalty = sampling.repetition_penalty;
    return tuning;
}

} // namespace

Presets::Presets(const QString& folder, QObject* parent)
    : QObject(parent), files_(folder, QStringLiteral(".json")) {}

void Presets::setModelDefaults(const Tuning& tuning) {
    model_defaults_ = tuning;
    Q_EMIT changed();
}

QStringList Presets::names() const {
    QStringList names{QString()};
    for (const BuiltIn& preset : kBuiltIn)
        names.append(QLatin1String(preset.name));
    for (const QString& name : files_.names()) {
        if (!isFixed(name))
            names.append(name);
    }
    return names;
}

bool Presets::isFixed(const QString& name) { return name.isEmpty() || builtIn(name); }

QString Presets::title(const QString& name) {
    if (name.isEmpty())
        return tr("Model's defaults");
    const BuiltIn* preset = builtIn(name);
    return preset ? tr(preset->title) : name;
}

Tuning Presets::chosen(const QString& name, const Tuning& preset, Tuning now) {
    return builtIn(name) ? withSampling(std::move(now), preset.sequence) : preset;
}

std::optional<Tuning> Presets::load(const QString& name, QString* error) const {
    if (name.isEmpty())
        return model_defaults_;
    if (const BuiltIn* preset = builtIn(name)) {
        SequenceTuning sampling;
        sampling.temperature = preset->temperature;
        sampling.top_p = preset->top_p;
        sampling.top_k = preset->top_k;
        sampling.min_p = preset->min_p;
        sampling.repetition_penalty = preset->repetition_penalty;
        return withSampling(model_defaults_, sampling);
    }
    QString reason;
    const std::optional<QByteArray> json = files_.read(name, kLargest, &reason);
    if (!json) {
        failWith(error, tr("The preset “%1” cannot be read: %2.").arg(name, reason));
        return std::nullopt;
    }
    try {
        return tuningFromJson(*json);
    } catch (const Error& e) {
        failWith(
            error,
            tr("The preset “%1” is not usable: %2.").arg(name, engineSentence(QString::fromUtf8(e.what()))));
        return std::nullopt;
    }
}

/// Whether a preset may be kept under this name.
bool Presets::mayBe(const QString& name, QString* error) const {
    if (name.trimmed().isEmpty())
        return failWith(error, tr("A preset needs a name."));
    if (isFixed(name))
        return failWith(error,
                        tr("The preset “%1” is the program's own: choose another name.").arg(title(name)));
    return true;
}

bool Presets::save(const QString& name, const Tuning& tuning, QString* error) {
    QString reason;
    if (!mayBe(name, error))
        return false;
    // Stop strings and biases are the user's words, too.
    if (!files_.write(name, tuningToJson(tuning) + '\n', &reason))
        return failWith(error, tr("The preset “%1” cannot be saved: %2.").arg(name, reason));
    Q_EMIT changed();
    return true;
}

bool Presets::rename(const QString& from, const QString& to, QString* error) {
    QString reason;
    if (!mayBe(to, error))
        return false;
    if (files_.has(to))
        return failWith(error, tr("There is a preset “%1” already.").arg(to));
    if (!files_.rename(from, to, &reason))
        return failWith(error, tr("The preset “%1” cannot be renamed: %2.").arg(from, reason));
    Q_EMIT changed();
    return true;
}

bool Presets::remove(const QString& name, QString* error) {
    QString reason;
    if (!files_.remove(name, &reason))
        return failWith(error, tr("The preset “%1” cannot be removed: %2.").arg(name, reason));
    Q_EMIT changed();
    return true;
}

QString Presets::import(const QString& path, QString* error) {
    QFile file(path);
    if (!file.open(QIODevice::ReadOnly)) {
        failWith(error, tr("%1 cannot be read: %2.").arg(path, file.errorString()));
        return {};
    }
    Tuning tuning;
    try {
        tuning = tuningFromJson(file.read(kLargest));
    } catch (const Error& e) {
        failWith(error, tr("%1 is not a preset: %2.").arg(path, engineSentence(QString::fromUtf8(e.what()))));
        return {};
    }
    const QString base = QFileInfo(path).completeBaseName();
    const QString name = files_.freeName(base);
    return save(name, tuning, error) ? name : QString();
}

bool Presets::exportTo(const QString& name, const QString& path, QString* error) const {
    const std::optional<Tuning> tuning = load(name, error);
    if (!tuning)
        return false;
    QSaveFile file(path);
    if (!file.open(QIODevice::WriteOnly) || file.write(tuningToJson(*tuning) + '\n') < 0 ||
        !commitWhole(file))
        return failWith(error, tr("%1 cannot be written: %2.").arg(path, file.errorString()));
    return true;
}

} // namespace switchyard

// Here, so that only programs that use it link it.
#include "moc_presets.cpp"
