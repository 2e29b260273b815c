// Deletions and changes that can be taken back, of chats, folders, messages and system prompts, the latest
// first.
#pragma once

#include "app/services/message.h"

#include <QObject>

#include <functional>
#include <optional>
#include <vector>

namespace switchyard {

class UndoStack : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;

    void chatDeleted(ConversationId chat, const QString& title, std::function<void()> undo);
    void folderDeleted(const QString& name, std::function<void()> undo);
    /// `below`: so many more went with it; `kept`: the store has them for a while.
    void messageDeleted(ConversationId chat, int below, bool kept, std::function<void()> undo);
    void messagesRestored(ConversationId chat); ///< all that were deleted of it, without undo()
    void chatRestored(ConversationId chat);     ///< without undo()
    void chatGone(ConversationId chat);         ///< for good, with all that was deleted of it
    void promptDeleted(const QString& name, std::function<void()> undo); ///< a named system prompt
    void promptChanged(ConversationId chat, std::function<void()> undo);
    bool canUndo() const { return !steps_.empty(); }
    /// Takes back the last deletion that was not taken back yet.
    void undo();

  Q_SIGNALS:
    /// It was deleted, and undo() brings it back. `in`: the chat that this is of, 0: the one that is not
    /// begun; nothing: of the list of chats.
    void offered(const QString& sentence, std::optional<switchyard::ConversationId> in);
    void changed(); ///< canUndo() may be otherwise

  private:
    enum class What { Chat, Message, Prompt, Other };
    struct Step {
        ConversationId chat; ///< 0: of none
        What what;
        std::function<void()> undo;
    };
    void push(const QString& sentence, Step step);
    template <typename Which>
    void drop(Which which);

    std::vector<Step> steps_;
};

} // namespace switchyard
