// Threads that run one function together (thread 0 is the caller), with a barrier cheap enough for the
// hundred or so stages of a token.
#pragma once

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

namespace switchyard::cpu {

/// Meets all threads of a pool: spins first, since stages last microseconds, then sleeps.
class Barrier {
  public:
    explicit Barrier(int threads) : threads_(threads) {}
    void wait();
    int threads() const { return threads_; }

  private:
    const int threads_;
    std::atomic<int> arrived_{0};
    std::atomic<unsigned> generation_{0};
};

class ThreadPool {
  public:
    explicit ThreadPool(int threads); ///< at least 1
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int size() const { return static_cast<int>(workers_.size()) + 1; }
    /// Runs job(thread) on every thread and returns when all have finished. The job must not throw.
    void run(const std::function<void(int thread)>& job);
    Barrier& barrier() { return barrier_; }

  private:
    void work(int thread);

    Barrier barrier_;
    const std::function<void(int)>* job_ = nullptr;
    std::atomic<unsigned> started_{0};
    std::atomic<int> running_{0};
    std::atomic<bool> quit_{false};
    std::vector<std::thread> workers_;
};

/// Cores this process may run on.
int available_cores();

} // namespace switchyard::cpu
