// A limit on how long the end of the program may take.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace switchyard {

/// From start() until it is destroyed no more than `limit` may pass: then the process ends at once, and the
/// system takes its locks and memory back.
class EndLimit {
  public:
    explicit EndLimit(std::chrono::milliseconds limit) : limit_(limit) {}
    ~EndLimit();
    EndLimit(const EndLimit&) = delete;
    EndLimit& operator=(const EndLimit&) = delete;
    void start();

    /// Starts the limit where it goes out of scope.
    class Start {
      public:
        explicit Start(EndLimit& limit) : limit_(limit) {}
        ~Start() { limit_.start(); }
        Start(const Start&) = delete;
        Start& operator=(const Start&) = delete;

      private:
        EndLimit& limit_;
    };

  private:
    std::chrono::milliseconds limit_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_; ///< last: it uses everything above
};

} // namespace switchyard
