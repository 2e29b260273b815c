// Runs on the models of this program's engine.
#pragma once

#include "app/services/local_model_host.h"
#include "app/services/run_sinks.h"

#include <map>

namespace switchyard {

struct RunRequest;
struct SchedulerEvent;

class LocalRunService : public QObject, public RunService {
    Q_OBJECT
  public:
    /// The host must outlive it, as it must outlive who asks.
    explicit LocalRunService(LocalModelHost& host, QObject* parent = nullptr);
    ~LocalRunService() override;

    RunId submit(GenerationRequest request, QObject* consumer, RunSink sink) override;
    void cancel(RunId run) override;
    void setTuning(RunId run, const SequenceTuning& tuning) override;
    void showPrompt(GenerationRequest request, QObject* context,
                    std::function<void(const ShownPrompt&)> answer) override;
    bool knowsPrompts() const override { return true; }
    void measurePrompt(GenerationRequest request, QObject* context,
                       std::function<void(const ShownPrompt&)> answer) override;
    void forget(ConversationId id) override;

  private:
    struct Run;
    using RunPtr = std::shared_ptr<Run>;
    using PromptLook = ShownPrompt (*)(const LoadedModel&, const GenerationRequest&, const std::stop_token&);

    void look(PromptLook how, GenerationRequest request, const std::stop_source& stop, QObject* context,
              std::function<void(const ShownPrompt&)> answer);
    void takeState(const ModelKey& key, ModelState state, const QString& error);
    void stopRunsOf(const ModelKey& key);
    void beginPending(const ModelKey& key);
    std::vector<RunPtr> takePending(const ModelKey& key);
    void begin(const RunPtr& run);
    void start(const RunPtr& run, const LocalEnginePtr& engine); ///< on preparing_
    void handOver(const RunPtr& run, const LocalEnginePtr& engine, RunRequest request);
    static RunEvent eventOf(Run& run, const SchedulerEvent& event);     ///< on the scheduler's thread
    void end(Run& run, FinishReason reason, const QString& error = {}); ///< without the engine; any thread
    LocalEnginePtr engineOf(const Run& run) const;                      ///< nullptr: the model was left

    LocalModelHost& host_;
    RunSinks sinks_;
    RunId next_run_ = 1;
    std::map<RunId, RunPtr> runs_;
    std::vector<RunPtr> pending_; ///< wait for their model, which loads
    std::stop_source measuring_;  ///< of the latest measurePrompt()
    Background looking_;          ///< at prompts: runs do not wait for it
    Background preparing_;        ///< last: its jobs use everything above
};

} // namespace switchyard
