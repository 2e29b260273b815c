#include "app/services/task_queue.h"

namespace switchyard {

TaskQueue::TaskQueue() {
    thread_ = std::jthread([this](std::stop_token stop) {
        while (true) {
            std::function<void()> task;
            {
                std::unique_lock lock(mutex_);
                if (!wake_.wait(lock, stop, [this] { return !tasks_.empty(); }) || stop.stop_requested())
                    return;
                task = std::move(tasks_.front());
                tasks_.pop_front();
            }
            task();
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
