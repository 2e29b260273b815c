// What a dial that moved while an answer streamed did to its speed: tokens per second before and after, as
// they were measured. Knows nothing of widgets.
#pragma once

#include "app/services/run_service.h"

#include <deque>
#include <map>
#include <optional>
#include <string>

namespace switchyard {

/// Of the last move of one dial.
struct DialEffect {
    ControlValue from, to;
    double before = 0, after = 0; ///< tokens per second
};

class DialEffects {
  public:
    /// A speed is the mean over so many tokens, and is not told with fewer than the least: the time of a
    /// single one says nothing.
    static constexpr std::size_t kTokens = 16, kLeastTokens = 6;

    /// Another answer is looked at: nothing is known of it.
    void begin();
    /// True where effects() is another than before.
    bool add(const RunEvent& event);
    /// By the dials' names; only of dials on which the time of a token depends. One that moved beside
    /// another before that one was measured has none.
    const std::map<std::string, DialEffect, std::less<>>& effects() const { return effects_; }

  private:
    bool addMove(const DialMove& move);
    bool addToken(const TokenRecord& token);
    double rate() const;

    std::optional<Tuning> tuning_; ///< in force
    std::map<std::string, DialEffect, std::less<>> effects_;
    std::deque<double> latencies_; ///< ms, of the last tokens with the dials as they are
    std::string measured_;         ///< the dial whose `after` is being measured; empty: none
    bool moved_ = false;           ///< the next token is the first one since: not a usual one
};

} // namespace switchyard
