// An answer's parts while it streams: what the model thinks, with the time it took, and what it says.
#pragma once

#include "app/services/conversation.h"
#include "engine/text/answer_reader.h"

namespace switchyard {

/// Keeps message parts from what an AnswerReader finds in the tokens.
class ThinkingSplitter {
  public:
    explicit ThinkingSplitter(const AnswerReading& reading = {}) : reader_(reading) {}
    /// An answer that goes on after `parts`, whatever tokens they came from.
    ThinkingSplitter(const AnswerReading& reading, const QList<MessagePart>& parts);

    void push(const TokenRecord& token, QList<MessagePart>& parts);
    /// Nothing more comes: what was held back as a possible mark is text.
    void finish(QList<MessagePart>& parts);

  private:
    static void add(const std::vector<AnswerPiece>& pieces, QList<MessagePart>& parts);

    AnswerReader reader_;
    double thinking_ms_ = 0;
};

/// The parts that a record's tokens make, and the splitter that goes on with them.
struct ReadAnswer {
    explicit ReadAnswer(const RunRecord& record);
    ThinkingSplitter splitter;
    QList<MessagePart> parts;
    /// Whether these are a message's parts: nobody has edited them.
    bool makes(const QList<MessagePart>& parts) const;
};

} // namespace switchyard
