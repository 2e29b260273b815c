#include "app/services/task_queue.h"

#include "engine/base/threads.h"

#include <cstdio>

namespace switchyard {

TaskQueue::TaskQueue() {
    thread_ = start_thread([this](std::stop_token stop) {
        while (true) {
            std::function<void()> task;
            {
                std::unique_lock lock(mutex_);
                if (!wake_.wait(lock, stop, [this] { return !tasks_.empty(); }) || stop.stop_requested())
                    return;
                task = std::move(tasks_.front());
                tasks_.pop_front();
            }
            try {
                task();
            } catch (const std::exception& error) {
                // What a job has to say to somebody it says itself; the others go on.
                std::fprintf(stderr, "switchyard: a background job ended: %s\n", error.what());
            }
        }
    });
}

TaskQueue::~TaskQueue() = default;

void TaskQueue::post(std::function<void()> task) {
    {
        const std::lock_guard lock(mutex_);
        tasks_.push_back(std::move(task));
    }
    wake_.notify_one();
}

} // namespace switchyard
