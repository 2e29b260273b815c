// The models that the program knows by itself, each with a button that fetches it.
#pragma once

#include "app/services/hub/downloads.h"
#include "app/services/hub/machine_room.h"
#include "app/services/model_library.h"

#include <QWidget>

#include <vector>

class QLabel;
class QPushButton;

namespace switchyard {

class KnownList : public QWidget {
    Q_OBJECT
  public:
    /// All must outlive it. `folder` is where models lie.
    KnownList(Downloads& downloads, ModelLibrary& library, const QString& folder, QWidget* parent = nullptr);
    void setRoom(const MachineRoom& room);

  private:
    struct Row {
        KnownModel model;
        QLabel* facts = nullptr;
        QPushButton* fetch = nullptr;
    };
    Row makeRow(const KnownModel& model);
    void showRows();

    Downloads& downloads_;
    ModelLibrary& library_;
    const QString folder_;
    MachineRoom room_;
    std::vector<Row> rows_;
};

} // namespace switchyard
