#include "app/services/message_tree.h"

#include <QSet>

#include <algorithm>
#include <utility>

namespace switchyard {

MessageTree::MessageTree(const QList<Message>& messages, const QHash<MessageId, MessageId>& shown) {
    for (const Message& message : messages) {
        Node& node = nodes_[message.id];
        node.parent = message.parent;
        node.shown = shown.value(message.id);
        node.known = true;
        nodes_[message.parent].children.append(message.id);
        hidden_.insert(message.id, message);
    }
    nodes_[0].shown = shown.value(0);
    // From the beginning on: what hangs on nothing, or on itself, is not come by.
    visitUnder(0, [this](MessageId id, Node& node) {
        for (const MessageId child : std::as_const(node.children))
            nodes_[child].depth = id == 0 ? 0 : node.depth + 1;
    });
    follow(0);
}

// ---- Asking ----

int MessageTree::indexOf(MessageId id) const {
    const auto node = nodes_.constFind(id);
    if (node == nodes_.cend() || node->depth >= thread_.size() || thread_[node->depth].id != id)
        return -1;
    return node->depth;
}

bool MessageTree::has(MessageId id) const {
    const auto node = nodes_.constFind(id);
    return node != nodes_.cend() && node->isThere();
}

const Message* MessageTree::find(MessageId id) const {
    if (const int index = indexOf(id); index >= 0)
        return &thread_[index];
    const auto hidden = hidden_.constFind(id);
    return hidden != hidden_.cend() ? &*hidden : nullptr;
}

Message* MessageTree::find(MessageId id) {
    if (const int index = indexOf(id); index >= 0)
        return &thread_[index];
    const auto hidden = hidden_.find(id);
    return hidden != hidden_.end() ? &*hidden : nullptr;
}

QList<MessageId> MessageTree::children(MessageId parent) const {
    QList<MessageId> there;
    if (const auto node = nodes_.constFind(parent); node != nodes_.cend()) {
        for (const MessageId child : node->children) {
            if (has(child))
                there.append(child);
        }
    }
    return there;
}

QList<MessageId> MessageTree::strays() const {
    QSet<MessageId> reached;
    QList<MessageId> left{0};
    while (!left.isEmpty()) {
        for (const MessageId child : nodes_.value(left.takeLast()).children) {
            if (!reached.contains(child)) // a damaged file may have a circle
                left.append(child);
            reached.insert(child);
        }
    }
    QList<MessageId> strays;
    for (auto node = nodes_.cbegin(); node != nodes_.cend(); ++node) {
        if (node->isThere() && !reached.contains(node.key()))
            strays.append(node.key());
    }
    std::ranges::sort(strays);
    return strays;
}

QList<MessageId> MessageTree::siblings(MessageId id) const {
    return has(id) ? children(nodes_.constFind(id)->parent) : QList<MessageId>();
}

MessageId MessageTree::shownUnder(MessageId parent) const {
    const auto node = nodes_.constFind(parent);
    if (node == nodes_.cend())
        return 0;
    if (node->children.contains(node->shown) && has(node->shown))
        return node->shown;
    for (auto child = node->children.crbegin(); child != node->children.crend(); ++child) {
        if (has(*child))
            return *child;
    }
    return 0;
}

MessageId MessageTree::leafBelow(MessageId id) const {
    if (!has(id))
        return 0;
    // A damaged file may have a circle, which ends by the count.
    for (qsizetype steps = nodes_.size(); steps > 0; --steps) {
        const MessageId next = shownUnder(id);
        if (next == 0)
            break;
        id = next;
    }
    return id;
}

// ---- Changing ----

bool MessageTree::append(Message message) {
    const MessageId id = message.id;
    if (id == 0 || nodes_.value(id).known || (message.parent != 0 && !has(message.parent)))
        return false;
    Node& parent = nodes_[message.parent];
    parent.children.append(id);
    Node node;
    node.parent = message.parent;
    node.depth = message.parent == 0 ? 0 : parent.depth + 1;
    node.known = true;
    nodes_.emplace(id, std::move(node));
    hidden_.emplace(id, std::move(message));
    select(id);
    return true;
}

void MessageTree::select(MessageId id) {
    if (!has(id))
        return;
    const MessageId parent = nodes_[id].parent;
    qsizetype steps = nodes_.size();
    for (MessageId at = id; at != 0 && steps > 0; --steps) {
        const MessageId above = nodes_[at].parent;
        nodes_[above].shown = at;
        at = above;
    }
    follow(parent);
}

template <typename Visit>
void MessageTree::visitUnder(MessageId id, Visit visit) {
    QList<MessageId> left{id};
    for (qsizetype steps = nodes_.size(); steps > 0 && !left.isEmpty(); --steps) {
        const MessageId next = left.takeLast();
        Node& node = nodes_[next];
        visit(next, node);
        left += nodes_[next].children;
    }
}

int MessageTree::remove(MessageId id) {
    if (!has(id))
        return 0;
    int removed = 0;
    visitUnder(id, [id, &removed](MessageId, Node& node) {
        if (!node.isThere()) // branches that were removed earlier stay so
            return;
        node.removed_by = id;
        ++removed;
    });
    follow(nodes_[id].parent);
    return removed;
}

bool MessageTree::restore(MessageId id) {
    if (id == 0 || nodes_.value(id).removed_by != id)
        return false;
    visitUnder(id, [id](MessageId, Node& node) {
        if (node.removed_by == id)
            node.removed_by = 0;
    });
    follow(nodes_[id].parent);
    return true;
}

void MessageTree::follow(MessageId parent) {
    QList<MessageId> wanted;
    for (MessageId next = shownUnder(0); next != 0; next = shownUnder(next))
        wanted.append(next);
    // What both branches begin with stays where it is: messages may have many tokens.
    qsizetype same = 0;
    while (same < wanted.size() && same < thread_.size() && thread_[same].id == wanted[same])
        ++same;
    while (thread_.size() > same) {
        Message last = thread_.takeLast();
        const MessageId id = last.id;
        hidden_.emplace(id, std::move(last));
    }
    for (qsizetype i = same; i < wanted.size(); ++i) {
        thread_.append(hidden_.take(wanted[i]));
        tellVersions(thread_.last());
    }
    if (const int shown = indexOf(shownUnder(parent)); shown >= 0)
        tellVersions(thread_[shown]);
}

void MessageTree::tellVersions(Message& shown) const {
    shown.siblings = siblings(shown.id);
    shown.models_differ = std::ranges::any_of(shown.siblings, [&](MessageId id) {
        const Message* version = find(id);
        return version && !version->model.isEmpty() && !shown.model.isEmpty() &&
               version->model != shown.model;
    });
}

} // namespace switchyard
