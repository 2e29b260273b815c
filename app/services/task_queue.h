// One thread that does small jobs in order: what would hold up the window but needs no thread of its own.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace switchyard {

class TaskQueue {
  public:
    TaskQueue();
    ~TaskQueue(); ///< ends after the job under way; what waits is dropped
    void post(std::function<void()> task);

  private:
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<std::function<void()>> tasks_;
    std::jthread thread_; ///< last: it uses everything above
};

} // namespace switchyard
