// Models of the engine in this program. Everything that takes time happens on other threads; this one only
// hands over and hears.
#pragma once

#include "app/services/background.h"
#include "app/services/model_host.h"
#include "engine/backends/choose_backend.h"

#include <map>
#include <memory>
#include <stop_token>

namespace switchyard {

class LoadedModel;
class MemoryLock;
class Scheduler;
class StepTurns;
struct RecodeProgress;
struct RunRecord;

/// A loaded model and what serves it; its end waits for the scheduler's thread.
struct LocalEngine {
    LocalEngine();
    ~LocalEngine();
    std::shared_ptr<MemoryLock> lock; ///< nullptr: it may be swapped out
    std::shared_ptr<LoadedModel> model;
    std::unique_ptr<Scheduler> scheduler;
};
using LocalEnginePtr = std::shared_ptr<LocalEngine>;

struct LocalHostOptions {
    int threads = 0;                                      ///< 0: one a processor core
    std::shared_ptr<Hardware> hardware = this_hardware(); ///< what can compute the models
    QString speeds_file; ///< where measured speeds are kept for the next start; "": nowhere
    std::function<quint64()> free_memory = systemFreeMemory; ///< bytes; 0: not known
    static quint64 systemFreeMemory();
};

/// Loaded models take turns, step by step. One that does not fit beside those that are loaded is refused.
class LocalModelHost : public ModelHost {
    Q_OBJECT
  public:
    explicit LocalModelHost(LocalHostOptions options = {}, QObject* parent = nullptr);
    ~LocalModelHost() override;

    void load(const ModelKey& key, const ModelKey& in_place_of = {},
              const DeviceChoice& device = {}) override;
    void setSetups(std::function<ModelSetup(const ModelKey& key)> setups) override;
    void unload(const ModelKey& key) override;
    ModelState state(const ModelKey& key) const override;
    const Capabilities& capabilities(const ModelKey& key) const override;
    ModelTuning modelTuning(const ModelKey& key) const override;
    void setModelTuning(const ModelKey& key, const ModelTuning& tuning) override;
    void countTokens(const ModelKey& key, const QString& text, std::function<void(int)> answer) override;
    void readCard(const ModelKey& key, std::function<void(const CardReading&)> answer) override;

    /// What computes this model's runs; nullptr where it is not ready. Never to be the last holder on this
    /// thread.
    LocalEnginePtr engine(const ModelKey& key) const;
    std::vector<LocalEnginePtr> engines() const;
    /// Corrects the expected speeds by what an answer took.
    void learnFrom(const ModelKey& key, const RunRecord& record);
    /// An answer failed: it may be for the card that computes it.
    void examineCard(const ModelKey& key);

  Q_SIGNALS:
    void leaving(const switchyard::ModelKey& key); ///< its engine goes next: its runs are to be stopped

  private:
    struct Entry {
        ModelState state = ModelState::None; ///< None: the file is being looked at
        Capabilities capabilities;
        LocalEnginePtr engine;      ///< never the last holder while the host lives: it goes on loading_
        int serial = 0;             ///< of its loading, and of the engine that it brought
        int check_serial = 0;       ///< of the newest wish, whose file is being looked at; 0: none
        ModelTuning tuning, before; ///< asked for, and what it goes back to where that fails
        DeviceChoice device;        ///< as it was asked for
        std::stop_source stop, check_stop;
    };
    const Entry& entry(const ModelKey& key) const; ///< an empty one where there is none
    Entry* entry(const ModelKey& key, int serial); ///< nullptr: overtaken
    BackendOptions backendOptions(const ModelSetup& setup) const;
    bool othersBeside(const ModelKey& key, const ModelKey& in_place_of) const;
    void beginLoading(const ModelKey& key, const ModelKey& in_place_of, const DeviceChoice& device);
    LocalEnginePtr leave(const ModelKey& key);
    void install(const ModelKey& key, int serial, LocalEnginePtr engine, const Capabilities& capabilities);
    void fail(const ModelKey& key, int serial, const QString& error);
    void takeCard(const ModelKey& key, int serial, const DeviceStatus& status);
    void noteRecode(const ModelKey& key, int serial, const RecodeProgress& progress);
    // On loading_:
    struct Wish;
    void check(const Wish& wish);
    void answerWish(const Wish& wish, const QString& error); ///< on this thread
    struct Loading;                                          ///< of one model
    void read(const Loading& loading, LocalEnginePtr old);
    /// Returns why the engine's memory is not locked although that was asked for; "": nothing of the kind.
    QString lock(LocalEngine& engine, const ModelSetup& setup);
    LocalEnginePtr makeEngine(const Loading& loading, const ChosenBackend& device);

    const LocalHostOptions options_;
    const std::shared_ptr<StepTurns> turns_;
    std::function<ModelSetup(const ModelKey& key)> setups_ = [](const ModelKey&) { return ModelSetup(); };
    SpeedHistory speeds_;
    std::weak_ptr<MemoryLock> locked_; ///< used on loading_
    double bandwidth_ = -1;            ///< bytes a second; measured on loading_ before the first model
    std::map<ModelKey, Entry> entries_;
    int serial_ = 0;
    Background chores_, loading_; ///< last: their jobs use everything above
};

} // namespace switchyard
