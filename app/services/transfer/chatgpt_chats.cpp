// ChatGPT's conversations.json: a list of conversations, each with `mapping`, its nodes by their ids with
// `parent`, `children` and perhaps a `message`, and `current_node`, where the shown branch ends.
#include "app/services/conversation_store.h"
#include "app/services/transfer/foreign_chats.h"
#include "app/services/transfer/foreign_text.h"
#include "app/services/transfer/foreign_tree.h"
#include "app/services/transfer/json_read.h"

namespace switchyard {

namespace {

using json::Json;

void addText(QList<MessagePart>& parts, const QString& text) {
    if (!text.trimmed().isEmpty())
        parts.append(textPart(text));
}

void addContentParts(QList<MessagePart>& parts, const Json& content) {
    for (const Json& part : json::list(content, "parts")) {
        const std::string& type = json::bytes(part, "content_type");
        if (part.is_string())
            addText(parts, json::text(part));
        else if (type == "image_asset_pointer")
            parts.append(pictureWords({}));
        else if (const QString text = json::text(part, "text"); !text.isEmpty()) // a transcript of speech
            addText(parts, text);
        else if (part.is_object())
            parts.append(unknownWords(QString::fromStdString(type)));
    }
}

QString thoughtsOf(const Json& content) {
    QStringList all;
    for (const Json& thought : json::list(content, "thoughts")) {
        const QString summary = json::text(thought, "summary"), text = json::text(thought, "content");
        all << (summary.isEmpty() ? text : QStringLiteral("**%1**\n\n%2").arg(summary, text));
    }
    return all.join(QStringLiteral("\n\n")).trimmed();
}

/// Of an answer's step or a question: by the type of its content.
QList<MessagePart> partsOf(const Json& message, const std::string& role) {
    const Json& content = json::member(message, "content");
    const std::string& type = json::bytes(content, "content_type");
    const std::string& recipient = json::bytes(message, "recipient");
    const QString tool = json::text(json::member(message, "author"), "name");
    QList<MessagePart> parts;
    if (type == "user_editable_context" || type == "model_editable_context")
        return parts; // about the user
    if (type == "reasoning_recap") {
        constexpr double kMost = 1e6;
        const double seconds =
            json::number(json::member(json::member(message, "metadata"), "finished_duration_sec"));
        if (seconds > 0 && seconds < kMost)
            parts.append({PartKind::Thinking, {}, {}, static_cast<qint64>(1000 * seconds)});
        return parts;
    }
    if (type == "thoughts") {
        if (const QString thoughts = thoughtsOf(content); !thoughts.isEmpty())
            parts.append({PartKind::Thinking, thoughts, {}, 0});
    } else if (role == "assistant" && !recipient.empty() && recipient != "all") {
        addContentParts(parts, content);
        addText(parts, json::text(content, "text"));
        QStringList words;
        for (const MessagePart& part : parts)
            words << part.text;
        parts.clear();
        if (!words.isEmpty())
            parts.append({PartKind::ToolCall, words.join(u'\n'), QString::fromStdString(recipient), 0});
    } else if (role == "tool") {
        addContentParts(parts, content);
        for (const char* key : {"text", "result"})
            addText(parts, json::text(content, key));
        for (MessagePart& part : parts) {
            part.kind = PartKind::ToolResult;
            part.name = tool;
        }
    } else if (type == "code") {
        addText(parts, QStringLiteral("```\n%1\n```").arg(json::text(content, "text")));
    } else {
        addContentParts(parts, content);
        for (const char* key : {"text", "result"})
            addText(parts, json::text(content, key));
    }
    if (role == "user") {
        for (const Json& file : json::list(json::member(message, "metadata"), "attachments")) {
            const QString name = json::text(file, "name");
            if (!json::bytes(file, "mime_type").starts_with("image/"))
                parts.prepend(attachmentWords(name));
        }
    }
    return parts;
}

ForeignTree::Node nodeOf(const std::string& key, const Json& node, WholeChat& chat) {
    ForeignTree::Node made;
    made.key = key;
    made.parent = json::bytes(node, "parent");
    made.children = json::texts(node, "children");
    const Json& message = json::member(node, "message");
    const std::string& role = json::bytes(json::member(message, "author"), "role");
    const Json& metadata = json::member(message, "metadata");
    if (json::truth(metadata, "is_visually_hidden_from_conversation"))
        return made;
    QList<MessagePart> parts = partsOf(message, role);
    if (role == "system") {
        addSystemPrompt(chat, parts);
        return made;
    }
    made.message.author = role == "user" ? Author::User : Author::Assistant;
    made.message.parts = std::move(parts);
    made.message.created = json::time(json::member(message, "create_time"));
    if (made.message.author == Author::Assistant)
        made.message.model = json::text(metadata, "model_slug");
    if (json::bytes(message, "status") == "in_progress")
        made.message.state = MessageState::Interrupted;
    return made;
}

} // namespace

bool isChatGptChat(const Json& element) { return json::member(element, "mapping").is_object(); }

WholeChat readChatGptChat(const Json& element) {
    WholeChat chat;
    chat.summary.id = ConversationStore::newId();
    chat.summary.title = json::text(element, "title");
    chat.summary.created = json::time(json::member(element, "create_time"));
    chat.summary.changed = json::time(json::member(element, "update_time"));
    ForeignTree tree;
    for (const auto& [key, node] : json::member(element, "mapping").items())
        tree.add(nodeOf(key, node, chat));
    tree.setCurrent(json::bytes(element, "current_node"));
    tree.fill(chat);
    for (Message& message : chat.messages)
        joinThinkingTimes(message);
    const std::string& id = json::bytes(element, "id");
    finishForeignChat(chat, "ChatGPT", id.empty() ? json::bytes(element, "conversation_id") : id);
    return chat;
}

} // namespace switchyard
