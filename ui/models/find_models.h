// The part of the Models page that finds models elsewhere: well-known ones, the hub's by words or name, a
// file by its address. The network is asked for what a button asks for, and for nothing else.
#pragma once

#include "app/services/background.h"
#include "app/services/devices.h"
#include "app/services/hub/downloads.h"
#include "app/services/hub/hub.h"
#include "app/services/hub/machine_room.h"
#include "app/services/model_library.h"

#include <QWidget>

class QLabel;
class QLineEdit;
class QListView;
class QPushButton;
class QStackedWidget;
class QTableView;

namespace switchyard {

class HubFiles;
class HubResults;
class KnownList;

struct FindServices {
    Hub& hub;
    Downloads& downloads;
    ModelLibrary& library;
    Settings& settings;
    QString models_folder; ///< where what is fetched comes to lie
    QString speeds_file;
};

class FindModels : public QWidget {
    Q_OBJECT
  public:
    /// All must outlive it.
    explicit FindModels(const FindServices& services, QWidget* parent = nullptr);
    QWidget* firstFocus() const;
    /// Looks what this machine has free now, away from the window's thread.
    void measure(const Cards& cards);

  private:
    QWidget* buildFound();
    void connectHub();
    void search();
    void say(const QString& sentence, bool error = false);
    void sayHow();
    void showModels(const QString& words, const QList<HubModel>& models);
    void showListing(const HubListing& listing);
    void showFile();
    void fetch();
    void showHome();

    const FindServices services_;
    QLineEdit* words_;
    QPushButton *search_, *fetch_;
    QLabel *line_, *title_, *facts_, *detail_;
    QStackedWidget *pages_, *right_;
    KnownList* known_;
    HubResults* results_;
    QListView* list_;
    HubFiles* files_;
    QTableView* table_;
    double bandwidth_ = 0;  ///< bytes a second; 0: not measured yet
    QString wanted_file_;   ///< that was named with the model
    Background background_; ///< last: its jobs use everything above
};

} // namespace switchyard
