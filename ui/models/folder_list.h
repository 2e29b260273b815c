// The folders that are searched for models, with buttons to add and remove.
#pragma once

#include "app/services/settings.h"

#include <QWidget>

class QListWidget;
class QPushButton;

namespace switchyard {

class FolderList : public QWidget {
    Q_OBJECT
  public:
    /// `own` is always searched and cannot be removed. `name` opens the object names of the parts.
    FolderList(Settings& settings, const QString& own, const QString& name, QWidget* parent = nullptr);
    void addFolder(const QString& folder);

  private:
    void refresh();
    void removeChosen();

    Settings& settings_;
    QString own_;
    QListWidget* list_;
    QPushButton* remove_;
};

} // namespace switchyard
