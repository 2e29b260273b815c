// The files of a model of the hub, as a table: what each is, whether it would fit this machine, and how fast
// it would answer.
#pragma once

#include "app/services/hub/machine_room.h"

#include <QAbstractTableModel>

namespace switchyard {

class HubFiles : public QAbstractTableModel {
    Q_OBJECT
  public:
    enum Column { Name, Precision, Size, Fits, Speed, Columns };
    using QAbstractTableModel::QAbstractTableModel;

    void setListing(const HubListing& listing);
    void setRoom(const MachineRoom& room);
    const HubListing& listing() const { return listing_; }
    const HubFile* at(const QModelIndex& index) const; ///< nullptr: none
    int best() const { return best_; }                 ///< row of the one to take here; -1: none fits
    /// "fits the graphics card"; a whole sentence behind "This file".
    static QString fitText(Fit fit);
    static QString speedText(const SpeedRange& speed);

    int rowCount(const QModelIndex& parent = {}) const override;
    int columnCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
    QVariant headerData(int section, Qt::Orientation orientation, int role) const override;

  private:
    QString text(int row, int column) const;

    HubListing listing_;
    MachineRoom room_;
    int best_ = -1;
};

} // namespace switchyard
