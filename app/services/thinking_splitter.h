// Parts a reasoning model's answer into what it thinks and what it says, while it streams.
#pragma once

#include "app/services/conversation.h"

namespace switchyard {

/// Feeds on pieces of an answer that may begin with <think> ... </think>; a tag may come in pieces.
class ThinkingSplitter {
  public:
    /// `parts` of an answer that goes on, or empty. `inside`: the prompt has opened <think> already.
    explicit ThinkingSplitter(const QList<MessagePart>& parts = {}, bool inside = false);

    void push(const QString& piece, double latency_ms, QList<MessagePart>& parts);
    /// Nothing more comes: what was held back as a possible tag is text.
    void finish(QList<MessagePart>& parts);

    /// The answer as the model wrote it, tags included: what it goes on from.
    static QString raw(const QList<MessagePart>& parts);

  private:
    enum class State { Start, Thinking, Text };
    void add(PartKind kind, const QString& text, QList<MessagePart>& parts);
    /// Looks for `tag` in what is held: true where it was found and what precedes it was added as `kind`.
    bool takeTag(QLatin1String tag, PartKind kind, QList<MessagePart>& parts);

    State state_ = State::Start;
    QString held_;
    double thinking_ms_ = 0;
};

} // namespace switchyard
