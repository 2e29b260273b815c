// Deletions that can be taken back, of chats, folders and messages, the latest first.
#pragma once

#include <QObject>

#include <functional>
#include <vector>

namespace switchyard {

class UndoStack : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;

    void chatDeleted(const QString& title, std::function<void()> undo);
    void folderDeleted(const QString& name, std::function<void()> undo);
    void messageDeleted(std::function<void()> undo);
    bool canUndo() const { return !steps_.empty(); }
    /// Takes back the last deletion that was not taken back yet.
    void undo();

  Q_SIGNALS:
    void offered(const QString& sentence); ///< it was deleted, and undo() brings it back
    void changed();                        ///< canUndo() may be otherwise

  private:
    void push(const QString& sentence, std::function<void()> undo);

    std::vector<std::function<void()>> steps_;
};

} // namespace switchyard
