// Chats out of the store into a file, and from a file into the store: beside the window, with progress, and
// to be cancelled.
#pragma once

#include "app/services/background.h"
#include "app/services/conversation_store.h"
#include "app/services/transfer/chat_import.h"
#include "app/services/transfer/chat_writer.h"

#include <QObject>

#include <optional>
#include <stop_token>

namespace switchyard {

struct ExportRequest {
    QString file;                ///< is replaced once all is written, not before
    QList<ConversationId> chats; ///< empty: all
    ExportOptions options;
    int expected = 0; ///< how many there will be, for the progress; 0: not known
};

struct ExportResult {
    QString file;
    int chats = 0;
    QString error; ///< a sentence; nothing was written then
    bool cancelled = false;
};

class ChatTransfer : public QObject {
    Q_OBJECT
  public:
    /// `store` must outlive it.
    explicit ChatTransfer(ConversationStore& store, QObject* parent = nullptr);
    ~ChatTransfer() override; ///< what goes on is cancelled

    /// One after the other, in the order that they were asked for.
    void exportChats(const ExportRequest& request);
    void importFiles(const QStringList& files);
    bool busy() const { return waiting_ > 0; }
    void cancel(); ///< what goes on; what was imported until then stays

  Q_SIGNALS:
    void progress(double share, bool exporting);
    void exported(const switchyard::ExportResult& result);
    void imported(const switchyard::ImportResult& result);

  private:
    /// On the job's thread: asks on this object's, and waits for the answer.
    template <typename T>
    T ask(std::function<void(std::function<void(T)>)> question, const std::stop_token& stop);
    void say(double share, bool exporting);
    ExportResult doExport(const ExportRequest& request, const std::stop_token& stop);
    void writeAll(const ExportRequest& request, QIODevice& device, int& chats, const std::stop_token& stop);
    void writeChosen(const ExportRequest& request, ChatWriter& writer, int& chats,
                     const std::stop_token& stop);
    void writeEvery(const ExportRequest& request, ChatWriter& writer, int& chats,
                    const std::stop_token& stop);
    ImportResult doImport(const QStringList& files, const std::stop_token& stop);
    QList<ConversationId> storeBatch(const std::shared_ptr<const ChatBatch>& batch,
                                     const std::stop_token& stop);

    template <typename Result>
    void start(std::function<Result(const std::stop_token&)> work,
               void (ChatTransfer::*ended)(const Result&));

    ConversationStore& store_;
    int waiting_ = 0;
    std::stop_source ending_;          ///< this goes: nobody will give an answer any more
    std::optional<Background> worker_; ///< last: its jobs use everything above
};

} // namespace switchyard
