#include "engine/text/answer_reader.h"

#include <algorithm>
#include <array>

namespace switchyard {

namespace {

// Spellings as in the models' own templates and vocabularies.
const std::array<ThinkingMarks, 14> kKnownMarks = {{
    {"<think>", "</think>", "", ""},
    {"[THINK]", "[/THINK]", "", ""},
    {"<|START_THINKING|>", "<|END_THINKING|>", "<|START_RESPONSE|>", "<|END_RESPONSE|>"},
    {"<seed:think>", "</seed:think>", "", ""},
    {"<thinking>", "</thinking>", "", ""},
    {"<thought>", "</thought>", "", ""},
    {"<reasoning>", "</reasoning>", "", ""},
    {"\u25c1think\u25b7", "\u25c1/think\u25b7", "", ""},
    {"<|begin_of_thought|>", "<|end_of_thought|>", "<|begin_of_solution|>", "<|end_of_solution|>"},
    {"<|inner_prefix|>", "<|inner_suffix|>", "", ""},
    {"<|channel>thought", "<channel|>", "", ""},
    {"<unused94>thought", "<unused95>", "", ""},
    {"<longcat_think>", "</longcat_think>", "", ""},
    {"<mm:think>", "</mm:think>", "", ""},
}};

// The harmony format: <|start|>assistant<|channel|>analysis<|message|> ... <|end|>
constexpr std::string_view kStart = "<|start|>", kChannel = "<|channel|>", kMessage = "<|message|>";
constexpr std::array<std::string_view, 3> kMessageEnds = {"<|end|>", "<|return|>", "<|call|>"};
/// A header is a role, a channel and a recipient; what is longer is none.
constexpr std::size_t kLongestHeader = 256;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

} // namespace

std::span<const ThinkingMarks> known_thinking_marks() { return kKnownMarks; }

AnswerReader::AnswerReader(const AnswerReading& reading) : marks_(reading.marks) {
    marks_.insert(marks_.end(), kKnownMarks.begin(), kKnownMarks.end());
    if (reading.opened.empty())
        return;
    if (reading.opened.starts_with(kStart) || reading.opened.starts_with(kChannel)) {
        channels_ = true;
        state_ = State::Header;
    }
    // What the prompt says is no part of the answer.
    std::vector<AnswerPiece> unseen;
    push(reading.opened, {}, unseen);
    held_.clear();
    controls_.clear();
    dropped_ = 0;
    spelled_ = false;
    gap_ = written_ = {};
}

AnswerReader::AnswerReader(const AnswerReading& reading, AnswerPart part) : AnswerReader(reading) {
    part_ = part;
    if (part == AnswerPart::Text || channels_) {
        state_ = State::Body;
        now_ = {};
    } else if (state_ != State::Thinking) {
        state_ = State::Thinking;
        now_ = marks_.front();
    }
    gap_ = {};
    written_[static_cast<std::size_t>(part)] = true;
}

// ---- The stream ----

void AnswerReader::push(std::string_view text, std::string_view control, std::vector<AnswerPiece>& pieces) {
    if (!control.empty()) {
        controls_.emplace_back(held_.size(), held_.size() + control.size());
        held_ += control;
    }
    held_ += text;
    while (!held_.empty() && step(false, pieces)) {
    }
}

void AnswerReader::finish(std::vector<AnswerPiece>& pieces) {
    while (!held_.empty() && step(true, pieces)) {
    }
}

/// True where something of what is held was taken, or the state is another.
bool AnswerReader::step(bool last, std::vector<AnswerPiece>& pieces) {
    switch (state_) {
    case State::Start:
        return start(last);
    case State::Thinking:
        return thinking(last, pieces);
    case State::ReplyStart:
        return reply_start(last);
    case State::Body:
        return body(last, pieces);
    case State::Header:
        return header(last);
    }
    return false;
}

/// The marks whose opening stands at `at`; `more`: one may, once more has come.
const ThinkingMarks* AnswerReader::opening(std::size_t at, bool& more) const {
    const ThinkingMarks* longest = nullptr;
    for (const ThinkingMarks& marks : marks_) {
        if (stands_at(marks.open, at)) {
            if (!longest || marks.open.size() > longest->open.size())
                longest = &marks;
        } else if (may_stand_at(marks.open, at)) {
            more = true;
        }
    }
    return longest;
}

bool AnswerReader::start(bool last) {
    const std::size_t at = skip_space();
    if (at == held_.size() && !last)
        return false;
    for (const std::string_view mark : {kChannel, kStart}) {
        if (stands_at(mark, at)) {
            drop(at);
            open_header();
            return true;
        }
    }
    bool more = may_stand_at(kChannel, at) || may_stand_at(kStart, at);
    const ThinkingMarks* marks = opening(at, more);
    if (more && !last)
        return false;
    if (marks) {
        now_ = *marks;
        drop(at + now_.open.size());
        state_ = State::Thinking;
        part_ = AnswerPart::Thinking;
    } else if (at < held_.size() && control_begins(at)) {
        // A control token that marks nothing: the answer has not begun.
        const auto span = std::ranges::find(controls_, at, &std::pair<std::size_t, std::size_t>::first);
        const std::size_t size = span->second - span->first;
        held_.erase(at, size);
        controls_.erase(span);
        for (auto& [from, to] : controls_) {
            from -= size;
            to -= size;
        }
        dropped_ += size;
    } else {
        state_ = State::Body;
    }
    return true;
}

bool AnswerReader::thinking(bool last, std::vector<AnswerPiece>& pieces) {
    for (std::size_t at = held_.find(now_.close); at != std::string::npos;
         at = held_.find(now_.close, at + 1)) {
        if (!stands_at(now_.close, at))
            continue;
        emit(at, pieces);
        drop(now_.close.size());
        part_ = AnswerPart::Text;
        state_ = now_.reply_open.empty() ? State::Body : State::ReplyStart;
        if (now_.reply_open.empty())
            now_ = {};
        return true;
    }
    emit(held_.size() - (last ? 0 : kept_for(now_.close)), pieces);
    return false;
}

bool AnswerReader::reply_start(bool last) {
    const std::size_t at = skip_space();
    if (stands_at(now_.reply_open, at)) {
        drop(at + now_.reply_open.size());
    } else if (!last && (at == held_.size() || may_stand_at(now_.reply_open, at))) {
        return false;
    } else {
        now_ = {};
    }
    state_ = State::Body;
    return true;
}

bool AnswerReader::body(bool last, std::vector<AnswerPiece>& pieces) {
    std::size_t safe = held_.size();
    // Only control tokens steer what has begun; in the harmony format also marks that are spelled.
    for (std::size_t at = 0; at < held_.size(); ++at) {
        const bool control = control_begins(at);
        if (!control && (spelled_ ? held_[at] != '<' : now_.reply_close.empty()) &&
            (now_.reply_close.empty() || held_[at] != now_.reply_close[0]))
            continue;
        if (!now_.reply_close.empty() && stands_at(now_.reply_close, at)) {
            emit(at, pieces);
            drop(now_.reply_close.size());
            return true;
        }
        const bool steers = control || spelled_;
        if (steers && (stands_at(kChannel, at) || (channels_ && stands_at(kStart, at)))) {
            emit(at, pieces);
            open_header();
            return true;
        }
        const auto end = std::ranges::find_if(kMessageEnds, [&](auto mark) { return stands_at(mark, at); });
        if (steers && channels_ && end != kMessageEnds.end()) {
            emit(at, pieces);
            drop(end->size());
            part_ = AnswerPart::Text;
            gap_ = written_;
            return true;
        }
        bool more = false;
        const ThinkingMarks* marks = control ? opening(at, more) : nullptr;
        if (marks && (!more || last)) {
            emit(at, pieces);
            now_ = *marks;
            drop(now_.open.size());
            state_ = State::Thinking;
            part_ = AnswerPart::Thinking;
            gap_ = written_;
            return true;
        }
        bool wait = control && more;
        wait |= !now_.reply_close.empty() && may_stand_at(now_.reply_close, at);
        if (spelled_ && !control) {
            wait |= may_stand_at(kChannel, at) || may_stand_at(kStart, at);
            for (const std::string_view mark : kMessageEnds)
                wait |= may_stand_at(mark, at);
        }
        if (wait && !last) {
            safe = at;
            break;
        }
    }
    emit(safe, pieces);
    return false;
}

void AnswerReader::open_header() {
    channels_ = true;
    state_ = State::Header;
    channel_.clear();
    in_channel_ = false;
    header_size_ = 0;
}

/// Nothing of a header is for the reader's eyes, so marks that are spelled count in it as well.
bool AnswerReader::header(bool last) {
    for (std::size_t at = 0; at < held_.size(); ++at) {
        const bool control = control_begins(at);
        if (stands_at(kMessage, at)) {
            spelled_ = !control;
            drop(at + kMessage.size());
            close_header(channel_);
            return true;
        }
        if (stands_at(kChannel, at) || stands_at(kStart, at)) {
            in_channel_ = stands_at(kChannel, at);
            channel_.clear();
            drop(at + (in_channel_ ? kChannel : kStart).size());
            return true;
        }
        const auto end = std::ranges::find_if(kMessageEnds, [&](auto mark) { return stands_at(mark, at); });
        if (end != kMessageEnds.end()) { // a header without a message
            drop(at + end->size());
            close_header({});
            return true;
        }
        if (control) { // <|constrain|> and the like: what follows is no name of a channel
            in_channel_ = false;
            drop(std::ranges::find(controls_, at, &std::pair<std::size_t, std::size_t>::first)->second);
            return true;
        }
        bool mark_to_come =
            may_stand_at(kMessage, at) || may_stand_at(kChannel, at) || may_stand_at(kStart, at);
        for (const std::string_view mark : kMessageEnds)
            mark_to_come |= may_stand_at(mark, at);
        if (mark_to_come && !last) {
            drop(at);
            return false;
        }
        if (in_channel_ && !(channel_.empty() && is_space(held_[at])))
            channel_ += held_[at];
        if (++header_size_ > kLongestHeader) {
            drop(at + 1);
            close_header({});
            return true;
        }
    }
    drop(held_.size());
    return false;
}

void AnswerReader::close_header(std::string_view channel) {
    const bool thinks = channel.starts_with("analysis") || channel.starts_with("commentary");
    part_ = thinks ? AnswerPart::Thinking : AnswerPart::Text;
    gap_ = written_;
    state_ = State::Body;
}

// ---- What is held ----

bool AnswerReader::control_begins(std::size_t at) const {
    return std::ranges::any_of(controls_, [&](const auto& span) { return span.first == at; });
}

/// A mark does not begin or end inside a control token.
bool AnswerReader::stands_at(std::string_view mark, std::size_t at) const {
    if (mark.empty() || held_.compare(at, mark.size(), mark) != 0)
        return false;
    const std::size_t end = at + mark.size();
    return std::ranges::none_of(controls_, [&](const auto& span) {
        return (span.first < at && at < span.second) || (span.first < end && end < span.second);
    });
}

bool AnswerReader::may_stand_at(std::string_view mark, std::size_t at) const {
    const std::string_view rest = std::string_view(held_).substr(at);
    return rest.size() < mark.size() && mark.starts_with(rest) &&
           std::ranges::none_of(controls_,
                                [&](const auto& span) { return span.first < at && at < span.second; });
}

/// Length of the longest end of what is held that begins `mark`.
std::size_t AnswerReader::kept_for(std::string_view mark) const {
    for (std::size_t n = std::min(held_.size(), mark.size() - 1); n > 0; --n)
        if (may_stand_at(mark, held_.size() - n))
            return n;
    return 0;
}

std::size_t AnswerReader::skip_space() const {
    std::size_t at = 0;
    while (at < held_.size() && is_space(held_[at]))
        ++at;
    return at;
}

/// Gives the first `size` bytes to the part in force, control tokens left out.
void AnswerReader::emit(std::size_t size, std::vector<AnswerPiece>& pieces) {
    std::size_t from = 0;
    const auto give = [&](std::size_t to) {
        if (to <= from)
            return;
        AnswerPiece piece{part_, held_.substr(from, to - from), dropped_ + from, 0};
        const auto index = static_cast<std::size_t>(part_);
        if (std::exchange(gap_[index], false)) {
            piece.text.insert(0, "\n\n");
            piece.added = 2;
        }
        written_[index] = true;
        pieces.push_back(std::move(piece));
    };
    for (const auto& [begin, end] : controls_) {
        if (begin >= size)
            break;
        give(begin);
        from = end;
    }
    give(size);
    drop(size);
}

void AnswerReader::drop(std::size_t size) {
    held_.erase(0, size);
    dropped_ += size;
    std::erase_if(controls_, [&](const auto& span) { return span.second <= size; });
    for (auto& [from, to] : controls_) {
        from -= size;
        to -= size;
    }
}

} // namespace switchyard
