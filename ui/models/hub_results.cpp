#include "ui/models/hub_results.h"

#include "ui/models/anatomy_text.h"
#include "ui/plain_text.h"
#include "ui/theme_colours.h"

#include <QApplication>
#include <QPainter>
#include <QStyle>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr int kBesideText = 10, kAboveText = 7; ///< around the text
}

void HubResults::setModels(const QList<HubModel>& models) {
    beginResetModel();
    models_ = models;
    endResetModel();
}

const HubModel* HubResults::at(const QModelIndex& index) const {
    return index.isValid() && index.row() < models_.size() ? &models_[index.row()] : nullptr;
}

int HubResults::rowCount(const QModelIndex& parent) const {
    return parent.isValid() ? 0 : static_cast<int>(models_.size());
}

QString HubResults::detail(const HubModel& model) {
    QStringList said{
        tr("%1 downloads")
            .arg(model.downloads < 1000 ? QString::number(model.downloads) : countText(model.downloads))};
    if (!model.licence.isEmpty())
        said.append(oneLine(model.licence, 40));
    if (model.gated)
        said.append(tr("licence to be accepted there"));
    return said.join(u" · "_s);
}

QVariant HubResults::data(const QModelIndex& index, int role) const {
    const HubModel* model = at(index);
    if (!model)
        return {};
    switch (role) {
    case Qt::DisplayRole:
        return oneLine(model->name);
    case DetailRole:
        return detail(*model);
    case Qt::ToolTipRole:
        return plainTip(model->name);
    case Qt::AccessibleTextRole:
        return u"%1, %2"_s.arg(model->name, detail(*model));
    default:
        return {};
    }
}

void HubResultDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option,
                              const QModelIndex& index) const {
    QStyleOptionViewItem item = option;
    initStyleOption(&item, index);
    item.text.clear();
    const QStyle* style = item.widget ? item.widget->style() : QApplication::style();
    style->drawControl(QStyle::CE_ItemViewItem, &item, painter, item.widget);
    const QRect text = option.rect.adjusted(kBesideText, kAboveText, -kBesideText, -kAboveText);
    const ThemeColours& colours = coloursOf(option.palette);
    painter->save();
    painter->setPen(colours.text);
    painter->drawText(text, Qt::AlignLeft | Qt::AlignTop,
                      option.fontMetrics.elidedText(index.data().toString(), Qt::ElideMiddle, text.width()));
    QFont small = option.font;
    small.setPointSizeF(small.pointSizeF() * 0.9);
    painter->setFont(small);
    painter->setPen(colours.muted);
    painter->drawText(text, Qt::AlignLeft | Qt::AlignBottom,
                      QFontMetrics(small).elidedText(index.data(HubResults::DetailRole).toString(),
                                                     Qt::ElideRight, text.width()));
    painter->restore();
}

QSize HubResultDelegate::sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const {
    return {100, 2 * option.fontMetrics.height() + 2 * kAboveText + 2};
}

} // namespace switchyard
