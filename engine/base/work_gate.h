// Work that is done only at times: its threads look often whether they may go on, and rest where they may
// not. Who lets them knows when all of them rest.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace switchyard {

class WorkGate {
  public:
    using Clock = std::chrono::steady_clock;
    class Stay;
    /// Thrown where a thread would go on, and its work is no longer wanted.
    struct GivenUp {};
    /// The number of work that is never given up.
    static constexpr std::uint64_t kAlways = UINT64_MAX;

    /// From now on there is work until `until`. At the beginning the gate is open without a limit.
    void open(Clock::time_point until = Clock::time_point::max()) noexcept;
    /// Returns once every thread rests.
    void close() noexcept;
    /// The number of the work that is wanted.
    std::uint64_t work() const { return work_.load(); }
    /// Work begun so far is no longer wanted, whether the gate is open or not.
    void give_up() noexcept;
    /// Threads that do not rest.
    int at_work() const;

  private:
    bool given_up(std::uint64_t work) const { return work != kAlways && work != work_; }
    bool is_open() const;
    void enter(std::uint64_t work);
    void leave() noexcept;

    mutable std::mutex mutex_;
    std::condition_variable changed_, rested_;
    std::atomic<Clock::rep> until_{Clock::duration::max().count()};
    std::atomic<std::uint64_t> work_{0};
    int at_work_ = 0;
};

/// A thread's stay behind the gate, one a thread; while it lives, pause_point() on this thread looks. Nobody
/// may wait there for another thread, which may rest.
class WorkGate::Stay {
  public:
    /// Waits until the gate is open. Throws GivenUp. Where `gate` is null, nothing ever waits.
    Stay(WorkGate* gate, std::uint64_t work);
    ~Stay();
    Stay(const Stay&) = delete;
    Stay& operator=(const Stay&) = delete;

  private:
    friend void pause_point();
    void look();

    WorkGate* gate_;
    std::uint64_t work_;
    bool resting_ = false;
};

/// Called between the parts of a long computation, less than half a millisecond apart: waits where this
/// thread stays behind a gate that has closed. Throws WorkGate::GivenUp where it stays there in vain.
void pause_point();

} // namespace switchyard
