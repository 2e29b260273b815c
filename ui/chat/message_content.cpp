#include "ui/chat/message_content.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>
#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

QString joined(const Message& message, PartKind kind) {
    const QString* only = nullptr;
    QString all;
    for (const MessagePart& part : message.parts) {
        if (part.kind != kind)
            continue;
        if (only)
            all = all.isNull() ? *only + part.text : all + part.text;
        only = &part.text;
    }
    return all.isNull() && only ? *only : all;
}

QString shown(const ControlSpec* spec, const ControlValue& value) {
    if (spec) {
        const QString text = QString::fromStdString(format_control(*spec, value));
        // As the dial beside it shows the number.
        return std::holds_alternative<double>(value) ? QString(text).replace(u"."_s, QLocale().decimalPoint())
                                                     : text;
    }
    if (const auto* name = std::get_if<std::string>(&value))
        return QString::fromStdString(*name);
    // Of a dial that another version had.
    const double number = std::get<double>(value);
    return number == std::floor(number) ? QString::number(number, 'f', 0)
                                        : QLocale().toString(number, 'g', 9);
}

} // namespace

void TokenPlaces::update(const RunRecord& run, bool thinks) {
    if (run.tokens.size() < ends_.size())
        clear();
    if (ends_.empty())
        reader_ = AnswerReader(run.reading);
    const auto read = [&] {
        for (std::size_t i = ends_.size(); i < run.tokens.size(); ++i)
            push(run.tokens[i]);
    };
    read();
    // Records that do not say that the prompt had opened the thinking.
    if (thinks && thinking_size_ == 0 && body_size_ > 0 && !opened_ && run.reading.opened.empty()) {
        clear();
        opened_ = true;
        AnswerReading reading = run.reading;
        reading.opened = known_thinking_marks().front().open;
        reader_ = AnswerReader(reading);
        read();
    }
}

void TokenPlaces::push(const TokenRecord& token) {
    std::vector<AnswerPiece> pieces;
    reader_.push(token.text, token.control, pieces);
    take(pieces);
    ends_.push_back((ends_.empty() ? 0 : ends_.back()) + token.control.size() + token.text.size());
}

void TokenPlaces::take(const std::vector<AnswerPiece>& pieces) {
    for (const AnswerPiece& piece : pieces) {
        const auto part = piece.part == AnswerPart::Thinking ? MessagePlace::Thinking : MessagePlace::Body;
        const std::size_t own = piece.text.size() - piece.added;
        std::size_t& size = length(part);
        size += piece.added;
        Stretch* last = stretches_.empty() ? nullptr : &stretches_.back();
        if (last && last->place.part == part && last->source + last->size == piece.source &&
            last->place.offset + last->size == size)
            last->size += own;
        else
            stretches_.push_back({piece.source, own, {part, size}});
        size += own;
    }
}

TextPlace TokenPlaces::begin(int index, std::size_t text_size, bool has_thinking) const {
    const std::size_t at =
        index <= 0 || ends_.empty()
            ? 0
            : ends_[std::min<std::size_t>(static_cast<std::size_t>(index), ends_.size()) - 1];
    // The stretch that holds this byte; of what no part holds, where the next one begins.
    const auto next = std::ranges::upper_bound(
        stretches_, at, {}, [](const Stretch& stretch) { return stretch.source + stretch.size; });
    TextPlace place{MessagePlace::Body, body_size_};
    if (next != stretches_.end()) {
        place = next->place;
        place.offset += at > next->source ? at - next->source : 0;
    } else if (reader_.part() == AnswerPart::Thinking) {
        place = {MessagePlace::Thinking, thinking_size_};
    }
    if (place.part == MessagePlace::Thinking)
        return has_thinking ? place : TextPlace{MessagePlace::Body, 0};
    const std::size_t before = text_size > body_size_ ? text_size - body_size_ : 0; // of one that went on
    return {MessagePlace::Body, std::min(text_size, before + place.offset)};
}

bool MessageContent::take(const QString& text, std::string& into, Taken& taken, bool growing) {
    bool grew = growing && text.size() >= taken.units &&
                QStringView(text).mid(taken.units - taken.last.size(), taken.last.size()) == taken.last;
    if (!growing) {
        // Rare: compare all of it.
        const std::string all = text.toStdString();
        grew = all.starts_with(into);
    }
    if (!grew) {
        into.clear();
        taken.units = 0;
    }
    into += QStringView(text).mid(taken.units).toUtf8().toStdString();
    taken.units = text.size();
    taken.last = text.right(32);
    return grew;
}

bool MessageContent::update(const Message& message) {
    const bool growing = id == message.id && streaming() && message.state == MessageState::Streaming;
    id = message.id;
    author = message.author;
    state = message.state;
    model = message.model;
    error = message.error;
    siblings = message.siblings;
    const bool text_grew = take(joined(message, PartKind::Text), text, text_taken_, growing);
    const bool thinking_grew = take(joined(message, PartKind::Thinking), thinking, thinking_taken_, growing);
    files.clear();
    thinking_seconds = 0;
    for (const MessagePart& part : message.parts) {
        if (part.kind == PartKind::Thinking)
            thinking_seconds += static_cast<double>(part.milliseconds) / 1000;
        if (part.kind == PartKind::File)
            files.push_back({part.name, part.text.size()});
    }
    tokens.update(message.run, !thinking.empty());
    if (!growing || message.run.moves.size() < moves_taken_) {
        marks.clear();
        moves_taken_ = 0;
    }
    for (; moves_taken_ < message.run.moves.size(); ++moves_taken_) {
        const DialMove& move = message.run.moves[moves_taken_];
        const ControlSpec* spec = find_control(move.name);
        std::optional<ControlValue> before;
        if (spec)
            before = control_value(message.run.settings, *spec);
        for (std::size_t i = 0; i < moves_taken_; ++i) {
            if (message.run.moves[i].name == move.name)
                before = message.run.moves[i].value;
        }
        const QString tip = describeMove(move, before);
        if (!marks.empty() && marks.back().token == move.token)
            marks.back().tip += u'\n' + tip;
        else
            marks.push_back({move.token, tip});
    }
    if (message.run.tokens.empty()) {
        digest_ = message.digest;
    } else {
        if (!growing)
            digest_ = {};
        digest_.take(message.run.tokens);
    }
    stored_tokens = message.tokenCount();
    line = message.has_run || digest_.tokens > 0 ? runLine(message.run, digest_) : QString();
    reusable = message.has_run && stored_tokens > 0;
    finish = message.run.finish;
    ran = message.has_run;
    limit = message.run.settings.sequence.max_tokens;
    for (const DialMove& move : message.run.moves) {
        if (const auto* value = std::get_if<double>(&move.value); value && move.name == "max_tokens")
            limit = static_cast<int>(*value);
    }
    cut_short = message.has_run && state == MessageState::Complete &&
                (finish == FinishReason::MaxTokens || finish == FinishReason::ContextFull);
    return !(text_grew && thinking_grew);
}

/// The values a dial had one after the other, as the moves tell; empty: it did not move.
static QStringList valuesOf(const RunSummary& run, const ControlSpec& spec) {
    QStringList values{shown(&spec, control_value(run.settings, spec))};
    const DialMove* last = nullptr;
    for (const DialMove& move : run.moves) {
        if (move.name != spec.name)
            continue;
        // Of several moves before one token the last one counts.
        if (last && last->token == move.token && values.size() > 1)
            values.removeLast();
        last = &move;
        if (const QString value = shown(&spec, move.value); value != values.last())
            values.append(value);
    }
    return values.size() > 1 ? values : QStringList();
}

static QString withArrows(const QStringList& values) { return values.join(u" \u2192 "_s); }

/// "6 experts", "8 \u2192 2 \u2192 8 experts"
static QString expertsOf(const RunDigest& digest) {
    if (digest.experts.empty())
        return {};
    QStringList counts;
    for (const int count : digest.experts)
        counts.append(QString::number(count));
    const int last = digest.experts.back();
    if (counts.size() == 1)
        return MessageContent::tr("%n experts", nullptr, last);
    counts.removeLast();
    return MessageContent::tr("%1 \u2192 %n experts", nullptr, last).arg(withArrows(counts));
}

static QString precisionsOf(const RunSummary& run, const RunDigest& digest) {
    const QString file_precision = QString::fromStdString(run.computed_by.file_precision);
    QStringList names;
    for (const std::string& name : digest.precisions) {
        if (name != "file")
            names.append(QString::fromStdString(name));
        else
            names.append(file_precision.isEmpty() ? MessageContent::tr("file's precision") : file_precision);
    }
    return withArrows(names);
}

QString runLine(const RunRecord& run) {
    RunDigest digest;
    digest.take(run.tokens);
    return runLine(run, digest);
}

QString runLine(const RunSummary& run, const RunDigest& digest) {
    QStringList parts;
    if (digest.tokens > 0) {
        if (const QString experts = expertsOf(digest); !experts.isEmpty())
            parts += experts;
        parts += precisionsOf(run, digest);
    }
    for (const ControlSpec& spec : controls()) {
        if (spec.name == "experts" || spec.name == "quant")
            continue; // told by the tokens
        if (const QStringList values = valuesOf(run, spec); !values.isEmpty())
            parts += MessageContent::tr("%1: %2").arg(
                QCoreApplication::translate("Controls", std::string(spec.label).c_str()), withArrows(values));
    }
    double speed = run.timings.decode_tokens_per_second();
    if (!(speed > 0))
        speed = digest.speed;
    if (speed > 0)
        parts += MessageContent::tr("%1 t/s").arg(QLocale().toString(speed, 'f', speed < 10 ? 1 : 0));
    if (run.timings.time_to_first_token_ms > 0)
        parts += MessageContent::tr("%1 ms to first")
                     .arg(QLocale().toString(run.timings.time_to_first_token_ms, 'f', 0));
    return parts.join(u"  |  "_s);
}

QString describeMove(const DialMove& move, const std::optional<ControlValue>& before) {
    const ControlSpec* spec = find_control(move.name);
    const QString name = spec ? QCoreApplication::translate("Controls", std::string(spec->label).c_str())
                              : QString::fromStdString(move.name);
    const QString after = shown(spec, move.value);
    return before ? MessageContent::tr("%1: %2 \u2192 %3").arg(name, shown(spec, *before), after)
                  : MessageContent::tr("%1: %2").arg(name, after);
}

} // namespace switchyard
