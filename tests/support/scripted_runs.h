// Runs that play a script, one at a time.
#pragma once

#include "app/services/run_sinks.h"
#include "tests/support/scripted_models.h"

#include <condition_variable>
#include <deque>
#include <thread>

namespace switchyard {

class ScriptedRuns : public QObject, public RunService {
    Q_OBJECT
  public:
    /// The models must outlive it.
    explicit ScriptedRuns(ScriptedModels& models, QObject* parent = nullptr);
    ~ScriptedRuns() override;

    /// What submit() was given, in order.
    std::vector<GenerationRequest> requests() const;

    RunId submit(GenerationRequest request, QObject* consumer, RunSink sink) override;
    void cancel(RunId run) override;
    void setTuning(RunId run, const SequenceTuning& tuning) override;
    bool knowsPrompts() const override { return true; }
    void showPrompt(GenerationRequest request, QObject* context,
                    std::function<void(const ShownPrompt&)> answer) override;

  private:
    struct Run;
    struct Answer;
    using Clock = std::chrono::steady_clock;
    void work(std::stop_token stop);
    void play(Run& run, std::stop_token stop);
    bool prefill(Run& run, const FakeScript& script, std::stop_token stop);
    TokenRecord record(const Run& run, const Answer& answer, int index) const;
    void takeMoves(Run& run, int token);
    void applyReplay(Run& run, int token);
    void finish(Run& run, FinishReason reason, const QString& error = {});
    void post(RunEvent event) { sinks_.stream()->post(std::move(event)); }
    template <typename Change>
    void change(const Change& change); ///< of every run that has not ended
    /// Sleeps; false where the run was cancelled or the program ends.
    bool waitUntil(Run& run, Clock::time_point time, std::stop_token stop);

    ScriptedModels& models_;
    RunSinks sinks_;
    mutable std::mutex mutex_; ///< guards what follows up to worker_
    std::condition_variable_any wake_;
    std::deque<std::shared_ptr<Run>> queue_; ///< front: the one that runs
    std::vector<GenerationRequest> requests_;
    RunId next_run_ = 1;
    std::jthread worker_;
};

} // namespace switchyard
