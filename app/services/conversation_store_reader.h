// The store's second thread: it answers from a read-only connection of its own, with what is not written yet
// played on top of it. What it cannot say the writer is asked for.
#pragma once

#include "app/services/conversation_store.h"

#include <QSqlDatabase>

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

namespace switchyard {

class ConversationStore::Reader : public QObject {
  public:
    using After = std::function<void()>;
    /// What is to be done on the caller's thread; empty: the writer has to be asked.
    using Work = std::function<After(ConversationDatabase&)>;

    Reader(ConversationStore& store, const Worker& writer);
    ~Reader() override;

    /// From any thread. `otherwise` is called, on any thread, where it cannot be answered here. `chat`: what
    /// is written of it, and not on the disk yet, is seen; 0: of none.
    void ask(ConversationId chat, Work work, After otherwise);

    using TellPage = std::function<After(ExportPage)>;
    /// The next page of this cursor, which begins with the first. Nothing is read once `closed` is set: its
    /// closeExport() may have come before.
    void readExport(quint64 cursor, std::shared_ptr<std::atomic<bool>> closed, TellPage tell);
    void closeExport(quint64 cursor);
    using TellRuns = std::function<After(const Runs&)>;
    /// Of answers that this cursor has come to.
    void readExportRuns(quint64 cursor, std::shared_ptr<std::atomic<bool>> closed,
                        const QList<MessageId>& messages, TellRuns tell);

    /// On the store's thread, with `thread` running: until then all is left to the writer.
    void begin(QThread& thread);
    /// On the store's thread: nothing is read any more. Returns once the connection is closed.
    void finish();

    /// On the writer's thread: this file can be read.
    void use(const QString& path);
    /// On the writer's thread: not any more. Returns once the connection is closed.
    void release();

  private:
    class ChatCopy;
    struct Export;
    ExportPage nextPage(quint64 cursor);
    Runs exportedRuns(quint64 cursor, const QList<MessageId>& messages);
    void run(ConversationId chat, const Work& work, const After& otherwise);
    After answer(ConversationId chat, const Work& work);
    bool connectToFile();
    void disconnect();

    ConversationStore& store_;
    const Worker& writer_;
    std::mutex mutex_;
    std::condition_variable closed_;
    QString path_;           ///< guarded; empty: nothing can be read here
    bool running_ = false;   ///< guarded
    bool connected_ = false; ///< guarded
    // On its own thread:
    QSqlDatabase db_;
    QString connected_path_;
    std::unique_ptr<ChatCopy> copy_;
    std::map<quint64, std::unique_ptr<Export>> exports_; ///< without one: it was broken off
    std::pair<quint64, quint64> identity_;               ///< of the file when it was opened
};

} // namespace switchyard
