// A chat's messages with all branches, and which of these is shown. A value: it knows no store and tells
// nobody.
#pragma once

#include "app/services/message.h"

#include <QHash>
#include <QList>

namespace switchyard {

class MessageTree {
  public:
    MessageTree() = default;
    /// Siblings come in their order. `shown`: of a message (0: of the beginning) the child that is on the
    /// shown branch; where it says none that is there, the last one is. A message whose parent is not there
    /// is in no branch.
    MessageTree(const QList<Message>& messages, const QHash<MessageId, MessageId>& shown);

    /// The shown branch, the beginning first; `siblings` of these is right.
    const QList<Message>& thread() const { return thread_; }
    qsizetype size() const { return thread_.size() + hidden_.size(); } ///< of all branches, removed ones too
    /// Of the thread; -1: not shown.
    int indexOf(MessageId id) const;
    bool isShown(MessageId id) const { return indexOf(id) >= 0; }
    /// Whether there is such a message, and it is not removed.
    bool has(MessageId id) const;
    /// In whichever branch, removed or not; nullptr: not there. Valid until the tree is changed.
    const Message* find(MessageId id) const;
    /// The same, to change what it says; id, parent and siblings are the tree's.
    Message* find(MessageId id);
    /// Of those that are there the ones that are in no branch, in the order of their ids.
    QList<MessageId> strays() const;
    /// Those under one parent (0: the beginnings), in order, without removed ones.
    QList<MessageId> children(MessageId parent) const;
    /// Those under the same parent, `id` included; empty: not there, or removed.
    QList<MessageId> siblings(MessageId id) const;
    /// Of its children (of message 0: of the beginnings) the one that is shown with it; 0: there is none.
    MessageId shownUnder(MessageId parent) const;
    /// Where the branch through this message ends, as it was shown last; 0: there is none.
    MessageId leafBelow(MessageId id) const;

    /// Adds a message under its parent, behind its siblings; the branch that ends with it is shown. One whose
    /// parent is not there, or whose id is taken, is not added.
    bool append(Message message);
    /// Shows the branch through this message, down to leafBelow(). Unknown or removed: nothing changes.
    void select(MessageId id);
    /// Takes a message away with all under it that is there; another branch may come forward. How many went.
    int remove(MessageId id);
    /// Brings back what remove(id) took. False where it is not this tree that removed it.
    bool restore(MessageId id);

  private:
    struct Node {
        MessageId parent = 0;
        QList<MessageId> children;
        MessageId shown = 0;      ///< child
        int depth = 0;            ///< its place in a thread that has it
        MessageId removed_by = 0; ///< the message that was removed with it, or 0
        bool known = false;       ///< else it is only named as a parent
        bool isThere() const { return known && removed_by == 0; }
    };
    /// `id` and all under it.
    template <typename Visit>
    void visitUnder(MessageId id, Visit visit);
    /// What a message of the thread says of its versions.
    void tellVersions(Message& shown) const;
    /// Shows what the nodes say, after a change among the children of `parent`.
    void follow(MessageId parent);

    QHash<MessageId, Node> nodes_; ///< with one for number 0, under which the beginnings are
    QList<Message> thread_;
    QHash<MessageId, Message> hidden_; ///< all others
};

} // namespace switchyard
