// The model in use, at the top of the thread: its name, precision, experts and device; a list to choose
// another from; how far loading is; and why a model could not be loaded.
#pragma once

#include "app/services/model_host.h"
#include "app/services/model_library.h"

#include <QWidget>

class QLabel;
class QMenu;
class QProgressBar;
class QToolButton;

namespace switchyard {

class ModelPicker : public QWidget {
    Q_OBJECT
  public:
    explicit ModelPicker(QWidget* parent = nullptr);

    /// What leads to models that are not in the list: under it.
    void setOtherWays(const QList<QAction*>& actions);
    /// Where models are computed, at the list's end.
    void setDevices(QMenu* menu);
    void setModels(const QList<ModelEntry>& models);
    /// `path` is what is being loaded, or could not be.
    void setState(ModelState state, const QString& path);
    /// A sentence under the name, with something that can be done about it; empty: none.
    void setNotice(const QString& sentence, const QString& action, bool is_error);
    void setProgress(double share);
    void setCapabilities(const Capabilities& capabilities);
    /// The dials in force: precision and experts are shown.
    void setTuning(const Tuning& tuning);
    QMenu* menu() const { return menu_; }
    void openMenu();

  Q_SIGNALS:
    void noticeTriggered(); ///< the notice's action
    void loadRequested(const QString& path);

  private:
    void fillMenu();
    void showModel();

    QList<ModelEntry> models_;
    Capabilities capabilities_;
    Tuning tuning_;
    ModelState state_ = ModelState::None;
    QString path_;
    double share_ = 0;
    QToolButton* button_;
    QMenu* menu_;
    QList<QAction*> other_ways_;
    QMenu* devices_ = nullptr;
    QLabel *facts_, *notice_;
    QToolButton* notice_action_;
    QProgressBar* bar_;
};

} // namespace switchyard
