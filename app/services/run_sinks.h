// The way of a run's events from the thread that computes to who asked: a guarded buffer, emptied on this
// thread at most every 16 ms.
#pragma once

#include "app/services/run_service.h"

#include <QElapsedTimer>
#include <QTimer>

#include <mutex>
#include <unordered_map>

namespace switchyard {

class RunSinks;

/// A thread that computes may hold it for longer than the sinks live.
class RunStream {
  public:
    explicit RunStream(RunSinks& sinks) : sinks_(&sinks) {}
    /// From any thread; nobody hears it once the sinks are gone.
    void post(RunEvent event);
    std::vector<RunEvent> drain();
    void detach();

  private:
    std::mutex mutex_;
    RunSinks* sinks_;
    std::vector<RunEvent> events_;
};

class RunSinks : public QObject {
    Q_OBJECT
  public:
    explicit RunSinks(QObject* parent = nullptr);
    ~RunSinks() override;

    const std::shared_ptr<RunStream>& stream() const { return stream_; }

    /// Before the run's first event. abandoned() follows where `consumer` is destroyed before the run's end.
    void add(RunId run, QObject* consumer, RunSink sink);
    void wake();

  Q_SIGNALS:
    void abandoned(switchyard::RunId run);            ///< nobody waits for it any more
    void finished(const switchyard::RunEvent& event); ///< before its sink hears of it

  private:
    struct Consumer {
        RunSink sink;
        QMetaObject::Connection destroyed;
    };
    void deliver();

    std::shared_ptr<RunStream> stream_;
    std::unordered_map<RunId, Consumer> consumers_;
    QTimer timer_;
    QElapsedTimer delivered_;
};

} // namespace switchyard
