#include "app/services/thinking_splitter.h"

#include <cmath>

namespace switchyard {

namespace {

constexpr QLatin1String kOpen("<think>");
constexpr QLatin1String kClose("</think>");

/// Length of the longest end of `text` that begins `tag`.
qsizetype possibleTag(const QString& text, QLatin1String tag) {
    for (qsizetype n = std::min(text.size(), tag.size() - 1); n > 0; --n) {
        if (QStringView(text).last(n) == tag.left(n))
            return n;
    }
    return 0;
}

} // namespace

ThinkingSplitter::ThinkingSplitter(const QList<MessagePart>& parts, bool inside) {
    if (inside)
        state_ = State::Thinking;
    else if (!parts.isEmpty())
        state_ = parts.last().kind == PartKind::Thinking ? State::Thinking : State::Text;
    if (state_ == State::Thinking && !parts.isEmpty())
        thinking_ms_ = static_cast<double>(parts.last().milliseconds);
}

void ThinkingSplitter::add(PartKind kind, const QString& text, QList<MessagePart>& parts) {
    if (parts.isEmpty() || parts.last().kind != kind) {
        if (text.isEmpty() && kind == PartKind::Text)
            return;
        parts.append({kind, {}, {}, 0});
    }
    parts.last().text += text;
}

bool ThinkingSplitter::takeTag(QLatin1String tag, PartKind kind, QList<MessagePart>& parts) {
    const qsizetype at = held_.indexOf(tag);
    if (at >= 0) {
        add(kind, held_.left(at), parts);
        held_.remove(0, at + tag.size());
        return true;
    }
    const qsizetype keep = possibleTag(held_, tag);
    add(kind, held_.left(held_.size() - keep), parts);
    held_.remove(0, held_.size() - keep);
    return false;
}

void ThinkingSplitter::push(const QString& piece, double latency_ms, QList<MessagePart>& parts) {
    held_ += piece;
    if (state_ == State::Start) {
        // Only an answer that begins with the tag thinks; one that speaks of it does not.
        const QString begin = held_.trimmed();
        if (begin.isEmpty() || (begin.size() < kOpen.size() && kOpen.startsWith(begin)))
            return;
        if (begin.startsWith(kOpen)) {
            held_.remove(0, held_.indexOf(kOpen) + kOpen.size());
            state_ = State::Thinking;
        } else {
            state_ = State::Text;
        }
    }
    if (state_ == State::Thinking) {
        thinking_ms_ += latency_ms;
        add(PartKind::Thinking, {}, parts);
        const bool closed = takeTag(kClose, PartKind::Thinking, parts);
        parts.last().milliseconds = std::llround(thinking_ms_);
        if (closed)
            state_ = State::Text;
    }
    if (state_ == State::Text) {
        add(PartKind::Text, held_, parts);
        held_.clear();
    }
}

void ThinkingSplitter::finish(QList<MessagePart>& parts) {
    if (!held_.isEmpty())
        add(state_ == State::Thinking ? PartKind::Thinking : PartKind::Text, held_, parts);
    held_.clear();
}

QString ThinkingSplitter::raw(const QList<MessagePart>& parts) {
    QString all;
    for (qsizetype i = 0; i < parts.size(); ++i) {
        if (parts[i].kind == PartKind::Thinking) {
            all += kOpen + parts[i].text;
            if (i + 1 < parts.size())
                all += kClose;
        } else if (parts[i].kind == PartKind::Text) {
            all += parts[i].text;
        }
    }
    return all;
}

} // namespace switchyard
