// Open WebUI's export of chats: a list of objects with `chat`, whose `history` has `messages` by their ids,
// each with `parentId` and `childrenIds`, and `currentId`, where the shown branch ends. Chats of early
// versions have only the list `messages`.
#include "app/services/conversation_store.h"
#include "app/services/transfer/foreign_chats.h"
#include "app/services/transfer/foreign_text.h"
#include "app/services/transfer/foreign_tree.h"
#include "app/services/transfer/json_read.h"

#include <utility>

namespace switchyard {

namespace {

using json::Json;

/// The object that has the history: the element itself where somebody exported only that.
const Json& chatOf(const Json& element) {
    const Json& inside = json::member(element, "chat");
    return inside.is_object() ? inside : element;
}

void addFiles(QList<MessagePart>& parts, const Json& message) {
    QList<MessagePart> files;
    for (const Json& file : json::list(message, "files")) {
        const QString name = json::text(file, "name");
        const QString text = json::text(json::member(json::member(file, "file"), "data"), "content");
        if (json::bytes(file, "type") == "image")
            files.append(pictureWords(name));
        else if (!text.isEmpty())
            files.append({PartKind::File, text, name, 0});
        else
            files.append(attachmentWords(name));
    }
    parts = files + parts;
}

QList<MessagePart> contentOf(const Json& content, bool answer) {
    if (content.is_string()) {
        const QString text = json::text(content);
        if (answer)
            return partsOfForeignText(text);
        return text.trimmed().isEmpty() ? QList<MessagePart>() : QList{textPart(text)};
    }
    QList<MessagePart> parts;
    for (const Json& piece : content.is_array() ? content : Json::array()) {
        if (const QString text = json::text(piece, "text"); !text.isEmpty())
            parts += contentOf(piece["text"], answer);
        else if (json::bytes(piece, "type") == "image_url")
            parts.append(pictureWords({}));
        else
            parts.append(unknownWords(json::text(piece, "type")));
    }
    return parts;
}

Message messageOf(const Json& message, WholeChat& chat) {
    const std::string& role = json::bytes(message, "role");
    Message made;
    made.author = role == "user" ? Author::User : Author::Assistant;
    made.parts = contentOf(json::member(message, "content"), made.author == Author::Assistant);
    if (role == "system") {
        addSystemPrompt(chat, made.parts);
        made.parts.clear();
        return made;
    }
    addFiles(made.parts, message);
    made.created = json::time(json::member(message, "timestamp"));
    if (made.author == Author::Assistant) {
        made.model = json::text(message, "model");
        const Json& error = json::member(message, "error");
        made.error = error.is_string() ? json::text(error) : json::text(error, "content");
        if (!made.error.isEmpty())
            made.state = MessageState::Failed;
        else if (const Json& done = json::member(message, "done"); done.is_boolean() && !done.get<bool>())
            made.state = MessageState::Stopped;
    }
    return made;
}

void addHistory(ForeignTree& tree, const Json& history, WholeChat& chat) {
    for (const auto& [key, message] : json::member(history, "messages").items()) {
        ForeignTree::Node node;
        node.key = key;
        node.parent = json::bytes(message, "parentId");
        node.children = json::texts(message, "childrenIds");
        node.message = messageOf(message, chat);
        tree.add(std::move(node));
    }
    tree.setCurrent(json::bytes(history, "currentId"));
}

void addList(ForeignTree& tree, const Json& messages, WholeChat& chat) {
    std::string before;
    for (std::size_t i = 0; i < messages.size(); ++i) {
        const Json& message = messages[i];
        ForeignTree::Node node;
        node.key = std::to_string(i);
        node.parent = std::exchange(before, node.key);
        node.message = messageOf(message, chat);
        tree.add(std::move(node));
    }
}

bool isList(const Json& messages) {
    return !messages.empty() && !json::bytes(messages[0], "role").empty() && messages[0].contains("content");
}

} // namespace

bool isOpenWebUiChat(const Json& element) {
    const Json& chat = chatOf(element);
    return json::member(json::member(chat, "history"), "messages").is_object() ||
           isList(json::list(chat, "messages"));
}

WholeChat readOpenWebUiChat(const Json& element) {
    const Json &inside = chatOf(element), &history = json::member(inside, "history");
    WholeChat chat;
    chat.summary.id = ConversationStore::newId();
    chat.summary.title = json::text(inside, "title");
    if (chat.summary.title.isEmpty())
        chat.summary.title = json::text(element, "title");
    chat.summary.created = json::time(json::member(element, "created_at"));
    if (!chat.summary.created.isValid())
        chat.summary.created = json::time(json::member(inside, "timestamp"));
    chat.summary.changed = json::time(json::member(element, "updated_at"));
    chat.summary.pinned = json::truth(element, "pinned");
    chat.system_prompt = json::text(json::member(inside, "params"), "system");
    if (chat.system_prompt.isEmpty())
        chat.system_prompt = json::text(inside, "system");
    ForeignTree tree;
    if (json::member(history, "messages").is_object())
        addHistory(tree, history, chat);
    else
        addList(tree, json::list(inside, "messages"), chat);
    tree.fill(chat);
    finishForeignChat(chat, "Open WebUI", json::bytes(element, "id"));
    return chat;
}

} // namespace switchyard
