// The models of the library as a table.
#pragma once

#include "app/services/model_library.h"

#include <QAbstractTableModel>

namespace switchyard {

class ModelTable : public QAbstractTableModel {
    Q_OBJECT
  public:
    enum Column { Name, Size, Architecture, Parameters, Precision, Experts, Source, Columns };
    /// Of a file that cannot be used, this column and those after it have one text: why.
    static constexpr Column Reason = Architecture;
    using QAbstractTableModel::QAbstractTableModel;

    void setModels(const QList<ModelEntry>& models);
    const ModelEntry* entry(const QModelIndex& index) const; ///< nullptr: none
    bool unusable(int row) const { return !models_[row].error.isEmpty(); }

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    QString text(const ModelEntry& model, int column) const;

    QList<ModelEntry> models_;
};

} // namespace switchyard
