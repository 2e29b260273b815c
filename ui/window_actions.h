// Everything the menus and the keyboard can do, in one table: the menu bar and the list of keys are made of
// it.
#pragma once

#include <QAction>
#include <QMap>
#include <QObject>

class QMainWindow;
class QMenu;

namespace switchyard {

class WindowActions : public QObject {
    Q_OBJECT
  public:
    /// Makes the actions and the menu bar of `window`.
    explicit WindowActions(QMainWindow& window);

    /// By name: "new", "send", "stop" ... PRECOND: there is such an action.
    QAction& operator[](const QString& name) const { return *actions_[name]; }
    /// Those with a key, in the order of the menus.
    QList<QAction*> withKeys() const { return with_keys_; }

  private:
    QAction* add(QMenu* menu, const QString& name, const QString& text, const QList<QKeySequence>& keys = {},
                 const QString& icon = {});

    QMainWindow& window_;
    QMap<QString, QAction*> actions_;
    QList<QAction*> with_keys_;
};

} // namespace switchyard
