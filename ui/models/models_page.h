// The Models page: what is in the user's folders, what the chosen file is made of and why it cannot be used;
// and the shape calculator.
#pragma once

#include "app/services/anatomy_reader.h"
#include "app/services/devices.h"
#include "app/services/model_library.h"
#include "app/services/settings.h"

#include "ui/page.h"

class QLabel;
class QPushButton;
class QStackedWidget;
class QTabBar;
class QVBoxLayout;

namespace switchyard {

class AnatomyView;
class FindModels;
struct FindServices;
class ModelCard;
class ModelList;
class ModelTable;
class ShapeCalculator;

class ModelsPage : public Page {
    Q_OBJECT
  public:
    /// `open_file` asks for a file from elsewhere; `own_folder` is the data folder's folder of models.
    ModelsPage(ModelLibrary& library, Settings& settings, QAction& open_file, const QString& own_folder,
               QWidget* parent = nullptr);

    PageSign sign() const override;
    QWidget* firstFocus() override;
    void setShown(bool shown) override;
    /// Shows from now on which model is in use, and why one could not be loaded.
    void follow(const CurrentModel& model, Devices& devices);
    /// The model in use: it is named on the page. Empty: none. `weights_bytes`: what its weights take, and
    /// on which card; "": in RAM.
    void setLoaded(const QString& path, quint64 weights_bytes, const QString& card = {});
    /// An error of loading, shown here too where it was asked for here.
    void setError(const QString& sentence);
    /// The part that finds models elsewhere.
    void addFinding(const FindServices& services);
    /// Stands over the list of models while it is not hidden: the way to a first one.
    void setOffer(QWidget* offer);
    /// Stands under all parts while it is not hidden.
    void setBelow(QWidget* below);

  Q_SIGNALS:
    void loadRequested(const QString& path);

  private:
    QWidget* buildFiles(Settings& settings, QAction& open_file, const QString& own_folder);
    void buildTable();
    QString countText() const;
    void readChosen();
    void refresh();
    void loadChosen();
    void showChosen();

    ModelLibrary& library_;
    ModelTable* model_;
    ModelList* table_;
    QLabel *line_, *detail_;
    QPushButton *load_, *delete_;
    ModelCard* card_;
    AnatomyView* anatomy_;
    ShapeCalculator* calculator_;
    Devices* devices_ = nullptr;
    QVBoxLayout *layout_, *left_;
    FindModels* find_ = nullptr;
    QTabBar* tabs_;
    QStackedWidget* pages_;
    QString loaded_, read_path_;
    QString failure_; ///< of the model that was asked for last, until another row is chosen
    bool refreshing_ = false;
    AnatomyReader reader_;
};

} // namespace switchyard
