// LM Studio's *.conversation.json: one chat, whose `messages` are each a list of `versions` with the number
// of the one that is `currentlySelected`. A version has its content in one step or, of answers, in several.
// What follows a message follows the version that was selected.
#include "app/services/conversation_store.h"
#include "app/services/transfer/foreign_chats.h"
#include "app/services/transfer/foreign_text.h"
#include "app/services/transfer/foreign_tree.h"
#include "app/services/transfer/json_read.h"

#include <QRegularExpression>

namespace switchyard {

namespace {

using json::Json;

/// Of a block's title: "Thought for 2.5 seconds".
qint64 thinkingTime(const Json& step) {
    static const QRegularExpression pattern(QStringLiteral("([0-9]{1,6}(?:\\.[0-9]{1,3})?) second"));
    const QString title = json::text(json::member(step, "style"), "title");
    return static_cast<qint64>(1000 * pattern.match(title).captured(1).toDouble());
}

void addContent(QList<MessagePart>& parts, const Json& content, bool answer, bool thinking) {
    if (content.is_string()) {
        const QString text = json::text(content);
        parts += answer ? partsOfForeignText(text) : QList{textPart(text)};
        return;
    }
    for (const Json& piece : content.is_array() ? content : Json::array()) {
        const std::string& type = json::bytes(piece, "type");
        const QString text = json::text(piece, "text");
        if (type == "text" || (type.empty() && !text.isEmpty())) {
            if (text.trimmed().isEmpty())
                continue;
            if (thinking)
                parts.append({PartKind::Thinking, text.trimmed(), {}, 0});
            else
                parts += answer ? partsOfForeignText(text) : QList{textPart(text)};
        } else if (type == "file") {
            const QString name = json::text(piece, "fileIdentifier");
            parts.append(json::bytes(piece, "fileType") == "image" ? pictureWords(name)
                                                                   : attachmentWords(name));
        } else if (type == "toolCallRequest") {
            const Json& arguments = json::member(piece, "parameters").is_null()
                                        ? json::member(piece, "arguments")
                                        : json::member(piece, "parameters");
            const QString words =
                arguments.is_null()
                    ? QString()
                    : QString::fromStdString(arguments.dump(2, ' ', false, Json::error_handler_t::replace));
            parts.append({PartKind::ToolCall, words, json::text(piece, "name"), 0});
        } else if (type == "toolCallResult") {
            parts.append({PartKind::ToolResult, json::text(piece, "content"), json::text(piece, "name"), 0});
        } else {
            parts.append(unknownWords(QString::fromStdString(type)));
        }
    }
}

Message messageOf(const Json& version, WholeChat& chat) {
    const std::string& role = json::bytes(version, "role");
    Message made;
    made.author = role == "user" ? Author::User : Author::Assistant;
    const bool answer = made.author == Author::Assistant;
    addContent(made.parts, json::member(version, "content"), answer, false);
    for (const Json& step : json::list(version, "steps")) {
        const bool thinking = json::bytes(json::member(step, "style"), "type") == "thinking";
        if (json::bytes(step, "type") == "contentBlock")
            addContent(made.parts, json::member(step, "content"), answer, thinking);
        if (const qint64 time = thinking ? thinkingTime(step) : 0; time > 0)
            made.parts.append({PartKind::Thinking, {}, {}, time});
        if (made.model.isEmpty())
            made.model = json::text(json::member(step, "genInfo"), "identifier");
        if (json::bytes(json::member(json::member(step, "genInfo"), "stats"), "stopReason") == "userStopped")
            made.state = MessageState::Stopped;
    }
    joinThinkingTimes(made);
    if (role == "system") {
        addSystemPrompt(chat, made.parts);
        made.parts.clear();
    }
    if (answer && made.model.isEmpty())
        made.model = json::text(json::member(version, "senderInfo"), "senderName");
    made.created = json::time(json::member(version, "createdAt"));
    return made;
}

QString systemPromptOf(const Json& element) {
    if (const QString text = json::text(element, "systemPrompt"); !text.isEmpty())
        return text;
    for (const Json& field : json::list(json::member(element, "perChatPredictionConfig"), "fields")) {
        if (json::bytes(field, "key") == "llm.prediction.systemPrompt")
            return json::text(field, "value");
    }
    return {};
}

/// Those before it may have one that follows none.
void addVersions(ForeignTree& tree, const Json& message, std::size_t number, std::string& above,
                 WholeChat& chat) {
    const Json& versions = json::list(message, "versions");
    const double wanted = json::number(json::member(message, "currentlySelected"));
    const std::size_t last = versions.empty() ? 0 : versions.size() - 1;
    const std::size_t selected =
        wanted > 0 && wanted < 1e6 ? std::min(static_cast<std::size_t>(wanted), last) : 0;
    std::string follows;
    for (std::size_t i = 0; i < versions.size(); ++i) {
        ForeignTree::Node node;
        node.key = std::to_string(number) + "/" + std::to_string(i);
        node.parent = above;
        node.message = messageOf(versions[i], chat);
        if (i == selected)
            follows = node.key;
        tree.add(std::move(node));
    }
    if (!follows.empty())
        above = follows;
}

} // namespace

bool isLmStudioChat(const Json& element) {
    const Json& messages = json::list(element, "messages");
    const bool empty = messages.empty() && json::member(element, "messages").is_array() &&
                       json::member(element, "name").is_string() && element.contains("createdAt");
    return empty || (!messages.empty() && json::member(messages[0], "versions").is_array());
}

WholeChat readLmStudioChat(const Json& element) {
    WholeChat chat;
    chat.summary.id = ConversationStore::newId();
    chat.summary.title = json::text(element, "name");
    chat.summary.created = json::time(json::member(element, "createdAt"));
    for (const char* key : {"userLastMessagedAt", "assistantLastMessagedAt"}) {
        const QDateTime time = json::time(json::member(element, key));
        if (time.isValid() && (!chat.summary.changed.isValid() || time > chat.summary.changed))
            chat.summary.changed = time;
    }
    chat.summary.pinned = json::truth(element, "pinned");
    chat.system_prompt = systemPromptOf(element);
    ForeignTree tree;
    std::string above;
    std::size_t number = 0;
    for (const Json& message : json::list(element, "messages"))
        addVersions(tree, message, number++, above, chat);
    tree.setCurrent(above);
    tree.fill(chat);
    finishForeignChat(chat, "LM Studio", {});
    return chat;
}

} // namespace switchyard
