#include "app/services/transfer/foreign_tree.h"

#include "app/services/conversation_store.h"
#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>

#include <memory>

namespace switchyard {

namespace {

constexpr std::size_t kMostMessages = 200'000;
constexpr qint64 kMostCopied = qint64{256} << 20; ///< bytes of beginnings that several answers have

[[noreturn]] void tooLarge() {
    throw TransferError(QCoreApplication::translate(
        "ChatTransfer", "it has too many messages, or too many versions of long answers"));
}

bool saysNothing(const Message& message) { return message.parts.isEmpty() && message.error.isEmpty(); }

/// The steps of one answer, as one.
Message joined(Message first, const Message& then) {
    first.parts += then.parts;
    if (first.model.isEmpty())
        first.model = then.model;
    first.state = then.state;
    first.error = then.error;
    return first;
}

qint64 sizeOf(const Message& message) {
    qint64 size = 0;
    for (const MessagePart& part : message.parts)
        size += 2 * (part.text.size() + part.name.size()) + qint64{sizeof(MessagePart)};
    return size;
}

} // namespace

void ForeignTree::add(Node node) {
    if (nodes_.size() >= kMostMessages)
        tooLarge();
    if (by_key_.emplace(node.key, nodes_.size()).second)
        nodes_.push_back(std::move(node));
}

std::size_t ForeignTree::find(const std::string& key) const {
    const auto found = by_key_.find(key);
    return found != by_key_.end() ? found->second : kNone;
}

/// By their parents, in the order that these say, then in that of the file.
std::vector<std::vector<std::size_t>> ForeignTree::childrenOf(std::vector<std::size_t>& beginnings) const {
    std::vector<std::size_t> parents(nodes_.size(), kNone);
    for (std::size_t i = 0; i < nodes_.size(); ++i)
        parents[i] = nodes_[i].parent.empty() ? kNone : find(nodes_[i].parent);
    std::vector<std::vector<std::size_t>> children(nodes_.size());
    std::vector<bool> placed(nodes_.size());
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        for (const std::string& key : nodes_[i].children) {
            const std::size_t child = find(key);
            if (child == kNone || parents[child] != i || placed[child])
                continue;
            placed[child] = true;
            children[i].push_back(child);
        }
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (!placed[i])
            (parents[i] == kNone ? beginnings : children[parents[i]]).push_back(i);
    }
    return children;
}

/// Takes out what says nothing; a circle, which no beginning leads to, begins with its first.
void ForeignTree::splice() {
    std::vector<std::size_t> beginnings;
    const auto children = childrenOf(beginnings);
    const std::size_t top = nodes_.size();
    followers_.assign(nodes_.size() + 1, {});
    std::vector<bool> seen(nodes_.size());
    std::vector<std::pair<std::size_t, std::size_t>> left; // with what it follows
    const auto walk = [&] {
        while (!left.empty()) {
            const auto [node, above] = left.back();
            left.pop_back();
            if (seen[node])
                continue;
            seen[node] = true;
            const bool silent = saysNothing(nodes_[node].message);
            if (!silent)
                followers_[above].push_back(node);
            for (auto child = children[node].rbegin(); child != children[node].rend(); ++child)
                left.emplace_back(*child, silent ? above : node);
        }
    };
    for (auto node = beginnings.rbegin(); node != beginnings.rend(); ++node)
        left.emplace_back(*node, top);
    walk();
    for (std::size_t node = 0; node < nodes_.size(); ++node) {
        if (!seen[node]) {
            left.emplace_back(node, top);
            walk();
        }
    }
}

std::vector<bool> ForeignTree::shownNodes() const {
    std::vector<bool> shown(nodes_.size());
    for (std::size_t at = find(current_); at != kNone && !shown[at]; at = find(nodes_[at].parent))
        shown[at] = true;
    return shown;
}

struct ForeignTree::Open {
    std::size_t node;
    MessageId above;                 ///< what it follows
    std::shared_ptr<Message> answer; ///< its beginning; null: it begins here
};

void ForeignTree::fill(WholeChat& chat) {
    splice();
    const std::vector<bool> shown = shownNodes();
    const auto is_answer = [this](std::size_t node) {
        return nodes_[node].message.author == Author::Assistant;
    };
    qint64 copied = 0;
    const auto emit_message = [&](Message message, MessageId above, bool is_shown) {
        message.id = ConversationStore::newId();
        message.conversation = chat.summary.id;
        message.parent = above;
        if (is_shown)
            chat.shown.insert(above, message.id);
        chat.messages.append(std::move(message));
        return chat.messages.last().id;
    };
    std::vector<Open> left;
    for (auto node = followers_.back().rbegin(); node != followers_.back().rend(); ++node)
        left.push_back({*node, 0, nullptr});
    while (!left.empty()) {
        Open open = std::move(left.back());
        left.pop_back();
        const std::vector<std::size_t>& next = followers_[open.node];
        Message message = nodes_[open.node].message;
        if (open.answer && open.answer.use_count() == 1) {
            message = joined(std::move(*open.answer), message);
        } else if (open.answer) { // others begin with it, too
            copied += sizeOf(*open.answer);
            message = joined(*open.answer, message);
        }
        const bool ends = !is_answer(open.node) || next.empty() || !std::ranges::all_of(next, is_answer);
        const bool goes_on = is_answer(open.node) && std::ranges::any_of(next, [&](std::size_t node) {
                                 return is_answer(node) && shown[node];
                             });
        if (ends && is_answer(open.node) && std::ranges::any_of(next, is_answer))
            copied += sizeOf(message); // it is written here, and again where it goes on
        if (copied > kMostCopied || chat.messages.size() >= static_cast<qsizetype>(kMostMessages))
            tooLarge();
        const MessageId id = ends ? emit_message(message, open.above, shown[open.node] && !goes_on) : 0;
        auto beginning = std::make_shared<Message>(std::move(message));
        for (auto node = next.rbegin(); node != next.rend(); ++node) {
            if (is_answer(open.node) && is_answer(*node))
                left.push_back({*node, open.above, beginning});
            else
                left.push_back({*node, id, nullptr});
        }
    }
}

} // namespace switchyard
