#include "engine/run/step_turns.h"

#include "engine/run/scheduler.h"

#include <algorithm>
#include <tuple>

namespace switchyard {

StepTurns::Member StepTurns::join(std::function<void()> wake) {
    const std::lock_guard lock(mutex_);
    members_[++joined_] = {std::move(wake), std::nullopt, turns_};
    return joined_;
}

void StepTurns::leave(Member member) {
    const std::lock_guard lock(mutex_);
    members_.erase(member);
    if (holder_ == member)
        pass_on();
}

void StepTurns::wants(Member member, std::optional<RunPriority> priority) {
    const std::lock_guard lock(mutex_);
    members_.at(member).wanted = priority;
    if (holder_ == 0 || (holder_ == member && !priority))
        pass_on();
}

bool StepTurns::take(Member member) {
    const std::lock_guard lock(mutex_);
    if (holder_ == 0 && next() == member)
        holder_ = member;
    return holder_ == member;
}

void StepTurns::release(Member member) {
    const std::lock_guard lock(mutex_);
    if (holder_ != member)
        return;
    members_.at(member).last = ++turns_;
    pass_on();
}

bool StepTurns::others_want(Member member) const {
    const std::lock_guard lock(mutex_);
    const auto lab = [](const Place& place) { return place.wanted == RunPriority::Lab; };
    const bool mine = lab(members_.at(member));
    return std::ranges::any_of(members_, [&](const auto& entry) {
        return entry.first != member && entry.second.wanted && (mine || !lab(entry.second));
    });
}

StepTurns::Member StepTurns::next() const {
    const auto rank = [](const auto& entry) {
        const Place& place = entry.second;
        return std::tuple(!place.wanted, place.wanted == RunPriority::Lab, place.last, entry.first);
    };
    const auto first = std::ranges::min_element(members_, {}, rank);
    return first == members_.end() || !first->second.wanted ? 0 : first->first;
}

/// With the lock held, so that a member that has left is not called any more.
void StepTurns::pass_on() {
    holder_ = next();
    if (holder_ != 0)
        members_.at(holder_).wake();
}

} // namespace switchyard
