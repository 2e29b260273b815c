// Threads that run one function together (thread 0 is the caller), with a barrier cheap enough for the
// hundred or so stages of a token.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace switchyard::cpu {

/// Meets all threads of a pool: spins first, since stages last microseconds, then sleeps.
class Barrier {
  public:
    /// Thrown by wait() where another thread has failed and will not come.
    struct Broken {};

    explicit Barrier(int threads) : threads_(threads) {}
    void wait();
    int threads() const { return threads_; }
    /// Nobody waits any more; whoever meets here leaves with Broken.
    void break_up() noexcept;
    /// As new, once no thread is in it.
    void mend() noexcept;

  private:
    const int threads_;
    // Those who wait look at the second of these cache lines, and whoever arrives writes the first.
    alignas(64) std::atomic<int> arrived_{0};
    alignas(64) std::atomic<unsigned> generation_{0};
    std::atomic<bool> broken_{false};
};

class ThreadPool {
  public:
    /// At least 1. Throws Error where the system does not give that many.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const { return static_cast<int>(workers_.size()) + 1; }
    /// Runs job(thread) on every thread and returns when all have finished; calls from several threads take
    /// turns. Where the job throws, the others are sent home from the barrier and the first exception is
    /// thrown on.
    void run(const std::function<void(int thread)>& job);
    Barrier& barrier() { return barrier_; }
    /// Whether this thread is in a job of any pool.
    static bool in_job();

  private:
    void work(int thread);
    void do_job(int thread) noexcept;
    void end_workers();

    Barrier barrier_;
    std::mutex turn_; ///< one job at a time
    const std::function<void(int)>* job_ = nullptr;
    std::atomic<bool> failed_{false};
    std::exception_ptr failure_; ///< of the thread that set failed_
    std::vector<std::thread> workers_;
    // What workers wait for, and what they write when they are done, in cache lines of their own.
    alignas(64) std::atomic<unsigned> started_{0};
    std::atomic<bool> quit_{false};
    alignas(64) std::atomic<int> running_{0};
};

} // namespace switchyard::cpu
