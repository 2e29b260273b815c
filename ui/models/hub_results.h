// The models that a search of the hub found, as a list of two lines each.
#pragma once

#include "app/services/hub/hub_answers.h"

#include <QAbstractListModel>
#include <QStyledItemDelegate>

namespace switchyard {

class HubResults : public QAbstractListModel {
    Q_OBJECT
  public:
    /// Of the second line.
    static constexpr int DetailRole = Qt::UserRole;
    using QAbstractListModel::QAbstractListModel;

    void setModels(const QList<HubModel>& models);
    const HubModel* at(const QModelIndex& index) const; ///< nullptr: none
    /// "12 K downloads · apache-2.0 · licence to be accepted"
    static QString detail(const HubModel& model);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;

  private:
    QList<HubModel> models_;
};

class HubResultDelegate : public QStyledItemDelegate {
    Q_OBJECT
  public:
    using QStyledItemDelegate::QStyledItemDelegate;
    void paint(QPainter* painter, const QStyleOptionViewItem& option,
               const QModelIndex& index) const override;
    QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

} // namespace switchyard
