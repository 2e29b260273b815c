// Models that play a script.
#pragma once

#include "tests/support/fake_script.h"

#include <chrono>
#include <map>
#include <mutex>

namespace switchyard {

class ScriptedModels : public ModelHost {
    Q_OBJECT
  public:
    explicit ScriptedModels(FakeScript script = {}, QObject* parent = nullptr);

    /// Takes effect with the next load or run.
    void setScript(const FakeScript& script);
    FakeScript script() const; ///< from any thread
    /// How far the weights are re-encoded, of how many slices; from any thread.
    std::pair<quint32, quint32> recoded(const ModelKey& key) const;

    void load(const ModelKey& key, const ModelKey& in_place_of = {},
              const DeviceChoice& device = {}) override;
    void unload(const ModelKey& key) override;
    ModelState state(const ModelKey& key) const override;
    const Capabilities& capabilities(const ModelKey& key) const override;
    ModelTuning modelTuning(const ModelKey& key) const override;
    void setModelTuning(const ModelKey& key, const ModelTuning& tuning) override;
    void countTokens(const ModelKey& key, const QString& text, std::function<void(int)> answer) override;
    void readCard(const ModelKey& key, std::function<void(const CardReading&)> answer) override;

  Q_SIGNALS:
    void tuned(const switchyard::ModelKey& key, const switchyard::ModelTuning& tuning);

  private:
    using Clock = std::chrono::steady_clock;
    struct Entry {
        ModelState state = ModelState::None;
        Capabilities capabilities;
        ModelTuning tuning, before;
        int serial = 0, recode_serial = 0;
        Clock::time_point recode_start;
        quint32 recoded = 0, recode_total = 0; ///< guarded
    };
    void become(const ModelKey& key, const FakeScript& script);
    void recodeTick(const ModelKey& key);

    mutable std::mutex mutex_;
    FakeScript script_; ///< guarded
    std::map<ModelKey, Entry> entries_;
    int serial_ = 0;
};

} // namespace switchyard
