// Answers by the engine in this program. Everything that takes time happens on other threads; this one only
// hands over and hears.
#pragma once

#include "app/services/generator.h"
#include "app/services/task_queue.h"

#include <map>
#include <stop_token>

namespace switchyard {

struct BackendOptions;
struct CarveRequest;
struct RecodeProgress;
struct RunRequest;
struct SchedulerEvent;

class LocalGenerator : public Generator {
    Q_OBJECT
  public:
    /// `threads` 0: one a processor core. `speeds_file`: where measured speeds are kept for the next start;
    /// "": nowhere.
    explicit LocalGenerator(int threads = 0, QObject* parent = nullptr, const QString& speeds_file = {});
    ~LocalGenerator() override;

    void loadModel(const QString& path) override;
    void unloadModel() override;
    ModelState modelState() const override { return state_; }
    const Capabilities& capabilities() const override { return capabilities_; }
    /// While a model loads, runs wait for it.
    RunId submit(GenerationRequest request) override;
    void cancel(RunId run) override;
    void setTuning(RunId run, const SequenceTuning& tuning) override;
    void setModelTuning(const ModelTuning& tuning) override;
    void countTokens(const QString& text, std::function<void(int)> answer) override;
    void forget(ConversationId id) override;
    void carve(const QString& output) override;
    void cancelCarve() override;
    std::vector<RunEvent> drain() override;

  private:
    struct Engine;
    struct Run;
    using EnginePtr = std::shared_ptr<Engine>;
    using RunPtr = std::shared_ptr<Run>;

    void beginLoading(const QString& path);
    void check(const QString& path, int serial, std::stop_token stop); ///< on loading_
    BackendOptions backendOptions() const;
    void load(const QString& path, int serial, EnginePtr old, std::stop_token stop); ///< on loading_
    EnginePtr makeEngine(const QString& path, int serial, std::stop_token stop);     ///< on loading_
    void start(const RunPtr& run, const EnginePtr& engine);                          ///< on preparing_
    void handOver(const RunPtr& run, const EnginePtr& engine, RunRequest request);
    void take(Run& run, const SchedulerEvent& event); ///< on the scheduler's thread

    void runCarve(const CarveRequest& request, const QString& output, std::stop_token stop); ///< on carving_
    void leaveModel(); ///< stops what loads and runs
    void install(int serial, EnginePtr engine, const Capabilities& capabilities);
    void fail(int serial, const QString& error);
    void noteRecode(int serial, const RecodeProgress& progress);
    void begin(const RunPtr& run);
    void endPending(const QString& error);
    void end(Run& run, FinishReason reason, const QString& error = {}); ///< without the engine; any thread
    void emitEvent(RunEvent event);                                     ///< any thread

    void learnFrom(const RunRecord& record);

    const int threads_;
    const QString speeds_file_;
    SpeedHistory speeds_;
    double bandwidth_ = -1; ///< bytes a second; measured on loading_ before the first model
    TokenStream stream_;
    ModelState state_ = ModelState::None;
    Capabilities capabilities_;
    EnginePtr engine_; ///< never the last holder while it lives: it goes on a queue's thread
    int load_serial_ = 0, check_serial_ = 0;
    std::stop_source stop_loading_, stop_carving_;
    RunId next_run_ = 1;
    std::map<RunId, RunPtr> runs_;
    std::vector<RunPtr> pending_;             ///< wait for the model that loads
    TaskQueue preparing_, loading_, carving_; ///< last: their jobs use everything above
};

} // namespace switchyard
