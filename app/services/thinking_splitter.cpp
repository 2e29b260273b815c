#include "app/services/thinking_splitter.h"

#include <algorithm>
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

PartKind kindOf(AnswerPart part) {
    return part == AnswerPart::Thinking ? PartKind::Thinking : PartKind::Text;
}

std::size_t bytesOf(const QString& text) { return static_cast<std::size_t>(text.toUtf8().size()); }

} // namespace

PlaceKeeper::PlaceKeeper(const QList<MessagePart>& parts) {
    for (const MessagePart& part : parts)
        parts_.emplace_back(part.kind, &part == &parts.last() ? bytesOf(part.text) : 0); // no other grows
}

TextPlace PlaceKeeper::end() const {
    return parts_.empty() ? TextPlace{}
                          : TextPlace{static_cast<int>(parts_.size()) - 1, parts_.back().second};
}

void PlaceKeeper::push(const TokenRecord& token) {
    waiting_.push_back(pushed_);
    pushed_ += token.control.size() + token.text.size();
}

void PlaceKeeper::take(const std::vector<AnswerPiece>& pieces, TokenPlaces& places) {
    std::size_t known = 0; // of those that wait
    for (const AnswerPiece& piece : pieces) {
        if (parts_.empty() || parts_.back().first != kindOf(piece.part))
            parts_.emplace_back(kindOf(piece.part), 0);
        TextPlace begin = end();
        begin.offset += piece.added;
        const std::size_t stop = piece.source + piece.text.size() - piece.added;
        // The piece that holds a token's first byte; of what no part holds, the one that follows.
        for (; known < waiting_.size() && waiting_[known] < stop; ++known) {
            const std::size_t at = waiting_[known];
            places.add({begin.part, begin.offset + (at > piece.source ? at - piece.source : 0)});
        }
        parts_.back().second += piece.text.size();
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(known));
    places.setEnd(end());
}

void PlaceKeeper::finish(TokenPlaces& places) {
    for (; !waiting_.empty(); waiting_.pop_back())
        places.add(end());
}

ThinkingSplitter::ThinkingSplitter(const AnswerReading& reading, const QList<MessagePart>& parts)
    : reader_(reading), keeper_(parts) {
    if (parts.isEmpty())
        return;
    const MessagePart& last = parts.last();
    const bool thinks = last.kind == PartKind::Thinking;
    reader_ = AnswerReader(reading, thinks ? AnswerPart::Thinking : AnswerPart::Text);
    thinking_ms_ = thinks ? static_cast<double>(last.milliseconds) : 0;
}

void ThinkingSplitter::add(const std::vector<AnswerPiece>& pieces, QList<MessagePart>& parts) {
    for (const AnswerPiece& piece : pieces) {
        const PartKind kind = kindOf(piece.part);
        if (parts.isEmpty() || parts.last().kind != kind)
            parts.append({kind, {}, {}, 0});
        parts.last().text += QString::fromStdString(piece.text);
    }
}

void ThinkingSplitter::push(const TokenRecord& token, QList<MessagePart>& parts, TokenPlaces& places) {
    std::vector<AnswerPiece> pieces;
    const bool thought = reader_.part() == AnswerPart::Thinking;
    reader_.push(token.text, token.control, pieces);
    keeper_.push(token);
    keeper_.take(pieces, places);
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

void ThinkingSplitter::finish(QList<MessagePart>& parts, TokenPlaces& places, std::string_view tail) {
    std::vector<AnswerPiece> pieces;
    reader_.push(tail, {}, pieces);
    reader_.finish(pieces);
    keeper_.extend(tail.size());
    keeper_.take(pieces, places);
    keeper_.finish(places);
    add(pieces, parts);
}

ReadAnswer::ReadAnswer(const RunRecord& record) : splitter(record.reading) {
    for (const TokenRecord& token : record.tokens)
        splitter.push(token, parts, places);
}

bool ReadAnswer::makes(const QList<MessagePart>& others) const {
    ThinkingSplitter last = splitter;
    QList<MessagePart> whole = parts;
    TokenPlaces unused;
    last.finish(whole, unused);
    return textOf(whole, PartKind::Text) == textOf(others, PartKind::Text) &&
           textOf(whole, PartKind::Thinking) == textOf(others, PartKind::Thinking);
}

namespace {

/// What a record's tokens make, without their text.
struct PlacedRecord {
    PlacedRecord(const RunRecord& record, const AnswerReading& reading) {
        AnswerReader reader(reading);
        std::vector<AnswerPiece> pieces;
        for (const TokenRecord& token : record.tokens) {
            pieces.clear();
            reader.push(token.text, token.control, pieces);
            keeper.push(token);
            keeper.take(pieces, places);
        }
        pieces.clear();
        reader.finish(pieces);
        keeper.take(pieces, places);
        keeper.finish(places);
    }
    PlaceKeeper keeper;
    TokenPlaces places;
};

/// What each of the record's own parts is of the message's: the part, and the bytes in it before.
std::vector<TextPlace> alignParts(const std::vector<std::pair<PartKind, std::size_t>>& own,
                                  const QList<MessagePart>& parts, const std::vector<std::size_t>& sizes) {
    std::vector<TextPlace> aligned;
    const auto count = static_cast<qsizetype>(own.size());
    const qsizetype first = parts.size() - count;
    bool alike = first >= 0;
    for (qsizetype i = 0; alike && i < count; ++i)
        alike = parts[first + i].kind == own[static_cast<std::size_t>(i)].first;
    for (qsizetype i = 0; i < count; ++i) {
        const auto& [kind, bytes] = own[static_cast<std::size_t>(i)];
        qsizetype part = first + i;
        if (!alike) { // by kind; what the message has no part of stands at its beginning
            const auto found =
                std::ranges::find(parts, kind, [](const MessagePart& other) { return other.kind; });
            part = found == parts.end() ? -1 : found - parts.begin();
        }
        // Text of other tokens stands before the first of its parts, or before all of the last.
        const bool before = i + 1 == count || (i == 0 && first > 0);
        const std::size_t whole = part >= 0 && before ? sizes[static_cast<std::size_t>(part)] : 0;
        aligned.push_back({static_cast<int>(part), whole > bytes ? whole - bytes : 0});
    }
    return aligned;
}

} // namespace

TokenPlaces placesOf(const RunRecord& record, const QList<MessagePart>& parts) {
    const auto thinks = [](const auto& all, auto kind) {
        return std::ranges::find(all, PartKind::Thinking, kind) != all.end();
    };
    PlacedRecord read(record, record.reading);
    using Own = std::pair<PartKind, std::size_t>;
    // Records that do not say that the prompt had opened the thinking.
    if (record.reading.opened.empty() && !read.keeper.parts().empty() && thinks(parts, &MessagePart::kind) &&
        !thinks(read.keeper.parts(), &Own::first)) {
        AnswerReading reading = record.reading;
        reading.opened = known_thinking_marks().front().open;
        PlacedRecord opened(record, reading);
        if (opened.keeper.parts().back().first == parts.last().kind)
            read = std::move(opened);
    }
    std::vector<std::size_t> sizes;
    for (const MessagePart& part : parts)
        sizes.push_back(bytesOf(part.text));
    const std::vector<TextPlace> aligned = alignParts(read.keeper.parts(), parts, sizes);
    const auto moved = [&](TextPlace place) -> TextPlace {
        if (place.part >= static_cast<int>(aligned.size()))
            return {};
        const TextPlace& to = aligned[static_cast<std::size_t>(place.part)];
        if (to.part < 0)
            return {};
        return {to.part, std::min(to.offset + place.offset, sizes[static_cast<std::size_t>(to.part)])};
    };
    TokenPlaces places;
    for (int i = 0; i < read.places.size(); ++i)
        places.add(moved(read.places.begin(i)));
    places.setEnd(moved(read.places.end()));
    return places;
}

} // namespace switchyard
