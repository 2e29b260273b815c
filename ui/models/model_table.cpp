#include "ui/models/model_table.h"

#include "ui/models/anatomy_text.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QLocale>
#include <QSize>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// Why a file cannot be used, without its path, which its row has in the first column.
QString reasonAlone(const ModelEntry& model) {
    const qsizetype path = model.path.isEmpty() ? -1 : model.error.lastIndexOf(u" ("_s + model.path);
    if (path <= 0)
        return model.error;
    const QString inside = model.error.mid(path + 2 + model.path.size()); // "/config.json)" of a folder
    return model.error.left(path) + (inside.size() > 2 ? u" ("_s + inside.mid(1) : QString());
}

} // namespace

void ModelTable::setModels(const QList<ModelEntry>& models) {
    beginResetModel();
    models_ = models;
    endResetModel();
}

const ModelEntry* ModelTable::entry(const QModelIndex& index) const {
    return index.isValid() && index.row() < models_.size() ? &models_[index.row()] : nullptr;
}

int ModelTable::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(models_.size());
}

int ModelTable::columnCount(const QModelIndex& parent) const { return parent.isValid() ? 0 : Columns; }

QString ModelTable::text(const ModelEntry& model, int column) const {
    if (!model.error.isEmpty() && column >= Reason)
        return column == Reason ? oneLine(reasonAlone(model)) : QString();
    switch (column) {
    case Name:
        return oneLine(model.name);
    case Size:
        return sizeText(model.bytes);
    case Architecture:
        return oneLine(model.architecture);
    case Parameters:
        return model.parameters == 0 ? QString() : countText(model.parameters);
    case Precision:
        return model.precision;
    case Experts:
        return model.experts > 0 ? tr("%1 of %2").arg(model.experts_active).arg(model.experts) : tr("dense");
    case Source:
        return model.source;
    }
    return {};
}

QVariant ModelTable::data(const QModelIndex& index, int role) const {
    const ModelEntry* model = entry(index);
    if (!model)
        return {};
    const bool bad = !model->error.isEmpty();
    switch (role) {
    case Qt::DisplayRole:
        return text(*model, index.column());
    case Qt::ToolTipRole:
        return index.column() >= Reason && bad ? wrappedTip(model->error) : plainTip(model->path);
    case Qt::SizeHintRole: // it goes over several columns: none is to be as wide
        return bad && index.column() == Reason ? QVariant(QSize(1, 1)) : QVariant();
    case Qt::TextAlignmentRole:
        return index.column() == Size || (index.column() == Parameters && !bad)
                   ? QVariant(Qt::AlignRight | Qt::AlignVCenter)
                   : QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    case Qt::DecorationRole:
        return bad && index.column() == Name ? QVariant(themedIcon(u"warning"_s)) : QVariant();
    case Qt::AccessibleTextRole:
        return bad ? tr("%1, cannot be used: %2").arg(model->name, model->error)
                   : text(*model, index.column());
    default:
        return {};
    }
}

QVariant ModelTable::headerData(int section, Qt::Orientation orientation, int role) const {
    if (orientation != Qt::Horizontal)
        return {};
    if (role == Qt::TextAlignmentRole)
        return section == Size || section == Parameters ? QVariant(Qt::AlignRight | Qt::AlignVCenter)
                                                        : QVariant(Qt::AlignLeft | Qt::AlignVCenter);
    if (role != Qt::DisplayRole)
        return {};
    switch (section) {
    case Name:
        return tr("Name");
    case Size:
        return tr("Size");
    case Architecture:
        return tr("Architecture");
    case Parameters:
        return tr("Parameters");
    case Precision:
        return tr("Precision");
    case Experts:
        return tr("Experts");
    case Source:
        return tr("Source");
    }
    return {};
}

} // namespace switchyard
