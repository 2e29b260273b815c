// Whose step is next where several models are loaded: their schedulers take turns, one step at a time.
#pragma once

#include "engine/run/run_priority.h"

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

namespace switchyard {

/// Shared by the schedulers of all loaded models. Who has had no turn for longest is next; lab runs only
/// where no other model has anything more urgent. Nobody waits in here: who may go on is called.
class StepTurns {
  public:
    using Member = std::uint64_t;

    /// `wake` is called from any thread when it is the member's turn; take() gives it then. It must not call
    /// back.
    Member join(std::function<void()> wake);
    void leave(Member member);
    /// The member's most urgent run; nullopt: it has nothing to compute now.
    void wants(Member member, std::optional<RunPriority> priority);
    /// Whether the member computes now, until release().
    bool take(Member member);
    void release(Member member);
    /// Whether somebody would be next if the member released its turn now.
    bool others_want(Member member) const;

  private:
    struct Place {
        std::function<void()> wake;
        std::optional<RunPriority> wanted;
        std::uint64_t last = 0; ///< number of its last turn
    };
    Member next() const; ///< 0: nobody wants
    void pass_on();

    mutable std::mutex mutex_;
    std::map<Member, Place> members_;
    Member holder_ = 0;
    std::uint64_t turns_ = 0, joined_ = 0;
};

} // namespace switchyard
