#include "app/services/background.h"

#include "engine/base/threads.h"

#include <cstdio>

namespace switchyard {

Background::Background() {
    thread_ = start_thread([this](const std::stop_token& ends) { loop(ends); });
}

Background::~Background() {
    thread_.request_stop(); // first: no other job begins
    stop();
}

void Background::stop() {
    const std::lock_guard lock(mutex_);
    if (under_way_)
        under_way_->request_stop();
}

void Background::add(Job job) {
    {
        const std::lock_guard lock(mutex_);
        jobs_.push_back(std::move(job));
    }
    wake_.notify_one();
}

void Background::giveBack(std::function<void()> result) {
    QMetaObject::invokeMethod(&home_, std::move(result), Qt::QueuedConnection);
}

void Background::loop(const std::stop_token& ends) {
    while (true) {
        Job job;
        std::stop_token stop;
        {
            std::unique_lock lock(mutex_);
            under_way_.reset();
            if (!wake_.wait(lock, ends, [this] { return !jobs_.empty(); }) || ends.stop_requested())
                return;
            job = std::move(jobs_.front());
            jobs_.pop_front();
            stop = under_way_.emplace().get_token();
        }
        try {
            job(stop);
        } catch (const std::exception& error) {
            // What a job has to say to somebody it says itself; the others go on.
            std::fprintf(stderr, "switchyard: a background job ended: %s\n", error.what());
        }
    }
}

} // namespace switchyard
