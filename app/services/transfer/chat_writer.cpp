#include "app/services/transfer/chat_writer.h"

#include "app/services/transfer/html_chats.h"
#include "app/services/transfer/json_chats.h"
#include "app/services/transfer/markdown_chats.h"
#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>
#include <QSet>

namespace switchyard {

TextOut& TextOut::operator<<(const QByteArray& text) {
    constexpr qsizetype kPiece = 256 * 1024;
    waiting_ += text;
    if (waiting_.size() >= kPiece)
        flush();
    return *this;
}

void TextOut::flush() {
    if (!waiting_.isEmpty() && device_.write(waiting_) != waiting_.size())
        throw TransferError(QCoreApplication::translate("ChatTransfer",
                                                        "The file cannot be written (%1): make "
                                                        "room, or choose another place.")
                                .arg(device_.errorString()));
    waiting_.clear();
}

std::unique_ptr<ChatWriter> makeChatWriter(const ExportOptions& options, TextOut& out) {
    switch (options.form) {
    case ExportForm::Json:
        return std::make_unique<JsonChats>(out);
    case ExportForm::Markdown:
        return std::make_unique<MarkdownChats>(out, options.all_branches);
    case ExportForm::Html:
        return std::make_unique<HtmlChats>(out, options.all_branches);
    }
    return {};
}

QList<const Message*> messagesToWrite(const Conversation& chat, bool all) {
    QList<const Message*> messages;
    if (!all) {
        for (const Message& message : chat.thread())
            messages.append(&message);
        return messages;
    }
    QSet<MessageId> written;
    const auto take = [&](MessageId from) {
        QList<MessageId> left{from};
        while (!left.isEmpty()) {
            const MessageId next = left.takeLast();
            if (written.contains(next)) // a damaged file may have a circle
                continue;
            written.insert(next);
            if (const Message* message = chat.tree.find(next))
                messages.append(message);
            const QList<MessageId> children = chat.tree.children(next);
            for (auto child = children.crbegin(); child != children.crend(); ++child)
                left.append(*child);
        }
    };
    take(0);
    // Of a damaged chat what hangs on nothing is no less worth: with what is under it, where it has a place.
    const QList<MessageId> strays = chat.tree.strays();
    for (const MessageId stray : strays) {
        if (!chat.tree.has(chat.tree.find(stray)->parent))
            take(stray);
    }
    for (const MessageId stray : strays)
        take(stray);
    return messages;
}

} // namespace switchyard
