#include "app/services/job_queue.h"

#include "app/services/engine_sentence.h"

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

constexpr qsizetype kKept = 20; ///< jobs that ended
constexpr double kLeastProgress = 0.005;

} // namespace

QString inputOf(const JobTask& task) {
    return std::visit([](const auto& one) { return one.in; }, task);
}

QString outputOf(const JobTask& task) {
    return std::visit([](const auto& one) { return one.out; }, task);
}

JobQueue::JobQueue(JobRunner runner, QObject* parent) : QObject(parent), runner_(std::move(runner)) {}

JobQueue::~JobQueue() {
    for (auto& [id, stop] : stops_)
        stop.request_stop();
}

Job* JobQueue::find(JobId id) { return const_cast<Job*>(std::as_const(*this).job(id)); }

const Job* JobQueue::job(JobId id) const {
    const auto found = std::ranges::find(jobs_, id, &Job::id);
    return found == jobs_.end() ? nullptr : &*found;
}

JobId JobQueue::add(JobTask task) {
    Job job;
    job.id = next_++;
    job.task = std::move(task);
    const std::stop_token stop = stops_[job.id].get_token();
    worker_.post([this, id = job.id, task = job.task, stop] { run(id, task, stop); });
    jobs_.append(job);
    Q_EMIT changed(job.id);
    return job.id;
}

void JobQueue::cancel(JobId id) {
    const auto stop = stops_.find(id);
    if (stop == stops_.end())
        return;
    stop->second.request_stop();
    if (find(id)->state == JobState::Waiting)
        end(id, JobState::Cancelled);
}

void JobQueue::markRead(JobId id) {
    Job* job = find(id);
    if (!job || !job->ended() || std::exchange(job->read, true))
        return;
    Q_EMIT changed(id);
}

void JobQueue::run(JobId id, const JobTask& task, const std::stop_token& stop) {
    if (stop.stop_requested())
        return;
    const auto say = [this](auto what) { QMetaObject::invokeMethod(this, what, Qt::QueuedConnection); };
    say([this, id] { setRunning(id, 0, {}); });
    JobReport report;
    report.stop = stop;
    report.progress = [this, id, say, last = -1.0](double share, const QString& stage) mutable {
        if (share < last + kLeastProgress && share < 1)
            return;
        last = share;
        say([this, id, share, stage] { setRunning(id, share, stage); });
    };
    try {
        runner_(task, report);
        say([this, id] { end(id, JobState::Done); });
    } catch (const std::exception& error) {
        const bool stopped = stop.stop_requested();
        say([this, id, stopped, text = stopped ? QString() : engineSentence(error, inputOf(task))] {
            end(id, stopped ? JobState::Cancelled : JobState::Failed, text);
        });
    }
}

void JobQueue::setRunning(JobId id, double share, const QString& stage) {
    Job* job = find(id);
    if (!job || job->ended())
        return;
    job->state = JobState::Running;
    job->share = share;
    job->stage = stage;
    Q_EMIT changed(id);
}

void JobQueue::end(JobId id, JobState state, const QString& error) {
    Job* job = find(id);
    if (!job || job->ended())
        return;
    stops_.erase(id);
    job->state = state;
    job->error = error;
    if (state == JobState::Done)
        job->share = 1;
    job->read = state == JobState::Cancelled; // what was asked for is no news
    while (std::ranges::count_if(jobs_, &Job::ended) > kKept)
        jobs_.erase(std::ranges::find_if(jobs_, &Job::ended));
    Q_EMIT changed(id);
}

} // namespace switchyard
