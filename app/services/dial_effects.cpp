#include "app/services/dial_effects.h"

#include "engine/base/error.h"
#include "engine/run/controls.h"

#include <numeric>
#include <utility>

namespace switchyard {

void DialEffects::begin() { *this = {}; }

bool DialEffects::add(const RunEvent& event) {
    if (event.settings)
        tuning_ = event.settings;
    if (event.kind == RunEvent::Kind::Move)
        return addMove(event.move);
    return event.kind == RunEvent::Kind::Token && addToken(event.token);
}

bool DialEffects::addMove(const DialMove& move) {
    const ControlSpec* spec = find_control(move.name);
    if (!spec || !tuning_)
        return false;
    const ControlValue from = control_value(*tuning_, *spec);
    try {
        tuning_ = with_control(*tuning_, *spec, move.value);
    } catch (const Error&) {
        return false; // of a stored answer whose dial takes this no more
    }
    if (!spec->paces || from == move.value)
        return false;
    const bool known = latencies_.size() >= kLeastTokens;
    const double before = rate();
    const bool dropped = effects_.erase(move.name) > 0;
    measured_.clear();
    if (known) {
        effects_[move.name] = {from, move.value, before, 0};
        measured_ = move.name;
    }
    latencies_.clear();
    moved_ = true;
    return dropped || known;
}

bool DialEffects::addToken(const TokenRecord& token) {
    const bool first = std::exchange(moved_, false);
    const bool recoding = token.recoded_slices < token.recode_total;
    if (first || recoding || token.latency_ms <= 0) {
        if (recoding)
            latencies_.clear(); // neither before nor after
        return false;
    }
    latencies_.push_back(token.latency_ms);
    if (latencies_.size() > kTokens)
        latencies_.pop_front();
    if (measured_.empty() || latencies_.size() < kLeastTokens)
        return false;
    effects_[measured_].after = rate();
    if (latencies_.size() == kTokens)
        measured_.clear();
    return true;
}

double DialEffects::rate() const {
    const double sum = std::accumulate(latencies_.begin(), latencies_.end(), 0.0);
    return sum > 0 ? 1000.0 * static_cast<double>(latencies_.size()) / sum : 0;
}

} // namespace switchyard
