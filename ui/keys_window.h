// A small window, not modal, that lists the keys.
#pragma once

#include <QDialog>

class QAction;

namespace switchyard {

class KeysWindow : public QDialog {
    Q_OBJECT
  public:
    explicit KeysWindow(const QList<QAction*>& actions, QWidget* parent = nullptr);
};

} // namespace switchyard
