// What stands where a model should be and none is: one button that fetches a good one, how far that is, and
// what to do without a network. Hidden as soon as there is a model.
#pragma once

#include "app/services/current_model.h"
#include "app/services/hub/downloads.h"
#include "app/services/model_library.h"

#include <QWidget>

#include <optional>

class QLabel;
class QPushButton;
class QVBoxLayout;

namespace switchyard {

class DownloadRow;

class FirstModel : public QWidget {
    Q_OBJECT
  public:
    /// All must outlive it. `folder` is where models lie. `name` opens the object names of its parts.
    FirstModel(Downloads& downloads, ModelLibrary& library, CurrentModel& model, const QString& folder,
               const QString& name, QWidget* parent = nullptr);
    /// Whether there is something to offer.
    bool wanted() const { return wanted_; }
    void centre(); ///< as what stands around it

  Q_SIGNALS:
    void changed(); ///< it came or went, or has another height
    /// It is there and nothing else is in use: it is to be loaded.
    void ready(const QString& path);
    void left(); ///< it goes, and has the focus

  private:
    void look();
    bool hasFocusInside() const;
    void fetch();
    void take(DownloadId id);

    Downloads& downloads_;
    ModelLibrary& library_;
    CurrentModel& model_;
    const QString folder_, name_;
    std::optional<KnownModel> offer_;
    DownloadId fetching_ = 0;
    bool wanted_ = false, looked_ = false;
    QLabel *sentence_, *by_hand_;
    QPushButton* button_;
    DownloadRow* row_ = nullptr;
    QVBoxLayout* layout_;
};

} // namespace switchyard
