// Reads a file of chats, of whichever program, and gives the chats in batches.
#pragma once

#include "app/services/transfer/json_bytes.h"
#include "app/services/whole_chat.h"

#include <functional>
#include <memory>

namespace switchyard {

/// What became of the chats of some files.
struct ImportResult {
    int added = 0;
    int known = 0;    ///< were here already
    int empty = 0;    ///< without messages, left out
    int unknown = 0;  ///< no chats, or none that can be read
    int left_out = 0; ///< records and dials of ours that could not be taken over
    QString error;    ///< a sentence a line, at most 20: why files, or chats of them, were not read
    bool cancelled = false;
    ConversationId last = 0; ///< of those that were added
};

/// Stores a batch; how many of its chats were not there yet. Throws TransferError, TransferStopped.
using StoreBatch = std::function<QList<ConversationId>(std::shared_ptr<const ChatBatch>)>;

struct ImportHooks {
    StoreBatch store;
    /// How much of the file was read, now and then. May throw TransferStopped.
    std::function<void(double share)> progress;
};

/// Adds to `result`; what was stored before an error stands. Nothing is thrown but by the hooks'
/// TransferStopped.
void importChatFile(const QString& path, const ImportHooks& hooks, const JsonLimits& limits,
                    ImportResult& result);
/// The same of a source that is no file. Throws TransferError.
void importChats(ByteSource& source, qint64 size, const ImportHooks& hooks, const JsonLimits& limits,
                 ImportResult& result);

} // namespace switchyard
