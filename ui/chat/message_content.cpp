#include "ui/chat/message_content.h"

#include "ui/expert_text.h"
#include "ui/plain_text.h"

#include <QLocale>

#include <algorithm>
#include <cmath>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

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

/// True where the text did not simply grow.
bool ContentPart::take(const MessagePart& part, bool growing) {
    name = part.name;
    seconds = static_cast<double>(part.milliseconds) / 1000;
    if (part.kind == PartKind::File)
        return false;
    const QString& from = part.text;
    bool grew = from.size() >= units_;
    if (growing)
        grew = grew && QStringView(from).mid(units_ - last_.size(), last_.size()) == last_;
    else if (!text.empty())
        grew = from.toStdString().starts_with(text); // rare: all of it is compared
    if (!grew) {
        text.clear();
        units_ = 0;
    }
    const QByteArray added = QStringView(from).mid(units_).toUtf8();
    text.append(added.constData(), static_cast<std::size_t>(added.size()));
    units_ = from.size();
    last_ = from.right(32);
    return !grew;
}

/// True where a text did not simply grow.
bool MessageContent::takeParts(const Message& message, bool growing) {
    static const MessagePart nothing;
    const auto count = static_cast<std::size_t>(message.parts.size());
    const bool bare =
        author == Author::Assistant &&
        std::ranges::find(message.parts, PartKind::Text, &MessagePart::kind) == message.parts.end();
    bool rewritten = parts.size() > count + bare;
    parts.resize(count + bare);
    for (std::size_t i = 0; i < parts.size(); ++i) {
        const MessagePart& from = i < count ? message.parts[static_cast<qsizetype>(i)] : nothing;
        if (parts[i].kind != from.kind) {
            rewritten |= !parts[i].text.empty();
            parts[i] = {};
            parts[i].kind = from.kind;
        }
        rewritten |= parts[i].take(from, growing);
    }
    return rewritten;
}

QString MessageContent::modelName() const {
    QString name = model.section(u'/', -1);
    if (name.endsWith(u".gguf"_s, Qt::CaseInsensitive))
        name.chop(5);
    return name;
}

std::string MessageContent::text() const {
    std::string all;
    for (const ContentPart& part : parts) {
        if (part.kind == PartKind::Text)
            all += part.text;
    }
    return all;
}

bool MessageContent::has(PartKind kind) const {
    return std::ranges::any_of(
        parts, [&](const ContentPart& part) { return part.kind == kind && !part.text.empty(); });
}

bool MessageContent::update(const Message& message) {
    const bool growing = id == message.id && streaming() && message.state == MessageState::Streaming;
    id = message.id;
    author = message.author;
    state = message.state;
    model = message.model;
    error = message.error;
    siblings = message.siblings;
    models_differ = message.models_differ;
    const bool rewritten = takeParts(message, growing);
    tokens_read = message.tokensRead();
    if (growing)
        tokens.follow(message.places);
    else
        tokens = message.places;
    takeMoves(message.run, growing);
    if (message.run.tokens.empty()) {
        digest_ = message.digest;
    } else {
        if (!growing)
            digest_ = {};
        digest_.take(message.run.tokens);
    }
    line = message.has_run || digest_.tokens > 0 ? runLine(message.run, digest_) : QString();
    reusable = message.has_run && message.tokenCount() > 0;
    finish = message.run.finish;
    ran = message.has_run;
    limit = message.run.settings.sequence.max_tokens;
    for (const DialMove& move : message.run.moves) {
        if (const auto* value = std::get_if<double>(&move.value); value && move.name == "max_tokens")
            limit = static_cast<int>(*value);
    }
    cut_short = message.has_run && state == MessageState::Complete &&
                (finish == FinishReason::MaxTokens || finish == FinishReason::ContextFull);
    return rewritten;
}

void MessageContent::takeMoves(const RunRecord& run, bool growing) {
    if (!growing || run.moves.size() < moves_taken_) {
        marks.clear();
        moves_taken_ = 0;
    }
    for (; moves_taken_ < run.moves.size(); ++moves_taken_) {
        const DialMove& move = run.moves[moves_taken_];
        const ControlSpec* spec = find_control(move.name);
        std::optional<ControlValue> before;
        if (spec)
            before = control_value(run.settings, *spec);
        for (std::size_t i = 0; i < moves_taken_; ++i) {
            if (run.moves[i].name == move.name)
                before = run.moves[i].value;
        }
        const QString tip = describeMove(move, before);
        if (!marks.empty() && marks.back().token == move.token)
            marks.back().tip += u'\n' + tip;
        else
            marks.push_back({move.token, tip});
    }
}

FoldText foldText(const MessageContent& content, int index, bool open) {
    const ContentPart& part = content.parts[static_cast<std::size_t>(index)];
    const auto later = content.parts.begin() + index + 1;
    const bool under_way =
        content.streaming() &&
        std::all_of(later, content.parts.end(), [](const ContentPart& other) { return other.text.empty(); });
    if (part.kind == PartKind::Thinking) {
        const int seconds = static_cast<int>(std::lround(part.seconds));
        const bool timed = content.ran || part.seconds > 0; // not known of answers from elsewhere
        return {!timed      ? MessageContent::tr("Thoughts")
                : under_way ? MessageContent::tr("Thinking, %n s", nullptr, seconds)
                            : MessageContent::tr("Thought for %n s", nullptr, seconds),
                open ? MessageContent::tr("Hide the thinking") : MessageContent::tr("Show the thinking")};
    }
    const QString name = oneLine(part.name, 60);
    if (part.kind == PartKind::ToolResult)
        return {name.isEmpty() ? MessageContent::tr("Result of a tool")
                               : MessageContent::tr("Result of %1").arg(name),
                open ? MessageContent::tr("Hide the result") : MessageContent::tr("Show the result")};
    return {name.isEmpty() ? MessageContent::tr("Tool call")
            : under_way    ? MessageContent::tr("Calling %1").arg(name)
                           : MessageContent::tr("Called %1").arg(name),
            open ? MessageContent::tr("Hide the arguments") : MessageContent::tr("Show the arguments")};
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
    if (const QString found = expertsFoundText(run.timings.experts); !found.isEmpty())
        parts += found;
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
