#include "app/services/transfer/foreign_chats.h"

#include "app/services/chat_title.h"
#include "app/services/transfer/message_words.h"

#include <QCoreApplication>
#include <QCryptographicHash>

namespace switchyard {

namespace {

constexpr qsizetype kLongestTitle = 300;

void add(QCryptographicHash& hash, const QByteArray& bytes) {
    hash.addData(QByteArray::number(bytes.size()) + ':' + bytes);
}

} // namespace

QByteArray sourceOf(const WholeChat& chat, const QByteArray& origin) {
    QCryptographicHash hash(QCryptographicHash::Sha256);
    add(hash, origin);
    add(hash, QByteArray::number(chat.summary.created.toMSecsSinceEpoch()));
    add(hash, chat.system_prompt.toUtf8());
    QHash<MessageId, qsizetype> numbers;
    for (const Message& message : chat.messages) {
        numbers.insert(message.id, numbers.size() + 1);
        add(hash, QByteArray::number(numbers.value(message.parent)) + ' ' +
                      QByteArray::number(static_cast<int>(message.author)) + ' ' + message.model.toUtf8());
        for (const MessagePart& part : message.parts) {
            add(hash, QByteArray::number(static_cast<int>(part.kind)) + part.name.toUtf8());
            add(hash, part.text.toUtf8());
        }
    }
    return hash.result();
}

void addSystemPrompt(WholeChat& chat, const QList<MessagePart>& parts) {
    for (const MessagePart& part : parts) {
        if (!chat.system_prompt.isEmpty())
            chat.system_prompt += QStringLiteral("\n\n");
        chat.system_prompt += part.text;
    }
}

void finishForeignChat(WholeChat& chat, const char* program, const std::string& id) {
    ConversationSummary& summary = chat.summary;
    summary.title = onOneLine(summary.title).left(kLongestTitle);
    if (summary.title.isEmpty() && !chat.messages.isEmpty() && !chat.messages.first().parts.isEmpty())
        summary.title = titleFrom(chat.messages.first().parts.first().text);
    if (summary.title.isEmpty())
        summary.title = QCoreApplication::translate("ChatTransfer", "Imported chat");
    summary.title_by = TitleBy::User; // or its program's: in any case nothing renames it
    // Before today's clock comes in: what it is known by must be the same tomorrow.
    chat.has_id = !id.empty();
    chat.source = sourceOf(chat, QByteArray(program) + '/' + QByteArray::fromStdString(id));
    for (const Message& message : chat.messages) {
        if (!summary.created.isValid() || (message.created.isValid() && message.created < summary.created))
            summary.created = message.created;
        if (!summary.changed.isValid() || (message.created.isValid() && message.created > summary.changed))
            summary.changed = message.created;
    }
    if (!summary.created.isValid())
        summary.created = QDateTime::currentDateTime();
    if (!summary.changed.isValid() || summary.changed < summary.created)
        summary.changed = summary.created;
    // A message without a time is as old as the one that it follows.
    QHash<MessageId, QDateTime> times{{0, summary.created}};
    for (Message& message : chat.messages) {
        if (!message.created.isValid())
            message.created = times.value(message.parent);
        times.insert(message.id, message.created);
    }
}

} // namespace switchyard
