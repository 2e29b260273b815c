#include "engine/base/work_gate.h"

namespace switchyard {
namespace {

thread_local WorkGate::Stay* this_threads_stay = nullptr;

} // namespace

void WorkGate::open(Clock::time_point until) noexcept {
    const std::lock_guard lock(mutex_);
    until_ = until.time_since_epoch().count();
    changed_.notify_all();
}

void WorkGate::close() noexcept {
    std::unique_lock lock(mutex_);
    until_ = Clock::duration::min().count();
    rested_.wait(lock, [&] { return at_work_ == 0; });
}

void WorkGate::give_up() noexcept {
    const std::lock_guard lock(mutex_);
    ++work_;
    changed_.notify_all();
}

int WorkGate::at_work() const {
    const std::lock_guard lock(mutex_);
    return at_work_;
}

bool WorkGate::is_open() const {
    const Clock::rep until = until_.load(std::memory_order_relaxed);
    return until == Clock::duration::max().count() || Clock::now().time_since_epoch().count() < until;
}

void WorkGate::enter(std::uint64_t work) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return is_open() || given_up(work); });
    if (given_up(work))
        throw GivenUp{};
    ++at_work_;
}

void WorkGate::leave() noexcept {
    const std::lock_guard lock(mutex_);
    if (--at_work_ == 0)
        rested_.notify_all();
}

WorkGate::Stay::Stay(WorkGate* gate, std::uint64_t work) : gate_(gate), work_(work) {
    if (!gate_)
        return;
    gate_->enter(work);
    this_threads_stay = this;
}

WorkGate::Stay::~Stay() {
    if (!gate_)
        return;
    this_threads_stay = nullptr;
    if (!resting_)
        gate_->leave();
}

void WorkGate::Stay::look() {
    if (!resting_ && gate_->is_open() && !gate_->given_up(work_))
        return;
    if (!resting_)
        gate_->leave();
    resting_ = true;
    gate_->enter(work_);
    resting_ = false;
}

void pause_point() {
    if (this_threads_stay)
        this_threads_stay->look();
}

} // namespace switchyard
