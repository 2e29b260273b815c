// What the thread keeps of a message to show it: its text, and of the run only what can be seen.
#pragma once

#include "app/services/conversation.h"

#include <QCoreApplication>
#include <QString>
#include <QStringList>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace switchyard {

/// A dial that moved inside an answer.
struct DialMark {
    int token = 0;
    QString tip; ///< "Active experts: 6 -> 4"
};

/// One part of a message, as the thread shows it.
struct ContentPart {
    PartKind kind = PartKind::Text;
    std::string text;   ///< UTF-8; a file's is not kept
    QString name;       ///< a file's, a tool's
    double seconds = 0; ///< of thinking

    /// Whether it folds: only its headline is shown until it is opened.
    bool folds() const {
        return kind == PartKind::Thinking || kind == PartKind::ToolCall || kind == PartKind::ToolResult;
    }

  private:
    friend struct MessageContent;
    bool take(const MessagePart& part, bool growing);
    qsizetype units_ = 0;
    QString last_; ///< the last characters taken, to see that the text before has not changed
};

struct MessageContent {
    Q_DECLARE_TR_FUNCTIONS(MessageContent)
  public:
    MessageId id = 0;
    Author author = Author::User;
    MessageState state = MessageState::Complete;
    /// As the message's, in order. An answer without a text has an empty one behind them.
    std::vector<ContentPart> parts;
    QString model, error;
    QList<MessageId> siblings;
    bool models_differ = false; ///< among the versions
    TokenPlaces tokens;         ///< where in the parts they stand
    std::vector<DialMark> marks;
    QString line;           ///< "6 experts | Q4_K | 41 t/s | 312 ms to first"; empty: no run
    bool reusable = false;  ///< a run that can be made again exactly
    bool cut_short = false; ///< ended by its limit of tokens, or because the context was full
    FinishReason finish = FinishReason::EndOfTurn;
    int limit = 0;           ///< of tokens, in force at the end
    bool tokens_read = true; ///< else `tokens` is empty
    /// Whether its marks can be placed only once the tokens are read.
    bool needsTokens() const { return !marks.empty() && !tokens_read; }
    bool ran = false;       ///< there is a run, also one that brought no token
    bool forgotten = false; ///< the last of those that the newest answer was made without

    /// Takes over what is new. True where the text did not simply grow.
    bool update(const Message& message);
    QString modelName() const; ///< of the file, without its ending; empty: none made it
    /// All texts joined: what is copied, edited and read aloud.
    std::string text() const;
    bool has(PartKind kind) const; ///< that says something
    bool partFolds(int part) const {
        return part >= 0 && part < static_cast<int>(parts.size()) &&
               parts[static_cast<std::size_t>(part)].folds();
    }
    bool streaming() const { return state == MessageState::Streaming; }
    int branch() const { return static_cast<int>(siblings.indexOf(id)); } ///< 0-based; -1: alone

  private:
    bool takeParts(const Message& message, bool growing);
    void takeMoves(const RunRecord& run, bool growing);
    std::size_t moves_taken_ = 0;
    RunDigest digest_;
};

/// Of a part that folds: its headline, and what a click on it does.
struct FoldText {
    QString headline, action;
};
FoldText foldText(const MessageContent& content, int part, bool open);

/// "6 experts | Q4_K | 41 t/s | 312 ms to first", from the tokens where the run has not ended yet. Nothing
/// but the record decides what it says.
QString runLine(const RunSummary& run, const RunDigest& digest);
QString runLine(const RunRecord& run);

/// "Active experts: 6 → 4": a move in words; `before` is the value the dial had.
QString describeMove(const DialMove& move, const std::optional<ControlValue>& before);

} // namespace switchyard
