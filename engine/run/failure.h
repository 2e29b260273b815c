// What went wrong, as a sentence: also where there is no memory left to say it at length, and the one about
// logits, which the sampler and perplexity share.
#pragma once

#include <optional>
#include <string>

namespace switchyard {

/// Throws Error: by these logits no token can be drawn or weighed.
[[noreturn]] void refuse_logits();

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
