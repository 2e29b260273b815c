// Deletions and changes that can be taken back, of chats, folders, messages and system prompts, the latest
// first.
#pragma once

#include "app/services/message.h"

#include <QObject>

#include <functional>
#include <vector>

namespace switchyard {

class UndoStack : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;

    void chatDeleted(ConversationId chat, const QString& title, std::function<void()> undo);
    void folderDeleted(const QString& name, std::function<void()> undo);
    void messageDeleted(ConversationId chat, std::function<void()> undo);
    void chatRestored(ConversationId chat); ///< without undo()
    void chatGone(ConversationId chat);     ///< for good, with all that was deleted of it
    void promptDeleted(const QString& name, std::function<void()> undo); ///< a named system prompt
    void promptChanged(ConversationId chat, std::function<void()> undo);
    bool canUndo() const { return !steps_.empty(); }
    /// Takes back the last deletion that was not taken back yet.
    void undo();

  Q_SIGNALS:
    void offered(const QString& sentence); ///< it was deleted, and undo() brings it back
    void changed();                        ///< canUndo() may be otherwise

  private:
    struct Step {
        ConversationId chat; ///< 0: of none
        bool whole;          ///< the chat itself was deleted, not something of it
        std::function<void()> undo;
    };
    void push(const QString& sentence, Step step);
    void drop(ConversationId chat, bool only_whole);

    std::vector<Step> steps_;
};

} // namespace switchyard
