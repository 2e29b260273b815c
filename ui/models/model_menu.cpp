#include "ui/models/model_menu.h"

#include "ui/models/model_text.h"
#include "ui/plain_text.h"

#include <QCoreApplication>
#include <QMenu>

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

struct ModelMenuTexts {
    Q_DECLARE_TR_FUNCTIONS(ModelMenuTexts)
};

} // namespace

void addModels(QMenu& menu, const QList<ModelEntry>& models, const QString& current,
               const std::function<void(const QString& path)>& chosen) {
    const QFontMetrics metrics(menu.font());
    QString source = models.isEmpty() ? QString() : models.first().source;
    bool any = false;
    for (const ModelEntry& model : models) {
        if (!model.error.isEmpty())
            continue;
        any = true;
        if (std::exchange(source, model.source) != model.source)
            menu.addSection(model.source);
        const QString name = metrics.elidedText(oneLine(model.name), Qt::ElideMiddle, 420);
        QAction* action = menu.addAction(
            u"%1\t%2 · %3"_s.arg(menuText(name), menuText(model.precision), sizeText(model.bytes)));
        action->setToolTip(plainTip(model.path));
        action->setCheckable(true);
        action->setChecked(model.path == current);
        QObject::connect(action, &QAction::triggered, &menu, [chosen, path = model.path] { chosen(path); });
    }
    if (!any)
        menu.addAction(ModelMenuTexts::tr("No models in the model folders"))->setEnabled(false);
}

QString libraryName(const QList<ModelEntry>& models, const QString& path, const QString& otherwise) {
    const auto known = std::ranges::find(models, path, &ModelEntry::path);
    return known == models.end() ? otherwise : known->name;
}

} // namespace switchyard
