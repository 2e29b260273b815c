#include "ui/insight/run_series.h"

#include "engine/run/controls.h"
#include "ui/control_text.h"

#include <QCoreApplication>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

QString PlotToken::dialNames() { return u",temperature,top_p,experts_active,quant,kv"_s; }

QString PlotToken::dialValues() const {
    return u",%1,%2,%3,%4,%5"_s.arg(temperature).arg(top_p).arg(experts_active).arg(quant, kv_type);
}

QString moveLabel(const DialMove& move) {
    const ControlSpec* spec = find_control(move.name);
    if (!spec)
        return QString::fromStdString(move.name);
    QString value = QString::fromStdString(format_control(*spec, move.value));
    if (value == "file"_L1)
        value = QCoreApplication::translate("Controls", "as in the file");
    return u"%1 %2"_s.arg(controlText(spec->label), value);
}

void RunSeries::clear() {
    tokens_.clear();
    marks_.clear();
    prefills_.clear();
    clearWindow();
    message_ = 0;
    next_number_ = answer_start_ = 0;
    seconds_ = 0;
    prefill_known_ = false;
    ++version_;
    ++generation_;
}

void RunSeries::begin(MessageId message) {
    // An answer that goes on is the same one: its tokens count on.
    if (tokens_.empty() || tokens_.back().message != message)
        answer_start_ = next_number_;
    message_ = message;
    prefill_known_ = false;
    prefill_tokens_ = 0;
    prefill_timer_.invalidate();
    clearWindow();
    ++version_;
}

namespace {

bool madeOnCard(const ComputedBy& by) { return !by.backend.empty() && by.backend != "cpu"; }

} // namespace

void RunSeries::add(const RunEvent& event, double ram_gib) {
    switch (event.kind) {
    case RunEvent::Kind::Prefill:
        if (!prefill_timer_.isValid())
            prefill_timer_.start();
        prefill_tokens_ = event.prefill_total;
        return;
    case RunEvent::Kind::Token:
        if (!event.computed_by.backend.empty())
            on_card_ = madeOnCard(event.computed_by);
        addToken(event.token, ram_gib);
        return;
    case RunEvent::Kind::Move:
        addMove(event.move);
        return;
    case RunEvent::Kind::Queued:
    case RunEvent::Kind::Finished:
        return;
    }
}

void RunSeries::addRecord(MessageId message, const RunRecord& record) {
    begin(message);
    on_card_ = madeOnCard(record.computed_by);
    addPrefill(record.timings.prefill_ms, record.timings.prompt_tokens - record.timings.prompt_tokens_reused);
    std::size_t next_move = 0;
    for (std::size_t i = 0; i < record.tokens.size(); ++i) {
        while (next_move < record.moves.size() && record.moves[next_move].token <= static_cast<int>(i))
            addMove(record.moves[next_move++]);
        addToken(record.tokens[i], 0);
    }
}

void RunSeries::addPrefill(double milliseconds, int prompt_tokens) {
    prefill_known_ = true;
    if (milliseconds <= 0)
        return;
    prefills_.push_back({next_number_, seconds_, seconds_ + milliseconds / 1000, prompt_tokens});
    seconds_ += milliseconds / 1000;
    ++version_;
}

void RunSeries::clearWindow() {
    window_.clear();
    window_ms_ = 0;
}

void RunSeries::widenWindow(double latency_ms) {
    window_.push_back(latency_ms);
    window_ms_ += latency_ms;
    while (window_.size() > kRateTokens && window_ms_ - window_.front() >= kRateMs) {
        window_ms_ -= window_.front();
        window_.pop_front();
    }
}

/// Tokens a second over the window; 0 until it says something.
double RunSeries::rate() const {
    constexpr std::size_t kMany = 64; // enough of even the shortest
    constexpr double kLongEnough = 100;
    const bool known = window_ms_ >= kRateMs || window_.size() >= kMany ||
                       (window_.size() >= kRateTokens && window_ms_ >= kLongEnough);
    return known ? 1000.0 * static_cast<double>(window_.size()) / window_ms_ : 0;
}

void RunSeries::addToken(const TokenRecord& token, double ram_gib) {
    // The first token comes out of the prefill: its time is the prefill's, and it is no point of the curve.
    // So does the one that goes on with an answer.
    if (next_number_ == answer_start_ || token.latency_ms <= 0) {
        if (!prefill_known_ && prefill_timer_.isValid())
            addPrefill(static_cast<double>(prefill_timer_.elapsed()), prefill_tokens_);
    } else {
        seconds_ += token.latency_ms / 1000;
        widenWindow(token.latency_ms);
    }
    PlotToken point;
    point.message = message_;
    point.index = next_number_ - answer_start_;
    point.number = next_number_++;
    point.seconds = seconds_;
    point.latency_ms = token.latency_ms;
    point.tokens_per_second = rate();
    point.weights = gib(token.weights_bytes);
    point.kv = gib(token.kv_bytes);
    point.scratch = gib(token.scratch_bytes);
    point.on_card = on_card_;
    point.other = on_card_ ? ram_gib : std::max(0.0, ram_gib - point.weights - point.kv - point.scratch);
    point.text = QString::fromStdString(token.text);
    point.temperature = token.temperature;
    point.top_p = token.top_p;
    point.experts_active = token.experts_active;
    point.quant = QString::fromStdString(token.quant);
    point.kv_type = QString::fromUtf8(traits(token.kv).name.data());
    tokens_.push_back(std::move(point));
    if (tokens_.size() > kCapacity) {
        tokens_.pop_front();
        const int first_number = tokens_.front().number;
        while (!marks_.empty() && marks_.front().number < first_number)
            marks_.pop_front();
        while (!prefills_.empty() && prefills_.front().number < first_number)
            prefills_.pop_front();
    }
    ++version_;
}

void RunSeries::addMove(const DialMove& move) {
    marks_.push_back({message_, next_number_, seconds_, moveLabel(move)});
    ++version_;
}

} // namespace switchyard
