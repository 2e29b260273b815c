// Long work beside the chats: one job at a time, in the order they were asked for, with what became of them.
#pragma once

#include "app/services/background.h"
#include "kernels/blocks.h"

#include <QList>
#include <QObject>
#include <QString>

#include <functional>
#include <map>
#include <stop_token>
#include <variant>

namespace switchyard {

using JobId = quint64; ///< of this process; 0: none

/// A dense model into experts of its own neurons.
struct CarveTask {
    QString in, out; ///< files
};
/// A model again, with its matrices in another block format.
struct QuantizeTask {
    QString in, out; ///< files
    BlockType type = BlockType::Q8_0;
};
using JobTask = std::variant<CarveTask, QuantizeTask>;
QString inputOf(const JobTask& task);
QString outputOf(const JobTask& task);

enum class JobState { Waiting, Running, Done, Failed, Cancelled };

struct Job {
    JobId id = 0;
    JobTask task;
    JobState state = JobState::Waiting;
    double share = 0;  ///< 0 .. 1
    QString stage;     ///< English, as the engine says it; translated in the context "JobStages"
    QString error;     ///< Failed: a sentence with cause and way on
    bool read = false; ///< how it ended was seen
    bool ended() const { return state != JobState::Waiting && state != JobState::Running; }
};

struct JobReport {
    std::stop_token stop;
    std::function<void(double share, const QString& stage)> progress;
};
/// Does a task, on a thread of the queue. Throws where it fails; a stop leaves nothing behind.
using JobRunner = std::function<void(const JobTask& task, const JobReport& report)>;

class JobQueue : public QObject {
    Q_OBJECT
  public:
    explicit JobQueue(JobRunner runner, QObject* parent = nullptr);
    ~JobQueue() override; ///< stops what runs and waits for it

    JobId add(JobTask task);
    /// One that waits ends at once, one that runs as soon as it hears of it. An unknown id is ignored.
    void cancel(JobId id);
    /// How it ended was seen.
    void markRead(JobId id);
    /// Oldest first; the last ones that ended are kept.
    const QList<Job>& jobs() const { return jobs_; }
    const Job* job(JobId id) const; ///< nullptr: not there, or not kept any more

  Q_SIGNALS:
    void changed(switchyard::JobId id); ///< it was added, went on, ended or was read

  private:
    Job* find(JobId id);
    void run(JobId id, const JobTask& task, const std::stop_token& stop); ///< on worker_
    void setRunning(JobId id, double share, const QString& stage);
    void end(JobId id, JobState state, const QString& error = {});

    const JobRunner runner_;
    QList<Job> jobs_;
    std::map<JobId, std::stop_source> stops_; ///< of those that have not ended
    JobId next_ = 1;
    Background worker_; ///< last: its jobs use everything above
};

} // namespace switchyard
