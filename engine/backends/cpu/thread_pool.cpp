#include "engine/backends/cpu/thread_pool.h"

#include <sched.h>

#include <algorithm>

namespace switchyard::cpu {

namespace {

// About 40 microseconds of waiting before a thread sleeps: longer than a stage, shorter than a user would
// notice on a battery.
constexpr int kSpins = 2000;

inline void pause_core() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

template <typename T>
void wait_while(std::atomic<T>& value, T old) {
    for (int spin = 0; spin < kSpins; ++spin) {
        if (value.load(std::memory_order_acquire) != old)
            return;
        pause_core();
    }
    while (value.load(std::memory_order_acquire) == old)
        value.wait(old, std::memory_order_acquire);
}

} // namespace

void Barrier::wait() {
    if (threads_ == 1)
        return;
    const unsigned generation = generation_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) == threads_ - 1) {
        arrived_.store(0, std::memory_order_relaxed);
        generation_.fetch_add(1, std::memory_order_acq_rel);
        generation_.notify_all();
    } else {
        wait_while(generation_, generation);
    }
}

ThreadPool::ThreadPool(int threads) : barrier_(std::max(threads, 1)) {
    for (int t = 1; t < threads; ++t)
        workers_.emplace_back([this, t] { work(t); });
}

ThreadPool::~ThreadPool() {
    quit_.store(true);
    started_.fetch_add(1);
    started_.notify_all();
    for (std::thread& t : workers_)
        t.join();
}

void ThreadPool::run(const std::function<void(int)>& job) {
    job_ = &job;
    running_.store(static_cast<int>(workers_.size()), std::memory_order_relaxed);
    started_.fetch_add(1, std::memory_order_acq_rel);
    started_.notify_all();
    job(0);
    for (int left = running_.load(std::memory_order_acquire); left != 0;
         left = running_.load(std::memory_order_acquire))
        wait_while(running_, left);
}

void ThreadPool::work(int thread) {
    unsigned seen = 0;
    while (true) {
        wait_while(started_, seen);
        seen = started_.load(std::memory_order_acquire);
        if (quit_.load())
            return;
        (*job_)(thread);
        if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1)
            running_.notify_all();
    }
}

int available_cores() {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return std::max(1, CPU_COUNT(&set));
    return std::max(1u, std::thread::hardware_concurrency());
}

} // namespace switchyard::cpu
