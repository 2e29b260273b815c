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

enum class MessagePlace { Thinking, Body };

/// A place in a message's text.
struct TextPlace {
    MessagePlace part = MessagePlace::Body;
    std::size_t offset = 0; ///< bytes
    auto operator<=>(const TextPlace&) const = default;
};

/// Where each token of an answer stands in its text. Tokens count what was generated; of a text that was
/// continued, the tokens known are the last ones.
class TokenPlaces {
  public:
    /// Takes the tokens that were not there the last time. `thinks`: the message has thinking.
    void update(const RunRecord& run, bool thinks);
    void clear() { *this = TokenPlaces(); }
    int size() const { return static_cast<int>(ends_.size()); }
    /// Where token `index` begins, given the bytes shown; index == size() is the end.
    TextPlace begin(int index, std::size_t text_size, bool has_thinking) const;

  private:
    /// A stretch of the tokens' bytes that is a stretch of a part.
    struct Stretch {
        std::size_t source = 0, size = 0;
        TextPlace place;
    };
    void push(const TokenRecord& token);
    void take(const std::vector<AnswerPiece>& pieces);
    std::size_t& length(MessagePlace part) {
        return part == MessagePlace::Body ? body_size_ : thinking_size_;
    }

    AnswerReader reader_;
    std::vector<std::size_t> ends_; ///< bytes of raw output up to and with each token
    std::vector<Stretch> stretches_;
    std::size_t body_size_ = 0, thinking_size_ = 0;
    bool opened_ = false; ///< read as if the prompt had opened the thinking
};

/// A dial that moved inside an answer.
struct DialMark {
    int token = 0;
    QString tip; ///< "Active experts: 6 -> 4"
};

struct AttachedFile {
    QString name;
    qsizetype size = 0; ///< characters
};

struct MessageContent {
    Q_DECLARE_TR_FUNCTIONS(MessageContent)
  public:
    MessageId id = 0;
    Author author = Author::User;
    MessageState state = MessageState::Complete;
    std::string text, thinking; ///< UTF-8
    double thinking_seconds = 0;
    std::vector<AttachedFile> files;
    QString model, error;
    QList<MessageId> siblings;
    TokenPlaces tokens;
    std::vector<DialMark> marks;
    QString line;           ///< "6 experts | Q4_K | 41 t/s | 312 ms to first"; empty: no run
    bool reusable = false;  ///< a run that can be made again exactly
    bool cut_short = false; ///< ended by its limit of tokens, or because the context was full
    FinishReason finish = FinishReason::EndOfTurn;
    int limit = 0;         ///< of tokens, in force at the end
    int stored_tokens = 0; ///< `tokens` is empty until they are read
    /// Whether its marks can be placed only once the tokens are read.
    bool needsTokens() const { return !marks.empty() && tokens.size() < stored_tokens; }
    bool ran = false; ///< there is a run, also one that brought no token

    /// Takes over what is new. True where the text did not simply grow.
    bool update(const Message& message);
    bool streaming() const { return state == MessageState::Streaming; }
    int branch() const { return static_cast<int>(siblings.indexOf(id)); } ///< 0-based; -1: alone

  private:
    struct Taken {
        qsizetype units = 0;
        QString last; ///< the last characters taken, to see that the text before has not changed
    };
    static bool take(const QString& text, std::string& into, Taken& taken, bool growing);
    Taken text_taken_, thinking_taken_;
    std::size_t moves_taken_ = 0;
    RunDigest digest_;
};

/// "6 experts | Q4_K | 41 t/s | 312 ms to first", from the tokens where the run has not ended yet. Nothing
/// but the record decides what it says.
QString runLine(const RunSummary& run, const RunDigest& digest);
QString runLine(const RunRecord& run);

/// "Active experts: 6 → 4": a move in words; `before` is the value the dial had.
QString describeMove(const DialMove& move, const std::optional<ControlValue>& before);

} // namespace switchyard
