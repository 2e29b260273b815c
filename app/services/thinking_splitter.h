// An answer's parts while it streams: what the model thinks, with the time it took, and what it says; and
// where in them each token stands. The one place that turns tokens into parts.
#pragma once

#include "app/services/conversation.h"
#include "engine/text/answer_reader.h"

#include <string_view>
#include <utility>
#include <vector>

namespace switchyard {

/// Follows an answer's reader: which part each piece goes to, and where in it each token begins.
class PlaceKeeper {
  public:
    PlaceKeeper() = default;
    /// Goes on after `parts`.
    explicit PlaceKeeper(const QList<MessagePart>& parts);

    /// A token's bytes come; to be called before its pieces are taken.
    void push(const TokenRecord& token);
    /// The last token has so many bytes more.
    void extend(std::size_t bytes) { pushed_ += bytes; }
    void take(const std::vector<AnswerPiece>& pieces, TokenPlaces& places);
    /// Nothing more comes: tokens without a text of their own stand at the end.
    void finish(TokenPlaces& places);
    /// Of the parts so far: kind and bytes.
    const std::vector<std::pair<PartKind, std::size_t>>& parts() const { return parts_; }

  private:
    TextPlace end() const;

    std::vector<std::pair<PartKind, std::size_t>> parts_;
    std::size_t pushed_ = 0;           ///< bytes of all tokens
    std::vector<std::size_t> waiting_; ///< where tokens begin in these whose place is not known yet
};

/// Keeps message parts from what an AnswerReader finds in the tokens.
class ThinkingSplitter {
  public:
    explicit ThinkingSplitter(const AnswerReading& reading = {}) : reader_(reading) {}
    /// An answer that goes on after `parts`, whatever tokens they came from.
    ThinkingSplitter(const AnswerReading& reading, const QList<MessagePart>& parts);

    /// Adds the token's text to the parts, and to `places` what is known since.
    void push(const TokenRecord& token, QList<MessagePart>& parts, TokenPlaces& places);
    /// Nothing more comes but `tail`, which is the last token's: what was held back as a possible mark is
    /// text.
    void finish(QList<MessagePart>& parts, TokenPlaces& places, std::string_view tail = {});

  private:
    static void add(const std::vector<AnswerPiece>& pieces, QList<MessagePart>& parts);

    AnswerReader reader_;
    PlaceKeeper keeper_;
    double thinking_ms_ = 0;
};

/// The parts that a record's tokens make, and the splitter that goes on with them.
struct ReadAnswer {
    explicit ReadAnswer(const RunRecord& record);
    ThinkingSplitter splitter;
    QList<MessagePart> parts;
    TokenPlaces places;
    /// Whether these are a message's parts: nobody has edited them.
    bool makes(const QList<MessagePart>& parts) const;
};

/// Where a stored record's tokens stand in the message's parts. Of an answer that was continued after a text
/// of other tokens, or edited and then continued, the tokens known make its end.
TokenPlaces placesOf(const RunRecord& record, const QList<MessagePart>& parts);

} // namespace switchyard
