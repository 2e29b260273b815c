#include "app/services/transfer/chat_writer.h"

#include "app/services/transfer/html_chats.h"
#include "app/services/transfer/json_chats.h"
#include "app/services/transfer/markdown_chats.h"
#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>

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
    QList<MessageId> left{0};
    // A damaged file may have a circle, which ends by the count.
    for (qsizetype steps = chat.tree.size() + 1; steps > 0 && !left.isEmpty(); --steps) {
        const MessageId next = left.takeLast();
        if (const Message* message = chat.tree.find(next))
            messages.append(message);
        const QList<MessageId> children = chat.tree.children(next);
        for (auto child = children.crbegin(); child != children.crend(); ++child)
            left.append(*child);
    }
    return messages;
}

} // namespace switchyard
