// One thread's account of a step: time by what it does, bytes read and multiply-adds.
#pragma once

#include "engine/run/stage_use.h"

#include <chrono>
#include <utility>

namespace switchyard::cpu {

/// Two looks at the clock for each change of what is done: some hundred a step, well under a percent of it.
class StageMeter {
  public:
    using Clock = std::chrono::steady_clock;

    /// A step begins.
    void begin() {
        table_ = {};
        now_ = StageKind::Embedding;
        since_ = Clock::now();
    }
    /// From now on this is done. Returns what was.
    StageKind enter(StageKind kind) {
        const Clock::time_point time = Clock::now();
        table_.of(now_).seconds += std::chrono::duration<double>(time - since_).count();
        since_ = time;
        return std::exchange(now_, kind);
    }
    void count(std::uint64_t bytes, std::uint64_t macs) {
        table_.of(now_).bytes += bytes;
        table_.of(now_).macs += macs;
    }
    /// The step has ended.
    void end() { enter(now_); }
    const StageTable& table() const { return table_; }

  private:
    StageTable table_;
    StageKind now_ = StageKind::Embedding;
    Clock::time_point since_;
};

} // namespace switchyard::cpu
