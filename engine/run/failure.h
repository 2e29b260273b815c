// What went wrong, as a sentence, also where there is no memory left to say it at length.
#pragma once

#include <optional>
#include <string>

namespace switchyard {

/// Throws Error: what the model computed are no numbers.
[[noreturn]] void fail_for_logits();

/// Of the exception being handled: call it in a catch block. `doing`: what stopped, "" nothing; it precedes
/// the reason.
std::string current_failure(const char* doing = "") noexcept;

/// What went wrong in an action; nullopt: nothing.
template <typename Action>
std::optional<std::string> failure_of(Action&& action) noexcept {
    try {
        action();
        return std::nullopt;
    } catch (...) {
        return current_failure();
    }
}

} // namespace switchyard
