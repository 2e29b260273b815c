// Threads that cannot bring the program down: none is left joinable when the next cannot be started, and no
// exception leaves one.
#pragma once

#include "engine/base/error.h"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace switchyard {

/// A thread that runs `work`. Throws Error where the system gives none.
template <typename Work>
std::jthread start_thread(Work&& work) {
    try {
        return std::jthread(std::forward<Work>(work));
    } catch (const std::system_error& error) {
        throw Error("the system gives this program no further thread (" + error.code().message() +
                    "): close other programs or choose fewer threads");
    }
}

/// part(begin, end) over [0, count) on up to `threads` threads, this one among them. Where the system gives
/// fewer, this one does what is left. When all have ended, the first exception of a part is thrown on.
template <typename Part>
void share_ranges(std::int64_t count, std::int64_t threads, const Part& part) {
    const std::int64_t parts = std::clamp<std::int64_t>(threads, 1, std::max<std::int64_t>(count, 1));
    std::vector<std::exception_ptr> failures(static_cast<std::size_t>(parts));
    const auto run = [&](std::int64_t p) noexcept {
        try {
            part(count * p / parts, count * (p + 1) / parts);
        } catch (...) {
            failures[static_cast<std::size_t>(p)] = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> helpers;
        std::int64_t given = 1;
        try {
            helpers.reserve(static_cast<std::size_t>(parts - 1));
            for (; given < parts; ++given)
                helpers.emplace_back(run, given);
        } catch (const std::exception&) {
            // No memory for a helper, or no thread: what is left is done here.
        }
        run(0);
        for (; given < parts; ++given)
            run(given);
    }
    for (const std::exception_ptr& failure : failures)
        if (failure)
            std::rethrow_exception(failure);
}

} // namespace switchyard
