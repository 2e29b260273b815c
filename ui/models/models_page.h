// The Models page: what is in the user's folders, and why a file cannot be used.
#pragma once

#include "app/services/generator.h"
#include "app/services/model_library.h"
#include "app/services/settings.h"

#include <QWidget>

class QLabel;
class QPushButton;
class QTableView;

namespace switchyard {

class ModelTable;

class ModelsPage : public QWidget {
    Q_OBJECT
  public:
    /// `own_folder` is the data folder's folder of models.
    ModelsPage(ModelLibrary& library, Settings& settings, const QString& own_folder,
               QWidget* parent = nullptr);
    /// The model in use: it is named on the page. Empty: none.
    void setLoaded(const QString& path);
    /// An error of loading, shown here too where it was asked for here.
    void setError(const QString& sentence);

  Q_SIGNALS:
    void loadRequested(const QString& path);
    void openFileRequested();

  private:
    void refresh();
    void loadChosen();
    void showChosen();

    ModelLibrary& library_;
    ModelTable* model_;
    QTableView* table_;
    QLabel *line_, *detail_;
    QPushButton* load_;
    QString loaded_;
};

} // namespace switchyard
