#include "app/services/transfer/json_chats.h"

#include "app/services/thinking_splitter.h"
#include "app/services/transfer/chat_names.h"
#include "app/services/transfer/token_columns.h"
#include "app/services/tuning_json.h"

#include <nlohmann/json.hpp>

namespace switchyard {

namespace {

using Json = nlohmann::ordered_json;

std::string utf8(const QString& text) { return text.toStdString(); }

std::string timeText(const QDateTime& time) { return utf8(time.toUTC().toString(Qt::ISODateWithMs)); }

QByteArray dumped(const Json& json) {
    return QByteArray::fromStdString(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

/// Messages are numbered from 1 on in the order in which they are written.
using Numbers = QHash<MessageId, int>;

Json partsJson(const QList<MessagePart>& parts) {
    Json all = Json::array();
    for (const MessagePart& part : parts) {
        Json one = {{"kind", kindName(part.kind)}};
        if (!part.name.isEmpty())
            one["name"] = utf8(part.name);
        one["text"] = utf8(part.text);
        if (part.milliseconds != 0)
            one["milliseconds"] = part.milliseconds;
        all.push_back(std::move(one));
    }
    return all;
}

Json draftJson(const Draft& draft, const Numbers& numbers) {
    Json json = {{"text", utf8(draft.text)}};
    if (!draft.files.isEmpty())
        json["files"] = partsJson(draft.files);
    for (auto edit = draft.edits.cbegin(); edit != draft.edits.cend(); ++edit) {
        if (const int number = numbers.value(edit.key()); number > 0)
            json["edits"].push_back({{"message", number}, {"text", utf8(edit.value())}});
    }
    return json;
}

Json runJson(const RunRecord& record) {
    RunRecord summary;
    static_cast<RunSummary&>(summary) = record;
    Json json = to_json(summary);
    json["tokens"] = tokenColumns(record.tokens);
    return json;
}

Json headerOf(const Conversation& chat, qsizetype folder, const Numbers& numbers) {
    Json json = {{"id", chat.summary.id},
                 {"title", utf8(chat.summary.title)},
                 {"created", timeText(chat.summary.created)},
                 {"changed", timeText(chat.summary.changed)}};
    if (folder >= 0)
        json["folder"] = folder;
    if (chat.summary.pinned)
        json["pinned"] = true;
    if (chat.summary.title_by != TitleBy::User)
        json["titled"] = chat.summary.title_by == TitleBy::Model ? "model" : "gist";
    if (!chat.system_prompt.isEmpty())
        json["system_prompt"] = utf8(chat.system_prompt);
    if (!(chat.model == ChatModel()))
        json["model"] = {{"key", utf8(chat.model.key)}, {"fingerprint", utf8(chat.model.fingerprint)}};
    if (chat.own_dials)
        json["tuning"] = Json::parse(tuningToJson(chat.tuning).toStdString());
    if (!(chat.unsent == Draft()))
        json["draft"] = draftJson(chat.unsent, numbers);
    if (const int shown = numbers.value(chat.tree.shownUnder(0)); shown > 0)
        json["shown"] = shown;
    return json;
}

Json messageJson(const Message& message, const RunRecord* record, const Numbers& numbers) {
    // One that is being written is as it would be if the program ended now.
    const bool growing = message.state == MessageState::Streaming;
    const bool told = growing && record && !record->tokens.empty();
    Json json = {{"number", numbers.value(message.id)}};
    if (const int parent = numbers.value(message.parent); parent > 0)
        json["parent"] = parent;
    json["author"] = authorName(message.author);
    json["state"] = stateName(growing ? MessageState::Interrupted : message.state);
    json["created"] = timeText(message.created);
    if (!message.model.isEmpty())
        json["model"] = utf8(message.model);
    if (!message.model_fingerprint.isEmpty())
        json["model_fingerprint"] = utf8(message.model_fingerprint);
    if (!message.error.isEmpty())
        json["error"] = utf8(message.error);
    json["parts"] = partsJson(told ? ReadAnswer(*record).parts : message.parts);
    if (record)
        json["run"] = runJson(*record);
    return json;
}

} // namespace

void JsonChats::begin(const ExportHead& head) {
    Json folders = Json::array();
    for (const QString& folder : head.folders)
        folders.push_back(utf8(folder));
    out_ << QByteArray("{\"format\": \"") + kChatsFormat +
                "\", \"version\": " + QByteArray::number(kChatsVersion) +
                ",\n\"folders\": " + dumped(folders) + ",\n\"chats\": [";
}

void JsonChats::write(const Conversation& chat, qsizetype folder, const ReadRuns& runs) {
    const QList<const Message*> messages = messagesToWrite(chat, true);
    Numbers numbers;
    for (const Message* message : messages)
        numbers.insert(message->id, static_cast<int>(numbers.size()) + 1);
    QByteArray header = dumped(headerOf(chat, folder, numbers));
    header.chop(1); // its closing brace
    out_ << QByteArray(first_ ? "\n" : ",\n") + header + ", \"messages\": [";
    first_ = false;

    constexpr int kMostTokens = 20'000; // of those that are in memory at once
    ConversationStore::Runs read;
    for (qsizetype i = 0, known = 0; i < messages.size(); ++i) {
        if (i == known) {
            QList<MessageId> wanted;
            for (int tokens = 0; known < messages.size() && tokens < kMostTokens; ++known) {
                if (!messages[known]->has_run)
                    continue;
                wanted.append(messages[known]->id);
                tokens += messages[known]->tokenCount();
            }
            read = wanted.isEmpty() ? ConversationStore::Runs() : runs(wanted);
        }
        const Message& message = *messages[i];
        const RunRecord* record = nullptr;
        if (read && message.has_run) {
            if (const auto found = read->find(message.id); found != read->end())
                record = &found->second;
        }
        Json json = messageJson(message, record, numbers);
        if (const int shown = numbers.value(chat.tree.shownUnder(message.id)); shown > 0)
            json["shown"] = shown;
        out_ << QByteArray(i == 0 ? "\n " : ",\n ") + dumped(json);
    }
    out_ << QByteArray("]}");
}

void JsonChats::end() { out_ << QByteArray("\n]}\n"); }

} // namespace switchyard
