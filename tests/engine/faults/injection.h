// Makes memory and threads run out where a test wants it. Replaces operator new and pthread_create for the
// whole test program.
#pragma once

#include <cstdint>

namespace switchyard::test {

/// From the nth allocation on from now (0: the next), `count` of them fail, on any thread.
void fail_allocations(std::int64_t nth, std::int64_t count);
/// The same for new threads.
void fail_threads(std::int64_t nth, std::int64_t count);
/// Nothing fails any more. Whether anything did.
bool stop_failing();
/// Allocations since the last fail_allocations().
std::int64_t allocations();

/// Allocations of threads while they compute a step, since the start of the program.
std::int64_t allocations_in_steps();

/// Whether threads can be made to fail: not under a sanitizer, which has to see them begin.
constexpr bool threads_can_fail() {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return false;
#else
    return true;
#endif
}

/// Nothing fails as long as it lives: for what a test does on its own behalf.
class NoFailures {
  public:
    NoFailures();
    ~NoFailures();
};

} // namespace switchyard::test
