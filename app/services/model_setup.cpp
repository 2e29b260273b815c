#include "app/services/model_setup.h"

namespace switchyard {
namespace {

constexpr qsizetype kMostKept = 500; ///< models; the oldest goes

int within(const QString& digits, int least, int most) {
    bool whole = false;
    const int value = digits.toInt(&whole);
    return whole && value >= least && value <= most ? value : 0;
}

} // namespace

QString setupText(const ModelSetup& setup, const QString& model) {
    QString text;
    const auto add = [&text](const char* name, int value) {
        if (value > 0)
            text += QStringLiteral("%1=%2 ").arg(QLatin1String(name)).arg(value);
    };
    add("context", setup.context);
    add("threads", setup.threads);
    add("idle", setup.idle_minutes);
    add("lock", setup.lock ? 1 : 0);
    return text.isEmpty() ? text : text + model;
}

ModelSetup readSetup(const QString& text, QString* model) {
    ModelSetup setup;
    qsizetype at = 0;
    while (at < text.size() && text[at] != QLatin1Char('/')) { // a path begins at the root
        const qsizetype end = text.indexOf(QLatin1Char(' '), at);
        if (end < 0)
            break;
        const QString word = text.sliced(at, end - at);
        const QString name = word.section(QLatin1Char('='), 0, 0), value = word.section(QLatin1Char('='), 1);
        if (name == QLatin1String("context"))
            setup.context = within(value, kLeastContext, kMostContext);
        else if (name == QLatin1String("threads"))
            setup.threads = within(value, 1, kMostThreads);
        else if (name == QLatin1String("idle"))
            setup.idle_minutes = within(value, 1, kMostIdle);
        else if (name == QLatin1String("lock"))
            setup.lock = value == QLatin1String("1");
        at = end + 1;
    }
    if (model)
        *model = text.sliced(at);
    return setup;
}

ModelSetup setupOf(const Settings& settings, const QString& model) {
    for (const QString& row : settings.get<Setting::ModelSettings>()) {
        QString of;
        const ModelSetup setup = readSetup(row, &of);
        if (of == model)
            return setup;
    }
    return {};
}

void keepSetup(Settings& settings, const QString& model, const ModelSetup& setup) {
    if (setup == setupOf(settings, model))
        return;
    QStringList rows = settings.get<Setting::ModelSettings>();
    rows.removeIf([&model](const QString& row) {
        QString of;
        readSetup(row, &of);
        return of == model;
    });
    if (const QString row = setupText(setup, model); !row.isEmpty())
        rows.append(row);
    while (rows.size() > kMostKept)
        rows.removeFirst();
    settings.set<Setting::ModelSettings>(rows);
}

} // namespace switchyard
