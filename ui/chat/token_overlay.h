// What lies over the text of answers: the token that is lit, and the marks where a dial moved.
#pragma once

#include "ui/chat/message_layout.h"

#include <QCoreApplication>

#include <optional>

namespace switchyard {

/// A message with its layout; both must outlive the call.
struct ShownMessage {
    const MessageContent& content;
    const MessageLayout& layout;
};

class TokenOverlay {
    Q_DECLARE_TR_FUNCTIONS(TokenOverlay)
  public:
    /// Lights up one token of one message; -1: none.
    void light(MessageId message, int token);
    std::optional<LayoutRange> lit(const ShownMessage& message) const;

    /// Where a token begins; of one in a part that is folded, the head of the message.
    static QRectF tokenRect(const ShownMessage& message, int token);
    /// Index of the dial mark at a point of the message; -1: none.
    static int markAt(const ShownMessage& message, const QPointF& point);
    /// What moved at a mark, in words.
    static QString tip(const DialMark& mark);
    static void paintMarks(QPainter& painter, const ShownMessage& message, const QColor& colour);

  private:
    MessageId message_ = 0;
    int token_ = -1;
};

} // namespace switchyard
