// Chats into a file, one after the other: what each form of file does.
#pragma once

#include "app/services/conversation_store.h"

#include <QByteArray>
#include <QIODevice>

#include <functional>
#include <memory>

namespace switchyard {

enum class ExportForm { Json, Markdown, Html };

/// Text on its way into a device, which gets it in large pieces.
class TextOut {
  public:
    /// `device` is open and outlives this.
    explicit TextOut(QIODevice& device) : device_(device) {}
    TextOut& operator<<(const QString& text) { return *this << text.toUtf8(); }
    TextOut& operator<<(const QByteArray& text);
    /// Throws TransferError where the device takes no more, as operator<< does.
    void flush();

  private:
    QIODevice& device_;
    QByteArray waiting_;
};

/// What is known before the first chat.
struct ExportHead {
    QStringList titles; ///< of the chats that come, as far as they are known
    QStringList folders;
};

/// The whole records of these answers. Throws TransferError where they cannot be had.
using ReadRuns = std::function<ConversationStore::Runs(const QList<MessageId>&)>;

class ChatWriter {
  public:
    virtual ~ChatWriter() = default;
    virtual void begin(const ExportHead& head) = 0;
    /// `folder`: its place in the head's list, -1: in none.
    virtual void write(const Conversation& chat, qsizetype folder, const ReadRuns& runs) = 0;
    virtual void end() = 0;
};

struct ExportOptions {
    ExportForm form = ExportForm::Json;
    bool all_branches = false; ///< Markdown and HTML; JSON has them always
};

/// `out` outlives the writer. What it writes is complete once end() and out.flush() have returned.
std::unique_ptr<ChatWriter> makeChatWriter(const ExportOptions& options, TextOut& out);

/// The messages of a chat, parents first and branches in their order; with `all` those of every branch, else
/// of the one that is shown. What is in no branch, as in a damaged file, comes last.
QList<const Message*> messagesToWrite(const Conversation& chat, bool all);

} // namespace switchyard
