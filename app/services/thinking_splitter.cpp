#include "app/services/thinking_splitter.h"

#include <cmath>

namespace switchyard {

namespace {

QString textOf(const QList<MessagePart>& parts, PartKind kind) {
    QString text;
    for (const MessagePart& part : parts) {
        if (part.kind == kind)
            text += part.text;
    }
    return text;
}

} // namespace

ThinkingSplitter::ThinkingSplitter(const AnswerReading& reading, const QList<MessagePart>& parts)
    : reader_(reading) {
    if (parts.isEmpty())
        return;
    const MessagePart& last = parts.last();
    const bool thinks = last.kind == PartKind::Thinking;
    reader_ = AnswerReader(reading, thinks ? AnswerPart::Thinking : AnswerPart::Text);
    thinking_ms_ = thinks ? static_cast<double>(last.milliseconds) : 0;
}

void ThinkingSplitter::add(const std::vector<AnswerPiece>& pieces, QList<MessagePart>& parts) {
    for (const AnswerPiece& piece : pieces) {
        const PartKind kind = piece.part == AnswerPart::Thinking ? PartKind::Thinking : PartKind::Text;
        if (parts.isEmpty() || parts.last().kind != kind)
            parts.append({kind, {}, {}, 0});
        parts.last().text += QString::fromStdString(piece.text);
    }
}

void ThinkingSplitter::push(const TokenRecord& token, QList<MessagePart>& parts) {
    std::vector<AnswerPiece> pieces;
    const bool thought = reader_.part() == AnswerPart::Thinking;
    reader_.push(token.text, token.control, pieces);
    const qsizetype before = parts.size();
    add(pieces, parts);
    if (parts.size() > before && parts.last().kind == PartKind::Thinking && !thought)
        thinking_ms_ = 0;
    if (thought || reader_.part() == AnswerPart::Thinking)
        thinking_ms_ += token.latency_ms;
    for (qsizetype i = parts.size(); i-- > 0;) {
        if (parts[i].kind != PartKind::Thinking)
            continue;
        if (thought || i + 1 == parts.size())
            parts[i].milliseconds = std::llround(thinking_ms_);
        break;
    }
}

void ThinkingSplitter::finish(QList<MessagePart>& parts) {
    std::vector<AnswerPiece> pieces;
    reader_.finish(pieces);
    add(pieces, parts);
}

ReadAnswer::ReadAnswer(const RunRecord& record) : splitter(record.reading) {
    for (const TokenRecord& token : record.tokens)
        splitter.push(token, parts);
}

bool ReadAnswer::makes(const QList<MessagePart>& others) const {
    ThinkingSplitter last = splitter;
    QList<MessagePart> whole = parts;
    last.finish(whole);
    return textOf(whole, PartKind::Text) == textOf(others, PartKind::Text) &&
           textOf(whole, PartKind::Thinking) == textOf(others, PartKind::Thinking);
}

} // namespace switchyard
