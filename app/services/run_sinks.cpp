#include "app/services/run_sinks.h"

#include <algorithm>

namespace switchyard {

namespace {
constexpr qint64 kDeliverMs = 16;
}

void RunStream::post(RunEvent event) {
    const std::lock_guard lock(mutex_);
    if (!sinks_)
        return;
    events_.push_back(std::move(event));
    if (events_.size() == 1)
        QMetaObject::invokeMethod(sinks_, &RunSinks::wake, Qt::QueuedConnection);
}

std::vector<RunEvent> RunStream::drain() {
    std::vector<RunEvent> events;
    const std::lock_guard lock(mutex_);
    events.swap(events_);
    return events;
}

void RunStream::detach() {
    const std::lock_guard lock(mutex_);
    sinks_ = nullptr;
    events_.clear();
}

RunSinks::RunSinks(QObject* parent) : QObject(parent), stream_(std::make_shared<RunStream>(*this)) {
    timer_.setSingleShot(true);
    timer_.setTimerType(Qt::PreciseTimer);
    connect(&timer_, &QTimer::timeout, this, &RunSinks::deliver);
}

RunSinks::~RunSinks() { stream_->detach(); }

void RunSinks::add(RunId run, QObject* consumer, RunSink sink) {
    const auto gone = connect(consumer, &QObject::destroyed, this, [this, run] {
        consumers_.erase(run);
        Q_EMIT abandoned(run);
    });
    consumers_.emplace(run, Consumer{std::move(sink), gone});
}

void RunSinks::wake() {
    const qint64 since = delivered_.isValid() ? delivered_.elapsed() : kDeliverMs;
    timer_.start(static_cast<int>(std::max<qint64>(0, kDeliverMs - since)));
}

void RunSinks::deliver() {
    delivered_.start();
    std::vector<RunEvent> events = stream_->drain();
    // By run, in order; mostly there is one.
    std::vector<std::pair<RunId, std::vector<RunEvent>>> runs;
    for (RunEvent& event : events) {
        const auto found = std::ranges::find(runs, event.run, [](const auto& entry) { return entry.first; });
        auto& list = found != runs.end() ? found->second
                                         : runs.emplace_back(event.run, std::vector<RunEvent>{}).second;
        list.push_back(std::move(event));
    }
    for (const auto& [run, list] : runs) {
        const bool ends = list.back().kind == RunEvent::Kind::Finished;
        if (ends)
            Q_EMIT finished(list.back());
        const auto found = consumers_.find(run);
        if (found == consumers_.end())
            continue;
        const RunSink sink = found->second.sink; // it may end its consumer
        if (ends) {
            disconnect(found->second.destroyed);
            consumers_.erase(found);
        }
        sink(run, list);
    }
}

} // namespace switchyard
