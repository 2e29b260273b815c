#include "ui/chat/message_content.h"

#include <QCoreApplication>
#include <QLocale>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

std::size_t skip_space(const std::string& text, std::size_t at) {
    return std::min(text.find_first_not_of(" \t\r\n", at), text.size());
}

constexpr std::string_view think_open = "<think>";
constexpr std::string_view think_close = "</think>";

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
    if (spec)
        return QString::fromStdString(format_control(*spec, value));
    if (const auto* name = std::get_if<std::string>(&value))
        return QString::fromStdString(*name);
    return QLocale().toString(std::get<double>(value));
}

} // namespace

void TokenPlaces::update(const std::vector<TokenRecord>& tokens) {
    if (tokens.size() < ends_.size())
        clear();
    for (std::size_t i = ends_.size(); i < tokens.size(); ++i) {
        const std::size_t from = raw_.size() > think_close.size() ? raw_.size() - think_close.size() : 0;
        raw_ += tokens[i].text;
        ends_.push_back(static_cast<std::uint32_t>(raw_.size()));
        if (body_begin_ != std::string::npos)
            continue;
        const std::size_t close = raw_.find(think_close, from);
        if (close != std::string::npos)
            body_begin_ = close + think_close.size();
    }
    const std::size_t head = skip_space(raw_, 0);
    think_begin_ = raw_.compare(head, think_open.size(), think_open) == 0 ? head + think_open.size() : 0;
}

TextPlace TokenPlaces::begin(int index, std::size_t text_size, bool has_thinking) const {
    const std::size_t at =
        index <= 0 || ends_.empty()
            ? 0
            : ends_[std::min<std::size_t>(static_cast<std::size_t>(index), ends_.size()) - 1];
    std::size_t body = body_begin_ == std::string::npos ? 0 : body_begin_;
    if (has_thinking && body_begin_ == std::string::npos) // still thinking, or the tags are not in the text
        body = text_size > 0 && text_size < raw_.size() ? raw_.size() - text_size : raw_.size() + 1;
    if (has_thinking && at < body)
        return {MessagePlace::Thinking, at > think_begin_ ? at - think_begin_ : 0};
    const std::size_t known = raw_.size() - std::min(body, raw_.size());
    const std::size_t before = text_size > known ? text_size - known : 0; // of an answer that was continued
    return {MessagePlace::Body, std::min(text_size, before + (at > body ? at - body : 0))};
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

bool MessageContent::update(const Message& message, const QString& file_precision) {
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
    tokens.update(message.run.tokens);
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
    line = message.has_run || !message.run.tokens.empty() ? runLine(message.run, file_precision) : QString();
    reusable = message.has_run && !message.run.tokens.empty();
    cut_short = message.has_run && message.run.finish == FinishReason::MaxTokens;
    return !(text_grew && thinking_grew);
}

QString runLine(const RunRecord& run, const QString& file_precision) {
    QStringList parts;
    if (!run.tokens.empty()) {
        const TokenRecord& first = run.tokens.front();
        const TokenRecord& last = run.tokens.back();
        if (last.experts_active > 0) {
            parts += first.experts_active == last.experts_active
                         ? MessageContent::tr("%n experts", nullptr, last.experts_active)
                         : MessageContent::tr("%1 \u2192 %n experts", nullptr, last.experts_active)
                               .arg(first.experts_active);
        }
        const auto precision = [&](const TokenRecord& token) {
            if (token.quant != "file" && !token.quant.empty())
                return QString::fromStdString(token.quant);
            return file_precision.isEmpty() ? MessageContent::tr("file's precision") : file_precision;
        };
        const QString before = precision(first), after = precision(last);
        parts += before == after ? after : before + u" \u2192 "_s + after;
    }
    double speed = run.timings.decode_tokens_per_second();
    if (!(speed > 0) && run.tokens.size() > 1) { // still running: over the last tokens
        double milliseconds = 0;
        const std::size_t count = std::min<std::size_t>(run.tokens.size() - 1, 64);
        for (std::size_t i = run.tokens.size() - count; i < run.tokens.size(); ++i)
            milliseconds += run.tokens[i].latency_ms;
        speed = milliseconds > 0 ? 1000.0 * static_cast<double>(count) / milliseconds : 0;
    }
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
