// The way to work beside the window: one thread that does jobs in order and gives their results back to the
// thread that asked. Two kinds of thread are not this: those of ConversationStore, which have connections and
// an event loop of their own for as long as the program runs, and the one that ends the process when all else
// hangs (app/desktop/end_limit.h).
#pragma once

#include <QObject>
#include <QPointer>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <type_traits>
#include <utility>

namespace switchyard {

class Background {
  public:
    /// Throws Error where the system gives no thread. Results come back to the thread that makes it.
    Background();
    /// Asks the job under way to stop and waits for its end; what waits is dropped, and results, too.
    ~Background();

    /// `work()` or `work(stop)`, a std::stop_token; what it has to say to somebody it says itself.
    template <typename Work>
    void post(Work work) {
        if constexpr (std::is_invocable_v<Work&, std::stop_token>)
            add(std::move(work));
        else
            add([work = std::move(work)](const std::stop_token&) mutable { work(); });
    }

    /// Then `then(result)` on the thread that made this, unless `context` is gone. Work that throws has no
    /// result.
    template <typename Work, typename Then>
    void run(const QObject* context, Work work, Then then) {
        add([this, guard = QPointer<const QObject>(context), work = std::move(work),
             then = std::move(then)](const std::stop_token& stop) mutable {
            giveBack([guard, then, result = resultOf(work, stop)]() mutable {
                if (guard)
                    then(std::move(result));
            });
        });
    }

    /// Asks the job under way to stop; those that wait are done all the same.
    void stop();

  private:
    using Job = std::function<void(std::stop_token)>;

    template <typename Work>
    static auto resultOf(Work& work, const std::stop_token& stop) {
        if constexpr (std::is_invocable_v<Work&, std::stop_token>)
            return work(stop);
        else
            return work();
    }
    void add(Job job);
    void giveBack(std::function<void()> result);
    void loop(const std::stop_token& ends);

    QObject home_; ///< of the thread that made this: results come to it
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::deque<Job> jobs_;
    std::optional<std::stop_source> under_way_;
    std::jthread thread_; ///< last: it uses everything above
};

} // namespace switchyard
