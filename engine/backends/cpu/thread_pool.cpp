#include "engine/backends/cpu/thread_pool.h"

#include "engine/base/error.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>

namespace switchyard::cpu {

namespace {

// How long a thread waits awake before it sleeps: longer than a stage, shorter than a user would notice on a
// battery. By the clock: a pause takes 10 cycles on one processor and 140 on another.
constexpr std::chrono::microseconds kSpin{40};
constexpr int kPausesBetweenLooks = 16; ///< at the clock

thread_local bool thread_in_job = false;

struct InJob {
    InJob() { thread_in_job = true; }
    ~InJob() { thread_in_job = false; }
};

inline void pause_core() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

template <typename T>
void wait_while(std::atomic<T>& value, T old) {
    using Clock = std::chrono::steady_clock;
    Clock::time_point until{};
    for (int spin = 0;; ++spin) {
        if (value.load(std::memory_order_acquire) != old)
            return;
        pause_core();
        if (spin % kPausesBetweenLooks != 0)
            continue;
        const auto now = Clock::now();
        if (until == Clock::time_point{})
            until = now + kSpin;
        else if (now >= until)
            break;
    }
    while (value.load(std::memory_order_acquire) == old)
        value.wait(old, std::memory_order_acquire);
}

} // namespace

void Barrier::wait() {
    if (threads_ == 1)
        return;
    // In this order: whoever reads the generation that a break made also sees the break.
    const unsigned generation = generation_.load(std::memory_order_acquire);
    if (broken_.load(std::memory_order_acquire))
        throw Broken{};
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        generation_.fetch_add(1, std::memory_order_acq_rel);
        generation_.notify_all();
    } else {
        wait_while(generation_, generation);
    }
    if (broken_.load(std::memory_order_acquire))
        throw Broken{};
}

void Barrier::break_up() noexcept {
    broken_.store(true, std::memory_order_release);
    generation_.fetch_add(1, std::memory_order_acq_rel);
    generation_.notify_all();
}

void Barrier::mend() noexcept {
    arrived_.store(0, std::memory_order_relaxed);
    broken_.store(false, std::memory_order_release);
}

ThreadPool::ThreadPool(int threads) : barrier_(std::max(threads, 1)) {
    try {
        for (int t = 1; t < threads; ++t)
            workers_.emplace_back([this, t] { work(t); });
    } catch (const std::exception& error) {
        const std::size_t started = workers_.size() + 1;
        end_workers();
        throw Error("only " + std::to_string(started) + " of " + std::to_string(threads) +
                    " threads could be started (" + error.what() +
                    "): close other programs or choose fewer threads");
    }
}

ThreadPool::~ThreadPool() { end_workers(); }

void ThreadPool::end_workers() {
    quit_.store(true);
    started_.fetch_add(1);
    started_.notify_all();
    for (std::thread& t : workers_)
        t.join();
    workers_.clear();
}

void ThreadPool::run(const std::function<void(int)>& job) {
    const std::lock_guard turn(turn_);
    job_ = &job;
    running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    started_.fetch_add(1, std::memory_order_acq_rel);
    started_.notify_all();
    do_job(0);
    for (int left = running_.load(std::memory_order_acquire); left != 0;
         left = running_.load(std::memory_order_acquire))
        wait_while(running_, left);
    if (failed_.load(std::memory_order_relaxed)) {
        failed_.store(false, std::memory_order_relaxed);
        barrier_.mend();
        std::rethrow_exception(std::exchange(failure_, nullptr));
    }
}

bool ThreadPool::in_job() { return thread_in_job; }

void ThreadPool::do_job(int thread) noexcept {
    try {
        const InJob in_job;
        (*job_)(thread);
    } catch (const Barrier::Broken&) {
        // Sent home: the thread that broke the barrier has the reason.
    } catch (...) {
        if (!failed_.exchange(true))
            failure_ = std::current_exception();
        barrier_.break_up();
    }
}

void ThreadPool::work(int thread) {
    unsigned seen = 0;
    while (true) {
        wait_while(started_, seen);
        seen = started_.load(std::memory_order_acquire);
        if (quit_.load())
            return;
        do_job(thread);
        if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            running_.notify_all();
    }
}

} // namespace switchyard::cpu
